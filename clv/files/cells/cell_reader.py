"""The values of a file's cells, a column of a block at a time.

Where a cell can't be read there is a :class:`Problem` in place of its value.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clv.domain.time_zone import TimeZone
from clv.files.cells import amounts, customers
from clv.files.cells.amounts import DecimalSign
from clv.files.cells.bad_value import BadValue
from clv.files.cells.date_order import DateOrder
from clv.files.cells.times import TimeReader

# What stands in no amount without a currency; an exponent does.
_NAMES_CURRENCY = re.compile(r"[^0-9\n., ()+\-\u2212'\u2019\u00a0\u202f\u2009eE]")
# The most different cells of a column whose values are cached.
MAX_CACHED_CELLS = 4_096


class Problem(str):
    """What is wrong with a cell, in place of its value."""


@dataclass(frozen=True, slots=True)
class Values:
    """How the cells of one file are read.

    What a file has not shown yet, its decimal sign or the order of day and month, is taken from the
    first block that shows it.

    :param decimal: the sign; None if no amount has shown it yet
    :param date_order: likewise, the order of day and month
    :param zone: of times without an offset
    :param days_zone: the tenant's, for cells that are only a day
    :param latest_ms: anything later is refused
    """

    decimal: str | None
    date_order: str | None
    zone: TimeZone
    days_zone: TimeZone
    latest_ms: int


class CellReader:
    """Reads the cells of one file.

    ``decimal`` and ``date_order`` are what its values say, or what a cell has shown since.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self.decimal, self.date_order = values.decimal, values.date_order
        self._times = self._time_reader()
        self._ids: dict[Any, Any] = {}
        self._moments: dict[Any, Any] = {}
        self._numbers: dict[Any, Any] = {}
        self._codes: dict[Any, Any] = {}

    def ids(self, cells: Sequence[str]) -> list[Any]:
        """Customer ids; "" where a cell is empty."""
        try:
            return customers.customers(cells)
        except ValueError:
            return _read_all(_id, cells, self._ids)

    def times(
        self, cells: Sequence[str], clocks: Sequence[str] = (), zones: Sequence[str] = ()
    ) -> list[Any]:
        """Times in milliseconds since 1970; None where a cell is empty.

        :param clocks: the times of day, where they have a column of their own
        :param zones: likewise, the time zones
        """
        if not clocks and not zones:
            try:
                return self._times.times(cells)
            except ValueError:
                self._learn_order(cells)
                return _read_all(self._time, cells, self._moments)
        self._learn_order(cells)
        blank = [""] * len(cells)
        keys = list(zip(cells, clocks or blank, zones or blank, strict=True))
        return _read_all(self._time_of_parts, keys, self._moments)

    def amounts(self, cells: Sequence[str]) -> list[Any]:
        """Amounts in 1/10,000; None where a cell is empty."""
        if self.decimal is None:
            self._learn_decimal(cells)
        if self.decimal is not None:
            try:
                return amounts.amounts(cells, self.decimal)
            except ValueError:
                pass
        return _read_all(self._amount, cells, self._numbers)

    def currencies(self, cells: Sequence[str]) -> list[Any]:
        """Codes of currencies; None where a cell is empty."""
        return _read_all(amounts.currency_code, cells, self._codes)

    def symbols(self, cells: Sequence[str]) -> list[Any]:
        """The currencies that amounts name themselves; None where they don't."""
        return [amounts.currency_of(cell) or _shared(cell) for cell in cells]

    def unexpected_symbols(self, cells: Sequence[str]) -> list[Any]:
        """Problems of amounts that name a currency, where the first rows of the file name none;
        None for all others."""
        if not _NAMES_CURRENCY.search("\n".join(cells)):
            return [None] * len(cells)
        return [_unexpected(cell) for cell in cells]

    def _time_reader(self) -> TimeReader:
        values = self._values
        return TimeReader(self.date_order, values.zone, values.days_zone, values.latest_ms)

    def _learn_order(self, cells: Sequence[str]) -> None:
        if self.date_order is not None:
            return
        order = DateOrder(self._values.latest_ms)
        order.add(cells)
        if order.order:
            self.date_order = order.order
            self._times = self._time_reader()
            self._moments.clear()

    def _learn_decimal(self, cells: Sequence[str]) -> None:
        sign = DecimalSign()
        sign.add(cells)
        self.decimal = sign.sign

    def _time(self, cell: str) -> int | None:
        return self._times.time(cell) if cell.strip() else None

    def _time_of_parts(self, parts: tuple[str, str, str]) -> int | None:
        cell, clock, zone = parts
        return self._times.time(cell, clock, zone) if cell.strip() else None

    def _amount(self, cell: str) -> int | None:
        if not cell.strip():
            return None
        if self.decimal is None:
            _check_reads_one_way(cell)
        return amounts.amount(cell, self.decimal or ".")


def _shared(cell: str) -> Problem | None:
    """The problem of a sign of several currencies beside amounts that name theirs."""
    if not _NAMES_CURRENCY.search(cell):
        return None
    return Problem(BadValue("Must have a code such as USD, as other amounts have", cell))


def _unexpected(cell: str) -> Problem | None:
    if amounts.currency_of(cell) is None:
        return None
    return Problem(BadValue("Must name no currency, for the first amounts name none", cell))


def _id(cell: str) -> str:
    # No id has a slash, so that N/A can't be anybody's.
    if "/" in cell and cell.strip().lower() in customers.PLACEHOLDERS:
        return ""
    return customers.customer(cell)


def _check_reads_one_way(cell: str) -> None:
    sign = DecimalSign()
    sign.add([cell])
    if sign.is_open:
        raise ValueError(f"'{cell}' reads both ways: say which sign separates the decimals.")


def _read_all(read: Callable[[Any], Any], cells: Sequence[Any], cache: dict[Any, Any]) -> list[Any]:
    """The value of each cell; each different cell is read once."""
    if len(cache) > MAX_CACHED_CELLS:
        cache.clear()
    return [cache[cell] if cell in cache else _cached(read, cell, cache) for cell in cells]


def _cached(read: Callable[[Any], Any], cell: Any, cache: dict[Any, Any]) -> Any:
    try:
        value = read(cell)
    except ValueError as error:
        value = Problem(error)
    cache[cell] = value
    return value
