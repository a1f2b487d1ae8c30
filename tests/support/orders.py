"""Invented orders, written as files: what shops write, and what spreadsheets make of it."""

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


def iso_time(local: datetime) -> When:
    """A cell as most shops write a time."""
    return When(local, f"{local:%Y-%m-%d %H:%M:%S}")
