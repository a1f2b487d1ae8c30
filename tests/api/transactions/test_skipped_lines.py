"""skipBadLines: a customer's day that a bad line names stays as it was, and is counted."""

import pytest

from tests.api.transactions.support import HEADER, stored
from tests.support.workbook import workbook

SKIP = {"skipBadLines": "true"}
ORDERS = "Order,Customer,Date,Line total\n"
BEFORE = [("a", "2026-04-01", 1, 1, 800_000), ("b", "2026-04-01", 1, 1, 50_000)]
AFTER = [BEFORE[0], ("b", "2026-04-01", 1, 1, 60_000)]


@pytest.fixture
def before(put):
    put(f"{HEADER}a,2026-04-01,80\nb,2026-04-01,5\n")


@pytest.mark.parametrize(
    "bad",
    [
        "a,2026-04-01,x",
        "a,2026-04-01,",
        "a,2026-04-01,2,3",
        "a,2026-04-01",
        "a,2026-04-01,2\0",
        'a,2026-04-01,"2',
        'a,2026-04-01,"2"3',
        "a,2026-04-01,1e30",
    ],
)
def test_the_day_of_a_line_that_can_not_be_read_is_kept(before, put, bad):
    file = f"{HEADER}a,2026-04-01,1\n{bad}\nb,2026-04-01,6\n"
    assert put(file).status_code == 400
    assert stored() == BEFORE
    answer = put(file, SKIP)
    assert answer.status_code == 200, answer.text
    counts = [answer.json[name] for name in ("received", "rejected", "daysKept", "lowered")]
    assert counts == [2, 1, 1, 0]
    assert answer.json["reasons"][0]["lines"] == [3]
    assert stored() == AFTER


@pytest.mark.parametrize(
    "bad", ["1,a,2026-04-01,x", "1,a,yesterday,30", "1,a,2026-04-01,30,9", "1"]
)
def test_an_order_with_a_bad_line_is_kept_as_a_whole(put, bad):
    choices = {"time": "Date", "amount": "Line total"}
    put(f"{ORDERS}1,a,2026-04-01,50\n1,a,2026-04-01,30\n2,b,2026-04-01,5\n", choices)
    assert stored() == BEFORE
    file = f"{ORDERS}1,a,2026-04-01,50\n{bad}\n2,b,2026-04-01,6\n"
    assert put(file, choices).status_code == 400
    answer = put(file, {**choices, **SKIP})
    assert (answer.json["rejected"], answer.json["daysKept"]) == (1, 1), answer.text
    assert stored() == AFTER


def test_a_line_of_an_order_without_a_date_is_bad_and_no_total(put):
    file = f"{ORDERS}1,a,2026-04-01,50\n1,,,30\n2,b,2026-04-01,5\n"
    answer = put(file)
    assert answer.status_code == 400 and "line 3" in answer.json["message"]
    assert stored() == []


def test_a_bad_row_of_a_workbook_keeps_its_day(before, put):
    rows = [["a", "2026-04-01", 1], ["a", "2026-04-01", 2, 3], ["b", "2026-04-01", 6]]
    answer = put(workbook([["customer_id", "date", "amount"], *rows]), SKIP)
    assert (answer.json["rejected"], answer.json["daysKept"]) == (1, 1), answer.text
    assert stored() == AFTER


def test_a_line_that_names_nobody_keeps_nothing(before, put):
    file = f"{HEADER}a,2026-04-01,1\n,2026-04-01,x\n?\nb,2026-04-01,6\n"
    answer = put(file, SKIP)
    assert (answer.json["rejected"], answer.json["daysKept"], answer.json["lowered"]) == (1, 0, 1)
    assert [one["reason"] for one in answer.json["leftOut"]] == ["no customer"]
    assert stored()[0][4] == 10_000


def test_lines_of_letters_that_no_text_has_are_skipped_as_well(before, put):
    """Nothing of them may get into a database, which would refuse it."""
    file = f"{ORDERS}1\0,a\0,2026-04-01,5\n2\0,a,2026-04-01,5\n3,b,2026-04-01,6\n"
    answer = put(file, {"time": "Date", "amount": "Line total", **SKIP})
    assert (answer.json["rejected"], answer.json["daysKept"]) == (2, 1), answer.text
    assert stored() == AFTER


def test_a_file_of_bad_lines_alone_changes_nothing(before, put):
    answer = put(f"{HEADER}a,2026-04-01,x\n", SKIP)
    assert [answer.json[name] for name in ("received", "rejected", "daysKept")] == [0, 1, 1]
    assert stored() == BEFORE


def test_replacing_takes_no_skipped_lines(before, put):
    file = f"{HEADER}b,2026-04-01,6\na,2026-04-01,x\n"
    for query in ({"replace": "true", **SKIP}, {"replace": "true"}):
        assert put(file, query).status_code == 400
        assert stored() == BEFORE
