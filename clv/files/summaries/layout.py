"""What the columns of a file of interaction summaries mean.

A cell's text is parsed in :mod:`clv.domain.values` (ids, counts, amounts) and in
:mod:`clv.domain.calendar` (dates, periods); here is which column takes which parser.

Values are checked by column, since a function call for each value of a million rows would cost more
than everything else. ``ValueError`` means that at least one of the rows is invalid; for a single
row its message says what would be valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat
from typing import Any

from clv.db import Columns
from clv.domain import calendar, values
from clv.domain.time_zone import TimeZone
from clv.errors import Invalid

# In place of a default: the column must be there.
REQUIRED = object()
# In place of a JSON value: the object has no such field.
MISSING = object()
# How many periods' beginnings are cached: more than ten years of days.
MAX_PERIODS = 4_096


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file, or a field of a JSON object.

    :param name: as in the file, which may write it in camelCase or in snake_case
    :param parse_text: the stored value of a text, or ``ValueError``
    :param parse_json: the stored value of a JSON value, or ``ValueError``
    :param default: the stored value if none is given
    :param may_be_null: JSON's null means that none is given
    :param parse_texts: :attr:`parse_text` of many texts, where there is a faster way
    """

    name: str
    parse_text: Callable[[str], Any]
    parse_json: Callable[[Any], Any]
    default: Any = REQUIRED
    may_be_null: bool = False
    parse_texts: Callable[[Sequence[str]], list] | None = None

    def cell_value(self, cell: str) -> Any:
        """The stored value of a CSV cell; in an empty one none is given."""
        text = cell.strip()
        return self.parse_text(text) if text or self.default is REQUIRED else self.default

    def json_value(self, value: Any) -> Any:
        """The stored value of a JSON value or of :data:`MISSING`; the messages are marshmallow's,
        as in the answers of the API."""
        if value is MISSING or (value is None and self.may_be_null):
            if self.default is REQUIRED:
                raise ValueError("Missing data for required field.")
            return self.default
        if value is None:
            raise ValueError("Field may not be null.")
        return self.parse_json(value)


class SummaryLayout:
    """The columns of interaction summaries, and how their rows are staged.

    :param period_type: of all rows; None before the first
    """

    period_type: str | None = None

    def __init__(self, latest_ms: int, zone: TimeZone) -> None:
        self.zone = zone
        self.columns: tuple[Column, ...] = (
            _column("customerId", values.customer_id),
            _column("periodType", calendar.period_type),
            _column("periodKey", values.text),
            _column("offerId", values.plain_text, default="", may_be_null=True),
            _column("creativeId", values.plain_text, default="", may_be_null=True),
            _column("channelId", values.plain_text, default="", may_be_null=True),
            _column("impressions", values.count, values.count_in_text, default=None),
            _column("converts", values.count, values.count_in_text, default=0),
            _column("totalValue", values.json_amount, values.amount, default=0),
            _time_column("lastContactAt", latest_ms),
            _time_column("firstContactAt", latest_ms, default=None),
        )

    def staged(self, lines: Sequence[int], columns: list[list]) -> Columns:
        """The columns of some rows as they are staged for the database, with their line numbers.

        Where impressions are not given, they are as many as the converts. A first contact that is
        not given is the earlier of the period's first moment, in the zone, and the last contact.

        :param lines: the line number of each row
        :param columns: the values of each column
        :raises Invalid: if a row's period type differs from that of the rows before
        """
        customers, types, keys, *others, impressions, converts, amounts, lasts, firsts = columns
        starts = named("periodKey", list, map(_start_ms, types, keys, repeat(self.zone)))
        first_contacts = map(calendar.first_contact_ms, types, starts, lasts, firsts)
        firsts = named("firstContactAt", list, first_contacts)
        self._check_period_type(lines, types)
        impressions = [
            converted if shown is None else shown
            for shown, converted in zip(impressions, converts, strict=True)
        ]
        return [customers, keys, *others, impressions, converts, amounts, firsts, lasts, lines]

    def _check_period_type(self, lines: Sequence[int], types: list[str]) -> None:
        if len(set(types)) == 1 and self.period_type in (None, types[0]):
            self.period_type = types[0]
        elif len(lines) > 1:
            raise ValueError("One of these rows is of another period type.")
        else:
            raise Invalid(
                f"Line {lines[0]} is {types[0]}, but the lines before it are {self.period_type}:"
                " all rows must have the same periodType."
            )


def named(name: str, parse: Callable[..., list], *args: Any) -> list:
    """The result of a parser, whose ``ValueError`` gets the column's name in front."""
    try:
        return parse(*args)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _column(
    name: str,
    parse_json: Callable[[Any], Any],
    parse_text: Callable[[str], Any] | None = None,
    **options: Any,
) -> Column:
    return Column(name, parse_text or parse_json, parse_json, **options)


def _time_column(name: str, latest_ms: int, default: Any = REQUIRED) -> Column:
    parse = partial(calendar.time_ms, latest_ms=latest_ms)
    parse_many = partial(calendar.times_ms, latest_ms=latest_ms)
    return Column(name, parse, parse, default, parse_texts=parse_many)


_start_ms = lru_cache(MAX_PERIODS)(calendar.period_start_ms)
