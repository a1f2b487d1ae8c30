"""Whatever a shop's orders are: a preview says what the load then does."""

import io
import itertools
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services import settings as settings_service
from clv.services.loading import Options
from tests.support.orders import Order, Style, moment, rendered
from tests.support.shops import LAYOUTS

_numbers = itertools.count()


@some.composite
def orders(draw) -> Order:
    total = Decimal(draw(some.integers(0, 999_999))) / 100
    state = draw(some.sampled_from(("paid", "paid", "cancelled")))
    share = draw(some.sampled_from((0, 0, 1, 2))) if state == "paid" else 0
    return Order(
        draw(some.integers(1, 9_999)),
        draw(some.sampled_from(("ann", "bo", "cy", "guest", "dee"))),
        moment(draw(some.integers(0, 400)), draw(some.integers(0, 86_399))),
        total,
        (total * share / 2).quantize(Decimal("0.01")),
        state,
    )


def shop():
    tenant = settings_service.create_tenant(f"shop{next(_numbers)}")
    return settings_service.change_settings(tenant, {"time_zone": "Europe/Berlin"})


def day_sums(tenant) -> tuple:
    """What is stored: transactions, customers, the first and the last day, the value."""
    return db.rows(
        "SELECT COALESCE(SUM(impressions), 0), COUNT(DISTINCT customer_id), MIN(period_key),"
        " MAX(period_key), COALESCE(SUM(total_value), 0) FROM interaction_summary"
        " WHERE tenant_id = %s",
        (tenant.id,),
    )[0]


@pytest.mark.parametrize("name", LAYOUTS)
@given_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=4,
)
@given(data=some.data())
def test_a_preview_and_a_load_agree(app, name, data):
    layout = LAYOUTS[name]
    drawn = data.draw(some.lists(orders(), min_size=1, max_size=8, unique_by=lambda o: o.number))
    if layout.refunds == "etsy":
        drawn = [replace(order, refunded=Decimal(0)) for order in drawn]
    style = Style(shuffle=data.draw(some.integers(0, 99)))
    bad = data.draw(some.sampled_from((b"", b"?\n")))
    content = rendered(layout, drawn, style) + bad

    def file() -> File:
        return File(io.BytesIO(content))

    with db.scope():
        tenant = shop()
        try:
            shown = loading.preview_transactions(tenant, file(), Choices())
        except Invalid as refused:
            with pytest.raises(Invalid, match=re.escape(refused.message)):
                loading.load_transactions(tenant, file(), Choices(), Options())
            return
        assert day_sums(tenant)[:2] == (0, 0)
        if shown.questions or (shown.bad_lines.count and not shown.transactions):
            event("a question, or nothing but bad lines")
            with pytest.raises(Invalid):
                loading.load_transactions(tenant, file(), Choices(), Options())
            return
        skip = Options(skip_bad_lines=bool(shown.bad_lines.count))
        loaded = loading.load_transactions(tenant, file(), Choices(), skip)
        event("loaded")
        transactions, customers, first, last, total = day_sums(tenant)
    assert loaded.preview is not None
    for one in (
        "rows",
        "transactions",
        "corrections",
        "customers",
        "total",
        "left_out",
        "mapping",
        "first_day",
        "last_day",
        "currencies",
        "reading",
        "bad_lines",
        "profile",
    ):
        assert getattr(shown, one) == getattr(loaded.preview, one), one
    left_out = sum(one.rows for one in shown.left_out)
    # Lines of an order are received as they are, and are one transaction.
    assert loaded.received == shown.rows - left_out - shown.bad_lines.count
    assert loaded.received >= shown.transactions + shown.corrections
    assert shown.transactions == transactions and shown.total == total
    assert loaded.rejected == shown.bad_lines.count
    # A day on which a sale and its correction come to nothing but one contact is stored as well.
    assert (shown.customers, shown.first_day, shown.last_day) == (customers, first, last)
