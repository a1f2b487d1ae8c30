"""Blocks of a file's rows, by column, and how large lines and blocks may be."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# A block ends after this many rows or characters. With lists of hundreds of rows Python's garbage
# collector would take longer than the checks.
BLOCK_ROWS = 256
BLOCK_SIZE = 65_536


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file: their line numbers, and their cells by column."""

    lines: Sequence[int]
    cells: Sequence[Sequence[Any]]

    def __len__(self) -> int:
        return len(self.lines)

    def parts(self, size: int) -> Iterator["Block"]:
        """The same rows in blocks of at most this size."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Block(self.lines[part], [cells[part] for cells in self.cells])


def lines(text: str) -> io.StringIO:
    """The lines of a text with their ends, of which the csv module knows three kinds."""
    return io.StringIO(text, newline="")


def whole_lines(text: str) -> int:
    """The length of a text without its last line, if that has no end."""
    return max(text.rfind("\n"), text.rfind("\r")) + 1
