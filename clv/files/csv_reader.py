"""The two forms of a file of rows: CSV with a header line, and NDJSON with an object a line.

Both are read by the chunk: columns of cells, whose values are checked by the column, too. Reading
goes on behind a line that is no row.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from clv.errors import Invalid
from clv.files.chunks import CHUNK_ROWS, CHUNK_SIZE, MAX_LINE, Chunk, shown, spellings
from clv.files.layouts import REQUIRED, Column, Layout, named

# So many cells of a column are remembered with their values.
MAX_KNOWN = 4_096


class CsvReader:
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
        found = [place for place, name in enumerate(header) if name in spellings(column.name)]
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
    foreign = [shown(name) for place, name in enumerate(header) if place not in places]
    if foreign and layout.is_complete:
        raise Invalid(
            f"The first line names {foreign[0]!r}, which is no column; the columns are"
            f" {', '.join(column.name for column in layout.columns)}."
        )
    return places
