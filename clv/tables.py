"""The two forms of a file of rows: CSV with a header line, and NDJSON with an object a line.

Both are read by the chunk: columns of cells, whose values are checked by the column, too. Reading
goes on behind a line that is no row.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NoReturn

from clv.errors import Invalid
from clv.rows import LEFT_OUT, REQUIRED, Column, Layout, named

# The longest line that is read whole; real ones have some tens of characters.
MAX_LINE = 1_048_576
# A chunk ends behind so many rows or characters. Lists of hundreds of rows would make Python's
# garbage collector take longer than the checks.
CHUNK_ROWS = 256
CHUNK_SIZE = 65_536
# So many cells of a column are remembered with their values.
MAX_KNOWN = 4_096
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


class CsvTable:
    """A CSV.

    :raises Invalid: when the header is not what the layout needs
    """

    def __init__(self, text: io.TextIOWrapper, layout: Layout) -> None:
        self._text = text
        # A block that has to go through the CSV reader, up to its end.
        self._block, self._block_size = io.StringIO(), 0
        self._reader = csv.reader(self._lines())
        self._plain_lines = 0
        self._size = 0
        self._problem: str | None = None
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error:
            header = []
        self._header_width = len(header)
        self._places = _places(header, layout)
        self._width = 1 + max(place for place in self._places if place is not None)
        self._cells = [_Cells(column) for column in layout.columns]

    @property
    def line(self) -> int:
        """The number of the last line that was read."""
        return self._plain_lines + self._reader.line_num

    def read(self) -> Chunk | None:
        """The next rows without empty lines; None at the end.

        :raises ValueError: at a line that is no row
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise ValueError(problem)
        plain = self._read_plain() if self._block.tell() == self._block_size else None
        return plain or self._read_rows()

    def values(self, chunk: Chunk) -> list[list]:
        """The values of a chunk for each column of the layout.

        :raises ValueError: when one is bad; of a single row it says which and why
        """
        return [
            [known.column.default] * len(chunk)
            if place is None
            else known.values_of(chunk.cells[place])
            for place, known in zip(self._places, self._cells, strict=True)
        ]

    def _read_plain(self) -> Chunk | None:
        """Lines without quotes and with as many cells as the header, as most are: cutting up a
        block of them at once takes less than half the time of the CSV reader."""
        block = self._text.read(CHUNK_SIZE) + self._text.readline(MAX_LINE)
        plain = (block.replace("\r\n", "\n") if "\r" in block else block).removesuffix("\n")
        if plain and '"' not in plain and "\r" not in plain and len(plain) < csv.field_size_limit():
            # Line ends become cells; between lines of equal width they stand one below the other.
            cells = plain.replace("\n", ",\n,").split(",")
            width, count = self._header_width + 1, plain.count("\n") + 1
            ends = cells[self._header_width :: width]
            if len(cells) == count * width - 1 and ends.count("\n") == len(ends):
                lines = range(self.line + 1, self.line + 1 + count)
                self._plain_lines += count
                return Chunk(lines, [cells[place::width] for place in range(self._header_width)])
        self._block, self._block_size = io.StringIO(block, newline=""), len(block)
        return None

    def _read_rows(self) -> Chunk | None:
        lines, rows, self._size = [], [], 0
        try:
            for row in islice(self._reader, CHUNK_ROWS):
                if len(row) >= self._width:
                    rows.append(row)
                    lines.append(self.line)
                elif row:
                    self._problem = "The line has too few columns."
                if self._problem or self._size > CHUNK_SIZE:
                    break
        except csv.Error as error:
            self._problem = str(error)
        # Empty lines count in the size.
        if not self._size and not self._problem:
            return None
        return Chunk(lines, list(zip(*rows, strict=False)))

    def _lines(self) -> Iterator[str]:
        while line := self._block.readline(MAX_LINE) or self._text.readline(MAX_LINE):
            self._size += len(line)
            yield line


