"""What a mapping takes from a block of rows, by column: customers, times, amounts, currencies and
orders."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from clv.domain.units import AMOUNT_SCALE
from clv.files.blocks import Block
from clv.files.cells.cell_reader import CellReader, Problem
from clv.files.columns.mapping import Amount, Less, Mapping

# Joins the parts of an order's number; no cell has it.
_JOINT = "\x1f"
# A longer number of an order stands there as its digest: there may be a million of them.
_MAX_ORDER = 500


def used_columns(mapping: Mapping) -> list[str]:
    """The names of the columns that a mapping uses, each once."""
    names = [*mapping.customer, *mapping.time]
    for way in mapping.amounts:
        names += [way.column, *(name for name in (way.times, way.currency) if name)]
        for less in way.less:
            names += [less.column, *([less.share_of] if less.share_of else [])]
            names += [less.unless[0]] if less.unless else []
    names += [*mapping.customer_of_corrections, *mapping.joined_customer]
    names += [*mapping.order, *mapping.order_apart, *(rule.column for rule in mapping.rules)]
    single = (mapping.clock, mapping.zone, mapping.line_has, mapping.state, mapping.cancelled)
    return list(dict.fromkeys([*names, *(name for name in single if name)]))


class RowColumns:
    """Reads the columns of one file's blocks as a mapping says.

    :param has_symbols: amounts name their currency themselves: 12.50 EUR
    """

    def __init__(self, mapping: Mapping, reader: CellReader, has_symbols: bool) -> None:
        self.names = used_columns(mapping)
        self._mapping, self._reader, self._has_symbols = mapping, reader, has_symbols
        self._at = {name: index for index, name in enumerate(self.names)}

    def cells(self, block: Block, name: str) -> Sequence[str]:
        """The cells of a column."""
        return block.cells[self._at[name]]

    def ids(self, block: Block) -> list[Any]:
        """The customers; "" where there is none, a Problem where it can't be read."""
        cells = _filled(self._first_filled(block, self._mapping.customer))
        joined = self._mapping.joined_customer
        if joined:
            parts = zip(*(self.cells(block, name) for name in joined), strict=True)
            cells = [cell or _joined(rest) for cell, rest in zip(cells, parts, strict=True)]
        return self._ids(cells)

    def ids_of_corrections(self, block: Block) -> list[Any]:
        """Likewise, for rows below 0; None where these have the same customer."""
        names = self._mapping.customer_of_corrections
        if not names:
            return [None] * len(block)
        return self._ids(_filled(self._first_filled(block, names)))

    def times(self, block: Block) -> list[Any]:
        """The times in milliseconds since 1970; None where it is empty."""
        mapping = self._mapping
        cells = _filled(self._first_filled(block, mapping.time))
        clocks = self.cells(block, mapping.clock) if mapping.clock else ()
        zones = self.cells(block, mapping.zone) if mapping.zone else ()
        return self._reader.times(cells, clocks, zones)

    def orders(self, block: Block) -> Sequence[str | None]:
        """The numbers of the orders; None where there is none."""
        firsts = self._first_filled(block, self._mapping.order)
        apart = [self.cells(block, name) for name in self._mapping.order_apart]
        if apart:
            firsts = [
                _JOINT.join((first, *rest)) if first else None
                for first, *rest in zip(firsts, *apart, strict=True)
            ]
        if max(map(len, filter(None, firsts)), default=0) <= _MAX_ORDER:
            return firsts
        return [_digest(order) if order and len(order) > _MAX_ORDER else order for order in firsts]

    def amounts(self, block: Block) -> Iterator[Sequence[Any]]:
        """The amounts in 1/10,000, the same before anything is taken from them, and their
        currencies; None where there is none."""
        ways = [self._way(block, way) for way in self._mapping.amounts]
        if not ways:
            # Which column it is still has to be asked.
            return iter(([0] * len(block), [0] * len(block), [None] * len(block)))
        rows = list(zip(*ways[0], strict=True))
        for way in ways[1:]:
            others = zip(*way, strict=True)
            rows = [
                other if row[1] is None else row for row, other in zip(rows, others, strict=True)
            ]
        return zip(*rows, strict=True)

    def _first_filled(self, block: Block, names: Sequence[str]) -> Sequence[str | None]:
        """The first filled cell of each row, stripped; None if there is no filled one."""
        firsts: list[str | None] = [None] * len(block)
        for name in names:
            firsts = [
                first or cell.strip() or None
                for first, cell in zip(firsts, self.cells(block, name), strict=True)
            ]
        return firsts

    def _ids(self, cells: list[str]) -> list[Any]:
        length = self._mapping.customer_length
        return self._reader.ids([cell[:length] for cell in cells] if length else cells)

    def _way(self, block: Block, way: Amount) -> tuple[list[Any], list[Any], list[Any]]:
        """The amounts, what they were before anything was taken from them, and the currencies."""
        cells = self.cells(block, way.column)
        bases = self._reader.amounts(cells)
        if way.zero_is_empty:
            bases = [None if base == 0 else base for base in bases]
        if way.times:
            quantities = self._reader.amounts(self.cells(block, way.times))
            bases = list(map(_product, bases, quantities))
        if way.is_negated:
            bases = [-base if type(base) is int else base for base in bases]
        amounts = bases
        for less in way.less:
            amounts = _differences(amounts, self._taken(block, less, bases))
        return amounts, bases, self._currencies(block, way, cells)

    def _taken(self, block: Block, less: Less, bases: list[Any]) -> list[Any]:
        """What is taken from the amounts of a block."""
        cells = self.cells(block, less.column)
        if less.unless:
            name, words = less.unless
            states = [cell.strip().lower() for cell in self.cells(block, name)]
            cells = ["" if s in words else cell for s, cell in zip(states, cells, strict=True)]
        if less.pattern is not None:
            matches = re.compile(less.pattern).findall
            return [self._sum(matches(cell)) if cell else None for cell in cells]
        taken = self._reader.amounts(cells)
        if less.share_of:
            wholes = self._reader.amounts(self.cells(block, less.share_of))
            taken = list(map(_share, bases, taken, wholes))
        return taken

    def _sum(self, cells: list[str]) -> Any:
        values = self._reader.amounts(cells) if cells else []
        problems = [value for value in values if type(value) is Problem]
        return problems[0] if problems else sum(value or 0 for value in values)

    def _currencies(self, block: Block, way: Amount, cells: Sequence[str]) -> list[Any]:
        if way.currency:
            return self._reader.currencies(self.cells(block, way.currency))
        reader = self._reader
        return reader.symbols(cells) if self._has_symbols else reader.unexpected_symbols(cells)


