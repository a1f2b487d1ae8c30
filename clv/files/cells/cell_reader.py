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
from clv.files.cells.cell_cache import CellCache
from clv.files.cells.date_order import DateOrder
from clv.files.cells.times import TimeReader

# What stands in no amount without a currency; an exponent does.
_NAMES_CURRENCY = re.compile(r"[^0-9\n., ()+\-\u2212'\u2019\u00a0\u202f\u2009eE]")


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
        self._ids = CellCache(_or_problem(_id))
        self._moments = CellCache(_or_problem(self._time))
        self._numbers = CellCache(_or_problem(self._amount))
        self._codes = CellCache(_or_problem(amounts.currency_code))

    def ids(self, cells: Sequence[str]) -> list[Any]:
        """Customer ids; "" where a cell is empty."""
        try:
            return customers.customers(cells)
        except ValueError:
            return list(map(self._ids.__getitem__, cells))

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
                return list(map(self._moments.__getitem__, cells))
        self._learn_order(cells)
        blank = [""] * len(cells)
        # The reader of times has a cache of its own.
        read = _or_problem(self._time_of_parts)
        return list(map(read, cells, clocks or blank, zones or blank))

    def amounts(self, cells: Sequence[str]) -> list[Any]:
        """Amounts in 1/10,000; None where a cell is empty."""
        if self.decimal is None:
            self._learn_decimal(cells)
        if self.decimal is not None:
            try:
                return amounts.amounts(cells, self.decimal)
            except ValueError:
                pass
        return list(map(self._numbers.__getitem__, cells))

    def currencies(self, cells: Sequence[str]) -> list[Any]:
        """Codes of currencies; None where a cell is empty."""
        return list(map(self._codes.__getitem__, cells))

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

    def _time_of_parts(self, cell: str, clock: str, zone: str) -> int | None:
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


def _or_problem(read: Callable[..., Any]) -> Callable[..., Any]:
    """What reads a cell, or returns the problem with it."""

    def value(*cells: str) -> Any:
        try:
            return read(*cells)
        except ValueError as error:
            return Problem(error)

    return value
