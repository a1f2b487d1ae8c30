"""Renders orders as the exports of shops: what real shops write, and what spreadsheets make of it.

The headers are those of the samples in ``tests/exports``.
"""

import csv
import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.exports import Sample
from tests.support.workbook import workbook

SHOP_ZONE = "Europe/Berlin"
_SERIAL_EPOCH = datetime(1899, 12, 30)
_GERMAN_MONTHS = "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()
# How spreadsheets write a time, and a number, when a file was opened and saved in them.
TIMES: dict[str, Callable[[datetime], str]] = {
    "us": lambda local: f"{local.month}/{local.day}/{local:%Y} {local.hour}:{local:%M}",
    "us 2-digit year": lambda local: f"{local:%m/%d/%y} {local:%H:%M}",
    "uk": lambda local: f"{local:%d/%m/%Y} {local:%H:%M}",
    "uk 2-digit year": lambda local: f"{local:%d/%m/%y} {local:%H:%M}",
    "german": lambda local: f"{local:%d.%m.%Y} {local:%H:%M}",
    "iso": lambda local: f"{local:%Y-%m-%d %H:%M}",
    "serial": lambda local: str(round((local - _SERIAL_EPOCH) / timedelta(days=1), 6)),
    "12 hours": lambda local: f"{local:%m/%d/%Y %I:%M:%S %p}",
    "german month": lambda local: (
        f"{local.day:02d}-{_GERMAN_MONTHS[local.month - 1]}-{local:%y %H:%M}"
    ),
}
NUMBERS: dict[str, Callable[[Decimal], str]] = {
    "plain": str,
    "thousands": lambda amount: f"{amount:,}",
    "german": lambda amount: f"{amount:,}".translate(str.maketrans(",.", ".,")),
    "german plain": lambda amount: str(amount).replace(".", ","),
    "french": lambda amount: f"{amount:,}".replace(",", "\u202f").replace(".", ",") + " €",
    "swiss": lambda amount: f"CHF {amount:,}".replace(",", "’"),
    "euro": lambda amount: f"€{amount:,}" if amount >= 0 else f"-€{-amount:,}",
    "float": lambda amount: repr(float(amount) + 1e-15 * float(amount)),
    "brackets": lambda amount: f"({-amount})" if amount < 0 else str(amount),
    "minus behind": lambda amount: f"{-amount}-" if amount < 0 else str(amount),
}


@dataclass(frozen=True)
class Order:
    """An order of an invented customer, and what was paid back of it.

    :param moment: in UTC
    :param state: ``paid``, ``cancelled``
    """

    number: int
    customer: str
    moment: datetime
    total: Decimal
    refunded: Decimal = Decimal(0)
    state: str = "paid"

    def local(self, zone: str = SHOP_ZONE) -> datetime:
        """The time on the wall."""
        return self.moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    @property
    def email(self) -> str:
        """The customer's address."""
        return f"{self.customer}@example.com"


class Money(Decimal):
    """A cell with an amount, which a spreadsheet may write anew."""


@dataclass(frozen=True)
class When:
    """A cell with a local time, which a spreadsheet may write anew, and as the shop writes it."""

    local: datetime
    text: str


Row = dict[str, object]


@dataclass(frozen=True)
class Layout:
    """How a shop writes an order.

    :param sample: the file whose header it has
    :param rows: the rows of an order
    :param customer: what identifies the customer in it
    :param refunds: whether it tells what was paid back: in the order's row, in a row of its own,
        or not at all
    :param can_resave: whether a spreadsheet takes the times for times
    :param has_states: whether it tells which orders were cancelled
    """

    sample: str
    rows: Callable[[Order], list[Row]]
    customer: Callable[[Order], str] = lambda order: order.email
    refunds: str = "column"
    can_resave: bool = True
    has_states: bool = True

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return Sample(self.sample).table()[0]


