"""Some rows of a file at a time, by the column."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# The longest line that is read whole; real ones have some tens of characters.
MAX_LINE = 1_048_576
# A chunk ends behind so many rows or characters. Lists of hundreds of rows would make Python's
# garbage collector take longer than the checks.
CHUNK_ROWS = 256
CHUNK_SIZE = 65_536
# So much of a foreign name is shown.
MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows: the numbers of their lines, and their cells by the column."""

    lines: Sequence[int]
    cells: Sequence[Sequence[Any]]

    def __len__(self) -> int:
        return len(self.lines)

    def parts(self, size: int) -> Iterator["Chunk"]:
        """The same in chunks of at most this size."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Chunk(self.lines[part], [cells[part] for cells in self.cells])


def spellings(name: str) -> set[str]:
    """A name as it is, in camelCase and in snake_case."""
    first, *others = name.split("_")
    camel = first + "".join(other.title() for other in others)
    return {name, camel, re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)}


def shown(name: str) -> str:
    """The beginning of a foreign name, in characters that every terminal can show."""
    return name[:MAX_SHOWN].encode("ascii", "backslashreplace").decode()
