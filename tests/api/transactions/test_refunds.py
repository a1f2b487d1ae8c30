"""A sale and its full refund leave the sale without its value, however a shop writes it down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.api.transactions.support import stored
from tests.conftest import ON_ONE_DATABASE
from tests.support.orders import Order, rendered
from tests.support.shops import LAYOUTS

SALE_DAYS_AGO, REFUND_DAYS_AGO = 50, 20
TOTAL = Decimal("80.00")
ROWS = ("square_transactions", "paypal_en", "woocommerce_analytics")
COLUMNS = ("shopify", "stripe_payments")
FIGURES = ("rfmRecency", "rfmFrequency", "rfmMonetary", "tenure", "predictedRevenue")


def at(days_ago: int, hour: int = 20) -> datetime:
    """An hour of UTC that is of one day in Berlin, New York and Los Angeles."""
    today = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days_ago)


SALE = Order(1001, "ann", at(SALE_DAYS_AGO), TOTAL)
# What it is compared with: one that nobody sent back.
KEPT = Order(1002, "bo", at(SALE_DAYS_AGO), TOTAL)


def lines(name: str, orders: list[Order]) -> tuple[bytes, list[bytes]]:
    """The header of an export, and its other lines."""
    header, *others = rendered(LAYOUTS[name], orders).splitlines(keepends=True)
    return header, others


def refund_row(name: str, days_ago: int, hour: int) -> bytes:
    """The row of a refund, with its own time."""
    refund = replace(SALE, moment=at(days_ago, hour), refunded=TOTAL)
    return lines(name, [refund])[1][1]


def check(record: dict, kept: dict, days_ago: int) -> None:
    """Recency, frequency, tenure and segment are those of the sale; its value is gone."""
    assert [record[name] for name in FIGURES] == [days_ago, 1, 0, days_ago, 0]
    assert [kept[name] for name in FIGURES[:4]] == [days_ago, 1, 80, days_ago]
    assert record["segment"] == kept["segment"] == "at_risk"


# Which lines each file has: S the sales, R the refund. A file is complete for each customer and day
# in it, so that the refund of a sale of the same day comes with the sale.
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize(
    ("files", "days_ago"),
    [
        (["SR"], REFUND_DAYS_AGO),
        (["S", "R"], REFUND_DAYS_AGO),
        (["R", "S"], REFUND_DAYS_AGO),
        (["SR"], SALE_DAYS_AGO),
        (["S", "SR"], SALE_DAYS_AGO),
    ],
    ids=str,
)
def test_a_refund_in_a_row_of_its_own(name, files, days_ago, put, days_of, scored):
    days_of("Europe/Berlin")
    header, sales = lines(name, [SALE, KEPT])
    refund = refund_row(name, days_ago, 21)
    parts = {"S": b"".join(sales), "R": refund}
    for file in files:
        content = header + b"".join(map(parts.__getitem__, file))
        answer = put(content, {"dateOrder": "mdy"} if name == "paypal_en" else ())
        assert answer.status_code == 200, answer.text
        assert answer.json["profile"] == name
    records = scored()
    customer, other = (LAYOUTS[name].customer(order) for order in (SALE, KEPT))
    check(records[customer], records[other], SALE_DAYS_AGO)
    refunded = [row[2:] for row in stored() if row[0] == customer]
    apart = [(1, 1, 800_000), (0, 0, -800_000)]
    assert refunded == ([(1, 1, 0)] if days_ago == SALE_DAYS_AGO else apart)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("files", ["one file", "two files"])
def test_a_refund_in_a_column_of_the_order(name, files, put, days_of, scored):
    days_of("Europe/Berlin")
    if files == "two files":
        before = put(rendered(LAYOUTS[name], [SALE, KEPT]))
        assert before.json["inserted"] == 2, before.text
        assert scored()["ann@example.com"]["rfmMonetary"] == 80
    answer = put(rendered(LAYOUTS[name], [replace(SALE, refunded=TOTAL), KEPT]))
    assert answer.status_code == 200, answer.text
    assert answer.json["lowered"] == (files == "two files")
    assert stored()[0][2:] == (1, 1, 0)
    records = scored()
    check(records["ann@example.com"], records["bo@example.com"], SALE_DAYS_AGO)


@pytest.mark.parametrize("name", COLUMNS)
def test_an_order_whose_state_says_refunded_is_a_visit_worth_nothing(name, put, days_of, scored):
    days_of("Europe/Berlin")
    text = rendered(LAYOUTS[name], [replace(SALE, refunded=TOTAL), KEPT]).decode()
    text = text.replace("partially_refunded", "refunded").replace("Paid,", "Refunded,", 1)
    assert put(text).status_code == 200
    records = scored()
    check(records["ann@example.com"], records["bo@example.com"], SALE_DAYS_AGO)


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("name", "cells", "values"),
    [
        ("Refunded", ("5.00", "0.00"), [(1, 150_000), (1, 200_000)]),
        ("Refunded?", ("yes", "no"), [(1, 0), (1, 200_000)]),
        ("Is refunded", ("1", "0"), [(1, 0), (1, 200_000)]),
        ("Erstattet", ("", "Ja"), [(1, 200_000), (1, 0)]),
    ],
)
def test_a_column_about_refunds_is_an_amount_or_says_yes(put, name, cells, values):
    rows = zip("ab", cells, strict=True)
    text = "".join(f"{who};2026-04-01;20.00;{cell}\n" for who, cell in rows)
    answer = put(f"Customer;Date;Total;{name}\n{text}")
    assert answer.status_code == 200, answer.text
    assert [(row[2], row[4]) for row in stored()] == values


@ON_ONE_DATABASE
def test_a_column_about_refunds_with_zeros_alone_is_a_question(put):
    text = "Customer,Date,Total,Refunded\na,2026-04-01,20.00,0\n"
    answer = put(text)
    assert answer.status_code == 400 and "Refunded" in answer.json["errors"]["query"]["refund"][0]
    assert put(text, {"refund": "Refunded"}).status_code == 200
    later = put(text.replace(",0\n", ",5.00\n"))
    assert later.status_code == 200 and stored()[0][4] == 150_000
