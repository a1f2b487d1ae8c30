"""The file of yesterday, given out again today: what is stored follows, and so do the records."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.api.transactions.support import stored
from tests.support.orders import Order, expected, moment, rendered
from tests.support.shops import LAYOUTS

GENERIC = "Order,Customer,Date,Total,Refunded,Status\n"
# An order of each customer on one day, and a second one of Ann; of the morning, as all are.
YESTERDAY = [
    Order(n, name, moment(440, 36_000 + n), Decimal(total))
    for n, name, total in (
        (1, "ann", "58.80"),
        (2, "bo", "20.00"),
        (3, "cy", "30.00"),
        (4, "dee", "40.00"),
        (5, "ann", "10.00"),
        (6, "gus", "5.00"),
    )
]
CANCELLED, REFUNDED = "cancelled", Decimal("30.00")
ADDED = Order(7, "eve", moment(440, 80_000), Decimal("7.00"))
TODAY = [
    replace(YESTERDAY[0], state=CANCELLED),
    replace(YESTERDAY[1], refunded=Decimal("5.00")),
    replace(YESTERDAY[2], refunded=REFUNDED),
    *YESTERDAY[3:5],
    replace(YESTERDAY[5], state=CANCELLED),
    ADDED,
]


def generic(orders: list[Order]) -> bytes:
    """A table that no shop has, with a column of what was paid back."""
    rows = [
        f"{order.number},{order.email},{order.local():%Y-%m-%d %H:%M},{order.total},"
        f"{order.refunded:.2f},{order.state}\n"
        for order in orders
    ]
    return f"{GENERIC}{''.join(rows)}".encode()


FILES = {
    "generic": generic,
    **{
        name: lambda orders, name=name: rendered(LAYOUTS[name], orders)
        for name in ("shopify", "woocommerce_webtoffee", "stripe_payments", "german_spreadsheet")
    },
}


def rows_of(orders: list[Order]) -> list[tuple]:
    """What must be stored of orders whose file has refunds within their days."""
    days = expected(LAYOUTS["shopify"], orders)
    return sorted((*key, n, n, int(value * 10_000)) for key, (n, value) in days.items())


@pytest.mark.parametrize("name", FILES)
def test_what_was_cancelled_refunded_or_added_since_is_followed(name, put, days_of, scored):
    days_of("Europe/Berlin")
    first = put(FILES[name](YESTERDAY))
    assert (first.status_code, first.json["inserted"]) == (200, 5), first.text
    assert stored() == rows_of(YESTERDAY)
    assert set(scored()) == {f"{who}@example.com" for who in ("ann", "bo", "cy", "dee", "gus")}

    again = put(FILES[name](TODAY))
    assert again.status_code == 200, again.text
    changes = [again.json[each] for each in ("inserted", "updated", "unchanged", "deleted")]
    assert (changes, again.json["lowered"]) == ([1, 3, 1, 1], 4)
    assert sum(one["total"] for one in again.json["leftOut"]) == pytest.approx(63.8)
    assert stored() == rows_of(TODAY)
    records = scored()
    figures = {
        customer.partition("@")[0]: (record["rfmFrequency"], record["rfmMonetary"])
        for customer, record in records.items()
    }
    assert figures == {"ann": (1, 10), "bo": (1, 15), "cy": (1, 0), "dee": (1, 40), "eve": (1, 7)}
    assert len({(r["rfmRecency"], r["tenure"]) for r in records.values()}) == 1

    third = put(FILES[name](TODAY))
    # A day that is gone and stays so is one of them.
    assert (third.json["unchanged"], third.json["lowered"]) == (6, 0)
    assert stored() == rows_of(TODAY)
