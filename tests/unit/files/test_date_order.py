"""The order of day and month in a column of dates."""

import pytest

from clv.files.cells.date_order import DateOrder

# 2026-12-01
LATEST_MS = 1_796_083_200_000


def order_of(*cells):
    order = DateOrder(LATEST_MS)
    order.add(cells)
    return order


@pytest.mark.parametrize(
    ("cells", "candidates"),
    [
        (["13/01/2026"], "dmy"),
        (["01/13/2026"], "mdy"),
        (["1/2/2026", "25.12.2025 10:00"], "dmy"),
        (["10/05/2026 2:30:00 PM", "8/22/2026"], "mdy"),
        (["03/15/26"], "mdy"),
        # 30 is no day of February.
        (["26-02-30", "25-12-31"], "dmy"),
        (["Thu, 3/12/2026", "Fri, 3/13/2026"], "mdy"),
        (["12. 03. 2026", "13. 03. 2026"], "dmy"),
        ([" 13/01/2026,09:00"], "dmy"),
        # Years first, this is 2031, or 1931.
        (["31/01/26"], "dmy"),
        (["28/03/12"], "dmy"),
        # Years first, this is later in December.
        (["26-11-30", "26-12-02"], "dmy"),
        # What contradicts the first evidence, or fits nothing, is an error of its line.
        (["13/01/2026", "01/13/2026", "01/14/2026"], "dmy"),
        (["99/99/2026", "1/1/1", "30/02/2026", "13/01/2026"], "dmy"),
    ],
)
def test_one_date_settles_the_order(cells, candidates):
    order = order_of(*cells)
    assert order.order == candidates
    assert order.is_certain
    assert not order.is_open
    assert order.examples == []


@pytest.mark.parametrize(
    ("cells", "candidates"),
    [
        (["12/03/2026"], ("dmy", "mdy")),
        (["12.03.2026 10:00", "13.13.2026"], ("dmy", "mdy")),
        (["03/12/26"], ("ymd", "dmy", "mdy")),
        (["26-03-12"], ("ymd", "dmy")),
        (["26-03-31"], ("ymd", "dmy")),
        (["03/12/26", "03/12/2026"], ("dmy", "mdy")),
    ],
)
def test_dates_that_fit_several_orders_are_a_question(cells, candidates):
    order = order_of(*cells)
    assert order.candidates == candidates
    assert order.is_open
    assert not order.is_certain
    assert order.order is None
    assert cells[0].split(" ")[0] in order.examples


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-12",
        "2026/03/12 09:14:02",
        "2026.3.1",
        "12 Mar 2026",
        "12-Mär-26",
        "20260312",
        "1773303242",
        "45384.3478",
        "45384",
        "",
        "--",
        "12.34.5",
        "1.2.3",
        "192.168.1.1",
        "12/03/20261",
        "12/03/2026x",
        "12/03-2026",
        "12.50",
    ],
)
def test_what_is_no_numeric_date_needs_no_order(cell):
    order = order_of(cell)
    assert order.order is None
    assert not order.is_open
    assert not order.is_certain


def test_dates_that_are_the_same_day_in_all_orders_are_no_question():
    order = order_of("03/03/2026", "12/12/2025")
    assert not order.is_open
    assert order.order in ("dmy", "mdy")
    assert not order.is_certain
    order.add(["03/04/2026"])
    assert order.is_open


def test_examples_are_of_the_orders_that_are_left():
    order = order_of("03/03/26", "05/04/26")
    assert order.examples == ["03/03/26", "05/04/26"]
    order.add(["03/03/2026"])
    assert order.examples == ["05/04/26"]


def test_evidence_may_come_in_parts():
    order = order_of(*["01/02/2026"] * 1000, "03/04/2026")
    assert order.is_open
    assert order.examples == ["01/02/2026", "03/04/2026"]
    order.add(["14/02/2026"])
    assert order.order == "dmy"
