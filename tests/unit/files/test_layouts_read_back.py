"""Whatever the layout, and however a file was written: what comes out is what was ordered, or there
is a question or a refusal. Never other customers, days or amounts."""

import dataclasses
import io
import itertools
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from clv import db
from clv.config import Settings
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services import settings as settings_service
from clv.services.loading import Options
from tests.support.orders import NUMBERS, TIMES, Order, Style, expected, moment, rendered
from tests.support.shops import LAYOUTS

CUSTOMERS = ("ann", "bo", "cy", "dee")
# Of these, files differ from those of the shop; a spreadsheet keeps what it does not understand.
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
DELIMITERS = (",", ";", "\t", "|")
PREAMBLE = ("Orders of the shop", "Made on 2026-03-12", "")
FOOTERS = (("",), ("", "Total"), ("", "Made by the shop", "Confidential"))
_names = (f"shop{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database of this module's own."""
    path = tmp_path_factory.mktemp("layouts") / "clv.db"
    db.configure(Settings(database_url=f"sqlite:///{path}"))
    with db.scope():
        db.migrate()
        yield
    db.database.close_all()


def stored(content):
    """The orders, and their value, that a new tenant in Berlin has by customer and day."""
    tenant = settings_service.create_tenant(next(_names))
    tenant = settings_service.change_settings(tenant, {"time_zone": "Europe/Berlin"})
    loading.load_transactions(tenant, File(io.BytesIO(content)), Choices(), Options())
    rows = db.rows(
        "SELECT customer_id, period_key, impressions, total_value FROM interaction_summary"
        " WHERE tenant_id = %s",
        (tenant.id,),
    )
    return {
        (customer, day): (count, Decimal(value) / 10_000) for customer, day, count, value in rows
    }


def orders_of(layout, *orders):
    """Orders that the layout can tell."""
    if layout.refunds == "etsy":
        # A total that was adjusted to 0 means there that nothing was adjusted.
        return [
            dataclasses.replace(order, refunded=min(order.refunded, order.total - 1))
            for order in orders
        ]
    return list(orders)


ORDERS = (
    Order(1001, "ann", moment(70, 8 * 3600), Decimal("58.80")),
    Order(1002, "bo", moment(72, 84_600), Decimal("1234.50"), Decimal("234.50")),
    Order(1003, "cy", moment(74, 11 * 3600), Decimal("20.00"), state="cancelled"),
    Order(1004, "ann", moment(300, 3), Decimal("12345.67")),
)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_shops_own_export_is_loaded_without_a_question(database, name):
    layout = LAYOUTS[name]
    orders = orders_of(layout, *ORDERS)
    assert stored(rendered(layout, orders)) == expected(layout, orders)


@st.composite
def orders(draw):
    number = draw(st.integers(1, 9_999))
    state = draw(st.sampled_from(("paid", "paid", "paid", "cancelled")))
    total = Decimal(draw(st.integers(200, 9_999_999))) / 100
    refunded = draw(st.sampled_from((0, 0, 0, 1, 2)))
    return Order(
        number,
        draw(st.sampled_from(CUSTOMERS)),
        moment(draw(st.integers(0, 690)), draw(st.integers(0, 86_399))),
        total,
        (total * refunded / 2).quantize(Decimal("0.01")) if state == "paid" else Decimal(0),
        state,
    )


@st.composite
def styles(draw, layout):
    numbers = draw(st.sampled_from((None, *NUMBERS)))
    times = draw(st.sampled_from((None, *TIMES))) if layout.can_resave else None
    extra = {"Extra": "one, two", "Note (extra)": "Größe 5"} if draw(st.booleans()) else {}
    has_notes = draw(st.booleans())
    return Style(
        blank_columns=draw(st.sampled_from(((0, 0), (0, 0), (1, 0), (0, 3), (1, 1)))),
        preamble=PREAMBLE if has_notes else (),
        footer=draw(st.sampled_from(FOOTERS)) if has_notes else (),
        is_upper=draw(st.booleans()),
        is_workbook=draw(st.sampled_from((False, False, True))),
        delimiter=draw(st.sampled_from(DELIMITERS)),
        encoding=draw(st.sampled_from(ENCODINGS)),
        line_end=draw(st.sampled_from(("\n", "\r\n"))),
        shuffle=draw(st.none() | st.integers(0, 99)),
        times=times,
        numbers=numbers,
        extra=extra,
    )


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_written_in_any_way_has_the_same_orders_or_is_not_loaded(database, name, data):
    layout = LAYOUTS[name]
    # A row with a refund counts on the refund's day, but its order may be cancelled besides.
    drawn = data.draw(st.lists(orders(), min_size=1, max_size=6, unique_by=lambda o: o.number))
    drawn = orders_of(layout, *drawn)
    style = data.draw(styles(layout))
    content = rendered(layout, drawn, style)
    try:
        days = stored(content)
    except Invalid as refusal:
        event(f"not loaded: {refusal.message[:40]}")
        return
    event("loaded")
    text = content if style.is_workbook else content.decode(style.encoding)
    assert days == expected(layout, drawn), (style, text)
