"""Which columns are wanted of the rows of a file."""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from clv.budgets import MAX_COLUMNS
from clv.files.blocks import BLOCK_ROWS, Block

_MOST_CELLS = 5 * MAX_COLUMNS
# The number of a row's first line, its cells as far as they can be told, and what is wrong, or "".
Row = tuple[int, list[str], str]


class BadRow(ValueError):
    """A line that is no row; the message says why.

    :param cells: of the wanted columns, as far as they can be told; None if they can't
    """

    def __init__(self, line: int, wrong: str, cells: Sequence[str] | None = None) -> None:
        super().__init__(wrong)
        self.line, self.cells = line, cells


class Selection:
    """Takes columns from rows that may have more or fewer cells than the header.

    :param names: of the columns in the file
    :param indexes: of the columns to take, in the order in which they are wanted
    """

    def __init__(self, names: Sequence[str], indexes: Sequence[int]) -> None:
        self.indexes = list(indexes)
        # Cells below columns without a name at the end would be a neighbour's.
        self.width = filled_width(names)
        self._needed = 1 + max(self.indexes)
        self._pick = _getter(self.indexes)

    def take(self, rows: Iterator[Row]) -> tuple[Block, BadRow | None, bool]:
        """The next rows by column, without empty ones.

        :returns: up to 256 rows; a bad row behind them, or None; and whether the rows are at their
            end
        """
        lines: list[int] = []
        cells: list[Any] = []
        count, bad = 0, None
        for line, row, wrong in islice(rows, BLOCK_ROWS):
            count += 1
            if len(row) != self.width:
                wrong = self._misfit(row) or wrong
            if wrong:
                bad = BadRow(line, wrong, self._pick(row + [""] * self._needed))
                break
            if len(row) >= self._needed and any(row):
                lines.append(line)
                cells.append(self._pick(row))
        is_end = not bad and count < BLOCK_ROWS
        return Block(lines, list(zip(*cells, strict=True))), bad, is_end

    def _misfit(self, row: list[str]) -> str:
        """What is wrong with a row that has more or fewer cells than the header; "" if nothing."""
        is_short = len(row) < self._needed and filled_width(row)
        # So many empty cells would take longer to look through than to read.
        if is_short or len(row) > _MOST_CELLS or filled_width(row) > self.width:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            return f"The line has {cells}, but the header names {self.width} columns."
        return ""


def filled_width(cells: Sequence[str]) -> int:
    """The number of cells up to the last that is filled."""
    width = len(cells)
    while width and not cells[width - 1].strip():
        width -= 1
    return width


def _getter(indexes: list[int]) -> Any:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    # A getter of one item would not return a sequence.
    return itemgetter(slice(indexes[0], indexes[0] + 1))
