"""What the rows of a file become: transactions, or interaction summaries.

Rows are checked by the column: a function call for each value of a million rows would cost more
than all the rest. ``ValueError`` means that at least one of the rows is bad; raised for a single
row, it says what would be right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from clv.db import Columns
from clv.domain import calendar, values
from clv.errors import Invalid

REQUIRED = object()
LEFT_OUT = object()
# Periods whose beginning is remembered; a decade of days.
MAX_PERIODS = 4_096


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file.

    :param name: in a file, which may write it in camelCase or in snake_case
    :param label: in messages about values
    :param of_text: the stored value of a text, or ``ValueError``
    :param of_json: the stored value of a JSON value, or ``ValueError``
    :param default: the stored value where nothing is given
    :param may_be_null: JSON's null means nothing given
    :param of_texts: the stored values of many texts that are mostly different, if that is faster
    """

    name: str
    label: str
    of_text: Callable[[str], Any]
    of_json: Callable[[Any], Any]
    default: Any = REQUIRED
    may_be_null: bool = False
    of_texts: Callable[[Sequence[str]], list] | None = None

    def of_cell(self, cell: str) -> Any:
        """The stored value of a CSV cell; an empty one is as good as left out."""
        text = cell.strip()
        return self.of_text(text) if text or self.default is REQUIRED else self.default

    def of_any(self, value: Any) -> Any:
        """The stored value of a JSON value, or of LEFT_OUT; what is wrong is said as marshmallow
        says it."""
        if value is LEFT_OUT or (value is None and self.may_be_null):
            if self.default is REQUIRED:
                raise ValueError("Missing data for required field.")
            return self.default
        if value is None:
            raise ValueError("Field may not be null.")
        return self.of_json(value)


@dataclass
class Layout:
    """The columns of a file, and how their values are staged.

    :param is_complete: columns of other names are an error
    """

    columns: tuple[Column, ...]
    is_complete: bool = False

    def staged(self, lines: Sequence[int], columns: list[list]) -> Columns:
        """Some rows as they are staged, from the numbers of their lines and the columns' values."""
        return columns


class Transactions(Layout):
    """Transactions: customer, time in milliseconds, amount in 1/10,000."""

    def __init__(self, customer: str, date: str, amount: str, latest_ms: int) -> None:
        super().__init__(
            (
                Column(customer, "customer", values.customer_id, values.customer_id),
                _times(date, "date", latest_ms),
                Column(amount, "amount", values.amount, _amount_or_text),
            )
        )


class Summaries(Layout):
    """Interaction summaries, each with the number of its line.

    :param period_type: of all rows; known with the first one
    """

    period_type: str | None = None

    def __init__(self, latest_ms: int) -> None:
        super().__init__(
            (
                _column("customerId", values.customer_id),
                _column("periodType", calendar.period_type),
                _column("periodKey", values.text),
                _column("offerId", values.plain_text, default="", may_be_null=True),
                _column("creativeId", values.plain_text, default="", may_be_null=True),
                _column("channelId", values.plain_text, default="", may_be_null=True),
                _column("impressions", values.count, values.count_in_text, default=None),
                _column("converts", values.count, values.count_in_text, default=0),
                _column("totalValue", values.json_amount, values.amount, default=0),
                _times("lastContactAt", "lastContactAt", latest_ms),
                _times("firstContactAt", "firstContactAt", latest_ms, default=None),
            ),
            is_complete=True,
        )

    def staged(self, lines: Sequence[int], columns: list[list]) -> Columns:
        """
        :raises Invalid: at a row of another period type than those before
        """
        customers, types, keys, *others, impressions, converts, amounts, lasts, firsts = columns
        starts = named("periodKey", list, map(_start_ms, types, keys))
        first_contacts = map(calendar.first_contact_ms, types, starts, lasts, firsts)
        firsts = named("firstContactAt", list, first_contacts)
        self._keep_type(lines, types)
        contacts = [
            converted if n is None else n
            for n, converted in zip(impressions, converts, strict=True)
        ]
        return [customers, keys, *others, contacts, converts, amounts, firsts, lasts, lines]

    def _keep_type(self, lines: Sequence[int], types: list[str]) -> None:
        found = set(types)
        if len(found) == 1 and self.period_type in (None, types[0]):
            self.period_type = types[0]
        elif len(lines) > 1:
            raise ValueError("One of these rows is of another period type.")
        else:
            raise Invalid(
                f"Line {lines[0]} is {types[0]}, but the lines before it are {self.period_type}:"
                " all rows must have the same periodType."
            )


def named(label: str, check: Callable[..., list], *args: Any) -> list:
    """What a check returns; its ``ValueError`` begins with the label of the column."""
    try:
        return check(*args)
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from None


def _column(
    name: str,
    of_json: Callable[[Any], Any],
    of_text: Callable[[str], Any] | None = None,
    **options: Any,
) -> Column:
    return Column(name, name, of_text or of_json, of_json, **options)


def _times(name: str, label: str, latest_ms: int, default: Any = REQUIRED) -> Column:
    one = partial(calendar.time_ms, latest_ms=latest_ms)
    many = partial(calendar.times_ms, latest_ms=latest_ms)
    return Column(name, label, one, one, default, of_texts=many)


def _amount_or_text(value: Any) -> int:
    return values.amount(value) if isinstance(value, str) else values.json_amount(value)


_start_ms = lru_cache(MAX_PERIODS)(calendar.period_start_ms)