def _filled(cells: Sequence[str | None]) -> list[str]:
    return [cell or "" for cell in cells]


def _joined(parts: Sequence[str]) -> str:
    return " ".join(part.strip() for part in parts if part.strip())


def _problem(*values: Any) -> Problem | None:
    return next((value for value in values if type(value) is Problem), None)


def _differences(amounts: list[Any], taken: list[Any]) -> list[Any]:
    """:func:`_difference` of many; in a fraction of the time if all are read."""
    if set(map(type, (*amounts, *taken))) == {int}:
        pairs = zip(amounts, taken, strict=True)
        return [amount - (abs(less) if amount >= 0 else less) for amount, less in pairs]
    return list(map(_difference, amounts, taken))


def _difference(amount: Any, less: Any) -> Any:
    """What is left; nothing is taken where ``less`` is empty.

    Some shops write what they paid back as a negative number: it is taken from a sale all the same.
    """
    problem = _problem(amount, less)
    if problem or amount is None or less is None:
        return problem or amount
    return amount - (abs(less) if amount >= 0 else less)


def _product(amount: Any, quantity: Any) -> Any:
    """Amount × quantity, both in 1/10,000; None where either is empty."""
    problem = _problem(amount, quantity)
    if problem or amount is None or quantity is None:
        return problem
    return _rounded(amount * quantity, AMOUNT_SCALE)


def _share(amount: Any, part: Any, whole: Any) -> Any:
    """Amount × part / whole; nothing where there is no part."""
    problem = _problem(amount, part, whole)
    if problem or not part:
        return problem
    if amount is None or not whole:
        return Problem("What was lost can't be told: the whole amount is empty.")
    return _rounded(amount * part, whole)


def _rounded(dividend: int, divisor: int) -> int:
    """Rounded half away from zero, as amounts are."""
    rounded = (abs(dividend) * 2 + abs(divisor)) // (2 * abs(divisor))
    return rounded if (dividend < 0) == (divisor < 0) else -rounded


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