@dataclass(frozen=True)
class Style:
    """How a file is written.

    :param times: a key of ``TIMES``, or None: as the shop writes it
    :param numbers: a key of ``NUMBERS``, likewise
    :param blank_columns: columns without a name or a cell, in front and behind
    :param preamble: lines before the header
    :param footer: lines behind the data
    :param is_upper: the names of the columns are in capital letters
    :param is_workbook: an ``.xlsx``, whose amounts are numbers and whose times are times
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    shuffle: int | None = None
    times: str | None = None
    numbers: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    blank_columns: tuple[int, int] = (0, 0)
    preamble: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    is_upper: bool = False
    is_workbook: bool = False


def rendered(layout: Layout, orders: list[Order], style: Style = Style()) -> bytes:
    """The export of these orders."""
    names = [*layout.header, *style.extra]
    if style.shuffle is not None:
        random.Random(style.shuffle).shuffle(names)
    before, behind = ([None] * count for count in style.blank_columns)
    shown = [name.upper() if style.is_upper else name for name in names]
    table: list[list[object]] = [[*before, *shown, *behind]]
    for order in orders:
        for row in layout.rows(order):
            cells = {**style.extra, **row}
            values = [_cell(cells.get(name, ""), style, layout) for name in names]
            table.append([*before, *values, *behind])
    if style.is_workbook:
        head, foot = ([[line or None] for line in part] for part in (style.preamble, style.footer))
        return workbook([*head, *table, *foot])
    text = io.StringIO()
    lines = csv.writer(text, delimiter=style.delimiter, lineterminator=style.line_end)
    lines.writerows(table)
    notes = [
        "".join(f"{line}{style.line_end}" for line in lines)
        for lines in (style.preamble, style.footer)
    ]
    return f"{notes[0]}{text.getvalue()}{notes[1]}".encode(style.encoding, "replace")


def _cell(value: object, style: Style, layout: Layout) -> object:
    if style.is_workbook and style.numbers is None and isinstance(value, Money):
        return float(value)
    if style.is_workbook and style.times is None and isinstance(value, When) and layout.can_resave:
        return value.local.replace(microsecond=0)
    if isinstance(value, Money):
        amount = Decimal(value)
        return NUMBERS[style.numbers](amount) if style.numbers else str(amount)
    if isinstance(value, When):
        return TIMES[style.times](value.local) if style.times else value.text
    return str(value)


def _iso(local: datetime) -> When:
    return When(local, f"{local:%Y-%m-%d %H:%M:%S}")


def _shopify(order: Order) -> list[Row]:
    local = order.local()
    offset = order.moment.astimezone(ZoneInfo(SHOP_ZONE)).strftime("%z")
    both = {
        "Name": f"#{order.number}",
        "Email": order.email,
        "Created at": f"{local:%Y-%m-%d %H:%M:%S} {offset}",
        "Lineitem quantity": "1",
        "Lineitem name": "Mug, large",
        "Lineitem price": "9.99",
    }
    is_cancelled = order.state == "cancelled"
    state = "voided" if is_cancelled else "partially_refunded" if order.refunded else "paid"
    first = {
        "Financial Status": state,
        "Paid at": both["Created at"],
        "Currency": "EUR",
        "Total": Money(order.total),
        "Refunded Amount": Money(order.refunded),
        "Notes": "Ring twice,\nplease",
        "Cancelled at": both["Created at"] if is_cancelled else "",
        "Id": str(5_550_000_000_000 + order.number),
    }
    return [both | first, both]


def _squarespace(order: Order) -> list[Row]:
    both = {"Order ID": f"{order.number:05d}", "Email": order.email, "Lineitem name": "Coffee"}
    first = {
        "Financial Status": "VOIDED" if order.state == "cancelled" else "PAID",
        "Currency": "EUR",
        "Total": Money(order.total),
        "Amount Refunded": Money(order.refunded),
        "Created at": f"{order.moment:%Y/%m/%d %H:%M:%S} +0000",
    }
    return [both | first, both]


def _webtoffee(order: Order) -> list[Row]:
    refund = f"amount:{order.refunded}|reason:|date:2026-03-16" if order.refunded else ""
    return [
        {
            "order_id": order.number,
            "order_number": order.number,
            "order_date": _iso(order.local()),
            "status": "wc-cancelled" if order.state == "cancelled" else "wc-completed",
            "order_total": Money(order.total),
            "order_currency": "EUR",
            "customer_id": "0",
            "billing_email": order.email.upper(),
            "refund_items": refund,
        }
    ]


def _woocommerce(order: Order) -> list[Row]:
    row = {
        "Date": _iso(order.local()),
        "Order #": order.number,
        "Status": "cancelled" if order.state == "cancelled" else "completed",
        "Customer": f"{order.customer.title()} Example",
        "Net Sales": Money(order.total),
    }
    refund = row | {"Status": "refunded", "Net Sales": Money(-order.refunded)}
    return [row, refund] if order.refunded and order.state == "paid" else [row]


def _stripe(order: Order) -> list[Row]:
    return [
        {
            "id": f"ch_{order.number}",
            "Created date (UTC)": _iso(order.local("UTC")),
            "Amount": Money(order.total),
            "Amount Refunded": Money(order.refunded),
            "Currency": "eur",
            "Status": "Failed" if order.state == "cancelled" else "Paid",
            "Customer Email": order.email,
        }
    ]


def _square(order: Order) -> list[Row]:
    local = order.local("America/New_York")
    row = {
        "Date": When(local, f"{local:%Y-%m-%d}"),
        "Time": f"{local:%H:%M:%S}",
        "Time Zone": "Eastern Time (US & Canada)",
        "Net Sales": Money(order.total),
        "Transaction ID": f"SQ{order.number}",
        "Event Type": "Payment",
        "Customer ID": order.customer,
        "Transaction Status": "Failed" if order.state == "cancelled" else "Complete",
    }
    refund = row | {"Net Sales": Money(-order.refunded), "Event Type": "Refund"}
    return [row, refund] if order.refunded and order.state == "paid" else [row]


def _magento(order: Order) -> list[Row]:
    local = order.local()
    return [
        {
            "ID": f"{order.number:09d}",
            "Purchase Point": "Main Website\nMain Website Store",
            "Purchase Date": When(local, f"{local:%b} {local.day}, {local:%Y %H:%M:%S} {local:%p}"),
            "Grand Total (Base)": Money(order.total),
            "Grand Total (Purchased)": Money(order.total),
            "Status": "canceled" if order.state == "cancelled" else "complete",
            "Customer Email": order.email,
            "Total Refunded": Money(order.refunded),
        }
    ]


def _prestashop(order: Order) -> list[Row]:
    return [
        {
            "ID": order.number,
            "Customer": f"{order.customer[0].upper()}. {order.customer.upper()}",
            "Total": Money(order.total),
            "Status": "Canceled" if order.state == "cancelled" else "Delivered",
            "Date": _iso(order.local()),
        }
    ]


def _paypal(order: Order) -> list[Row]:
    local = order.local("America/Los_Angeles")
    row = {
        "Date": When(local, f"{local:%m/%d/%Y}"),
        "Time": f"{local:%H:%M:%S}",
        "TimeZone": order.moment.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%Z"),
        "Type": "Express Checkout Payment",
        "Status": "Canceled" if order.state == "cancelled" else "Completed",
        "Currency": "EUR",
        "Gross": Money(order.total),
        "From Email Address": order.email,
        "To Email Address": "shop@example.com",
        "Transaction ID": f"T{order.number}",
    }
    refund = row | {
        "Type": "Payment Refund",
        "Gross": Money(-order.refunded),
        "From Email Address": "shop@example.com",
        "To Email Address": order.email,
        "Transaction ID": f"R{order.number}",
    }
    return [row, refund] if order.refunded and order.state == "paid" else [row]


def _etsy(order: Order) -> list[Row]:
    local = order.local()
    left = order.total - order.refunded
    return [
        {
            "Sale Date": When(local, f"{local:%m/%d/%y}"),
            "Order ID": order.number,
            "Buyer User ID": order.customer,
            "Currency": "EUR",
            "Order Value": Money(order.total),
            "Discount Amount": Money(0),
            "Sales Tax": Money(0),
            "Order Total": Money(order.total),
            "Adjusted Order Total": Money(left if order.refunded and left else 0),
            "Status": "Canceled" if order.state == "cancelled" else "Completed",
        }
    ]


def _salesforce(order: Order) -> list[Row]:
    local = order.local()
    return [
        {
            "Account Name": order.customer,
            "Account ID": f"{order.customer:0>15}AAA",
            "Stage": "Closed Lost" if order.state == "cancelled" else "Closed Won",
            "Close Date": When(local, f"{local.month}/{local.day}/{local:%Y}"),
            "Amount Currency": "EUR",
            "Amount": Money(order.total),
            "Amount (converted) Currency": "EUR",
            "Amount (converted)": Money(order.total),
            "Opportunity ID": f"006{order.number}",
        }
    ]


def _ga4(order: Order) -> list[Row]:
    microseconds = round(order.moment.timestamp()) * 1_000_000
    row = {
        "event_date": f"{order.local():%Y%m%d}",
        "event_timestamp": microseconds,
        "user_id": order.customer,
        "user_pseudo_id": "1.2",
        "transaction_id": f"T{order.number}",
        "currency": "EUR",
        "purchase_revenue": Money(order.total),
        "refund_value": "",
    }
    refund = row | {"purchase_revenue": "", "refund_value": Money(order.refunded)}
    return [row, row, refund] if order.refunded else [row]


def _online_retail(order: Order) -> list[Row]:
    lines = [order.total - Decimal("1.00"), Decimal("1.00")]
    row = {
        "Invoice": str(order.number),
        "InvoiceDate": _iso(order.local()),
        "Customer ID": f"{100 + sum(map(ord, order.customer))}.0",
        "Country": "Germany",
    }
    rows: list[Row] = [row | {"Quantity": "2", "Price": Money(line / 2)} for line in lines]
    refund = row | {
        "Invoice": f"C{order.number}",
        "Quantity": "-1",
        "Price": Money(order.refunded),
    }
    return [*rows, refund] if order.refunded else rows


def _gumroad(order: Order) -> list[Row]:
    utc = order.local("UTC")
    return [
        {
            "Purchase ID": f"g{order.number}",
            "Item Name": "Planner",
            "Purchase Email": order.email,
            "Purchase Date": When(utc, f"{utc:%Y-%m-%d}"),
            "Purchase Time (UTC timezone)": f"{utc:%H:%M}",
            "Subtotal ($)": Money(order.total),
            "Partial Refund ($)": Money(order.refunded),
            "Fully Refunded?": "false",
        }
    ]


def _german(order: Order) -> list[Row]:
    local = order.local()
    row = {
        "Kunde": order.email,
        "Bestelldatum": When(local, f"{local:%d.%m.%Y}"),
        "Betrag": Money(order.total),
        "Status": "storniert" if order.state == "cancelled" else "bezahlt",
    }
    return [row, row | {"Betrag": Money(-order.refunded)}] if order.refunded else [row]


LAYOUTS = {
    "shopify": Layout("shopify_orders.csv", _shopify, can_resave=False),
    "squarespace": Layout("squarespace_orders.csv", _squarespace, can_resave=False),
    "woocommerce_webtoffee": Layout("woocommerce_webtoffee.csv", _webtoffee),
    "woocommerce_analytics": Layout(
        "woocommerce_analytics.csv",
        _woocommerce,
        lambda order: f"{order.customer.title()} Example",
        "row",
    ),
    "stripe_payments": Layout("stripe_payments.csv", _stripe),
    "square_transactions": Layout(
        "square_transactions.csv", _square, lambda order: order.customer, "row"
    ),
    "magento2": Layout("magento2_grid.csv", _magento),
    "prestashop": Layout(
        "prestashop_orders.csv",
        _prestashop,
        lambda order: f"{order.customer[0].upper()}. {order.customer.upper()}",
        "none",
    ),
    "paypal_en": Layout("paypal_activity_en.csv", _paypal, refunds="row"),
    "etsy_orders": Layout("etsy_sold_orders.csv", _etsy, lambda order: order.customer, "etsy"),
    "salesforce": Layout(
        "salesforce_report.csv", _salesforce, lambda order: f"{order.customer:0>15}", "none"
    ),
    "ga4_bigquery": Layout(
        "ga4_bigquery.csv",
        _ga4,
        lambda order: order.customer,
        "row",
        can_resave=False,
        has_states=False,
    ),
    "online_retail": Layout(
        "online_retail_ii.csv",
        _online_retail,
        lambda order: str(100 + sum(map(ord, order.customer))),
        "row",
        has_states=False,
    ),
    "gumroad": Layout("gumroad_sales.csv", _gumroad, has_states=False),
    "german_spreadsheet": Layout("german_spreadsheet.csv", _german, refunds="row"),
}


def expected(layout: Layout, orders: list[Order]) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """Orders and their value by customer and local day, as they must be stored."""
    days: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for order in orders:
        if layout.has_states and order.state == "cancelled":
            continue
        key = (layout.customer(order), f"{order.local():%Y-%m-%d}")
        count, value = days.get(key, (0, Decimal(0)))
        refunded = Decimal(0) if layout.refunds == "none" else order.refunded
        days[key] = (count + 1, value + order.total - refunded)
    return days


def moment(day: int, second: int) -> datetime:
    """A moment so many days and seconds after the beginning of 2025."""
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second)
