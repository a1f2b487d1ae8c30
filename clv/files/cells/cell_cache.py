"""The values of cells that come again and again, in bounded memory."""

from collections.abc import Callable
from typing import Any

from clv.budgets import MAX_CACHED_CELL, MAX_CELL

# The most different cells of a column whose values are cached.
MAX_CACHED_CELLS = 4_096


class CellCache(dict[str, Any]):
    """The value of each cell of a column, which is read once. Long cells are read each time.

    :param read: the value of a cell, or a ``ValueError``, which is not cached
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: str) -> Any:
        value = self._read(cell)
        if len(cell) <= MAX_CACHED_CELL:
            if len(self) >= MAX_CACHED_CELLS:
                self.clear()
            self[cell] = value
        return value


def check_length(cell: str) -> None:
    """Check that a cell of a column that is used is not too long.

    :raises ValueError: if it is
    """
    if len(cell) > MAX_CELL:
        raise ValueError(f"Must have at most {MAX_CELL:,} characters, not {len(cell):,}.")