class JsonTable:
    """An NDJSON; ``line`` is the number of the last line that was read."""

    def __init__(self, text: io.TextIOWrapper, layout: Layout) -> None:
        self.line = 0
        self._lines = iter(partial(text.readline, MAX_LINE), "")
        self._layout = layout
        self._problem: str | None = None
        self._places = {
            name: place
            for place, column in enumerate(layout.columns)
            for name in _spellings(column.name)
        }

    def read(self) -> Chunk | None:
        """The next objects; None at the end.

        :raises ValueError: at a line that is no object, or has an unknown field
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise ValueError(problem)
        lines, rows, size = [], [], 0
        for text in islice(self._lines, CHUNK_ROWS):
            self.line += 1
            size += len(text)
            try:
                if text.strip():
                    rows.append(self._row(text))
                    lines.append(self.line)
            except ValueError as error:
                self._problem = str(error)
            if self._problem or size > CHUNK_SIZE:
                break
        return Chunk(lines, list(zip(*rows, strict=True))) if size else None

    def values(self, chunk: Chunk) -> list[list]:
        """The values of a chunk for each column of the layout.

        :raises ValueError: when one is bad; of a single row it says which and why
        """
        columns = zip(self._layout.columns, chunk.cells, strict=True)
        return [named(column.label, list, map(column.of_any, values)) for column, values in columns]

    def _row(self, text: str) -> list[Any]:
        """JSON values in the order of the layout's columns."""
        row = [LEFT_OUT] * len(self._layout.columns)
        for name, value in _object(text).items():
            place = self._places.get(name)
            if place is None:
                if self._layout.is_complete:
                    raise ValueError(f"{_shown(name)}: Unknown field.")
            elif row[place] is not LEFT_OUT:
                raise ValueError(f"{self._layout.columns[place].label}: Is given twice.")
            else:
                row[place] = value
        return row


Table = CsvTable | JsonTable


class _Cells(dict):
    """The values of a column's cells; each different cell is checked once."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __missing__(self, cell: str) -> Any:
        value = self[cell] = self.column.of_cell(cell)
        return value

    def values_of(self, cells: Sequence[str]) -> list:
        """The values of many cells."""
        column = self.column
        if column.of_texts and len(set(cells)) > len(cells) // 2:
            try:
                return column.of_texts(cells)
            except ValueError:
                # One is bad, or empty, or has space around it.
                return named(column.label, list, map(column.of_cell, cells))
        if len(self) > MAX_KNOWN:
            self.clear()
        return named(column.label, list, map(self.__getitem__, cells))


def _places(header: list[str], layout: Layout) -> list[int | None]:
    """Where the header has each column of the layout."""
    places: list[int | None] = []
    for column in layout.columns:
        found = [place for place, name in enumerate(header) if name in _spellings(column.name)]
        if len(found) > 1:
            raise Invalid(f"The first line names the column {column.name} more than once.")
        places.append(found[0] if found else None)
    required = [
        (column.name, place)
        for column, place in zip(layout.columns, places, strict=True)
        if column.default is REQUIRED
    ]
    missing = [name for name, place in required if place is None]
    if missing:
        raise Invalid(
            f"The first line must name the columns {', '.join(name for name, _ in required)};"
            f" there is no {', '.join(missing)} in it."
        )
    foreign = [_shown(name) for place, name in enumerate(header) if place not in places]
    if foreign and layout.is_complete:
        raise Invalid(
            f"The first line names {foreign[0]!r}, which is no column; the columns are"
            f" {', '.join(column.name for column in layout.columns)}."
        )
    return places


def _spellings(name: str) -> set[str]:
    """A name as it is, in camelCase and in snake_case."""
    first, *others = name.split("_")
    camel = first + "".join(other.title() for other in others)
    return {name, camel, re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)}


def _object(text: str) -> dict[str, Any]:
    try:
        found = _decode(text)
    except (ValueError, RecursionError):
        raise ValueError("The line is not JSON.") from None
    if not isinstance(found, dict):
        raise ValueError("The line must be an object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


# NaN and Infinity are no JSON.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _shown(name: str) -> str:
    """The beginning of a foreign name, in characters that every terminal can show."""
    return name[:MAX_SHOWN].encode("ascii", "backslashreplace").decode()
