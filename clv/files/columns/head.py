"""The first rows of a file: what is in its columns, told by the form of the cells."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from clv.files.columns import states
from clv.files.columns.cell_forms import DATE, NUMBER, PLAIN_DATE
from clv.files.columns.header import Header

# Share of the filled cells that must look right: a file has its oddities.
MOST = 0.8


@dataclass(frozen=True)
class Head:
    """A header and the first rows of data."""

    header: Header
    rows: Sequence[Sequence[str]]

    def cells(self, name: str) -> list[str]:
        """The filled cells of a column, without outer space."""
        index = self.header.names.index(name)
        cells = (row[index].strip() for row in self.rows if index < len(row))
        return [cell for cell in cells if cell]

    def is_empty(self, name: str) -> bool:
        """Whether there are rows, but none of them has this cell."""
        return bool(self.rows) and not self.cells(name)

    def may_be(self, name: str, form: re.Pattern[str]) -> bool:
        """Whether most of the filled cells have this form; true if there are none."""
        cells = self.cells(name)
        return sum(map(bool, map(form.fullmatch, cells))) >= MOST * len(cells)

    def has(self, name: str, form: re.Pattern[str]) -> bool:
        """Whether the column has filled cells, and most of them have this form."""
        return bool(self.cells(name)) and self.may_be(name, form)

    def has_states(self, name: str) -> bool:
        """Whether one of the cells is a state that is known."""
        nothing: frozenset[str] = frozenset()
        # OK is a state of the USA, too.
        return any(
            len(cell) > 2 and states.counts(cell, nothing, nothing) is not None
            for cell in self.cells(name)
        )

    def has_only(self, name: str, words: Collection[str]) -> bool:
        """Whether the column has filled cells, and all are among these, in lower case."""
        cells = self.cells(name)
        return bool(cells) and all(cell.lower() in words for cell in cells)

    def determines(self, name: str, other: str) -> bool:
        """Whether no two rows with one cell here differ in the other column, as far as filled."""
        index, other_index = self._indexes(name, other)
        firsts: dict[str, str] = {}
        for row in self.rows:
            if max(index, other_index) < len(row):
                key, cell = row[index].strip(), row[other_index].strip().lower()
                if key and cell and firsts.setdefault(key, cell) != cell:
                    return False
        return True

    def repeats(self, name: str) -> bool:
        """Whether a cell comes twice."""
        return any(count > 1 for count in Counter(self.cells(name)).values())

    def candidates(self, parameter: str) -> tuple[str, ...]:
        """The columns that may be the customer, the time, an amount, or anything else."""
        names = [name for name in self.header.names if name and self.cells(name)]
        dates = [
            name for name in names if self.may_be(name, DATE) and self.may_be(name, PLAIN_DATE)
        ]
        if parameter == "time":
            return tuple(dates)
        others = [name for name in names if name not in dates]
        if parameter in ("amount", "refund"):
            return tuple(name for name in others if self.may_be(name, NUMBER))
        return tuple(others)

    def are_alike(self, name: str, other: str) -> bool:
        """Whether two columns have equal cells in the same rows."""
        cells = (
            [row[i] if i < len(row) else "" for row in self.rows]
            for i in self._indexes(name, other)
        )
        one, two = cells
        return len(set(one)) == len(set(two)) == len(set(zip(one, two, strict=True)))

    def is_of_orders(self, name: str, order: str) -> bool:
        """Whether the further lines of an order repeat this column or leave it empty.

        True only if an order has several lines.
        """
        index, order_index = self._indexes(name, order)
        firsts: dict[str, str] = {}
        has_further = False
        for row in self.rows:
            if max(index, order_index) >= len(row) or not row[order_index].strip():
                continue
            key, cell = row[order_index].strip(), row[index].strip()
            has_further = has_further or key in firsts
            if cell not in ("", firsts.setdefault(key, cell)):
                return False
        return has_further

    def _indexes(self, *names: str) -> list[int]:
        return [self.header.names.index(name) for name in names]
