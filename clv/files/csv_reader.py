"""Reads CSV with a header line, whose columns may be in any order.

Which parser a column has (a date's is ``clv.domain.calendar.time_ms``) is in
:mod:`clv.files.layouts`.

Most blocks of a file have no quotes; those are split without the csv module, in less than half its
time. The whole of an upload is measured by ``tests.bench.upload``.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from clv.errors import Invalid
from clv.files.blocks import BLOCK_ROWS, BLOCK_SIZE, MAX_LINE, Block, shown, spellings
from clv.files.layouts import REQUIRED, Column, Layout, labelled

# The most different cells of a column whose values are cached.
MAX_CACHED_CELLS = 4_096


class CsvReader:
    """Reads the rows of a CSV file in blocks; after an invalid line reading goes on.

    :raises Invalid: if the header does not fit the layout
    """

    def __init__(self, text: io.TextIOWrapper, layout: Layout) -> None:
        self._text = text
        # The block that the csv module is reading, and its length.
        self._block, self._block_size = io.StringIO(), 0
        self._reader = csv.reader(self._lines())
        # Lines that were read without the csv module.
        self._plain_lines = 0
        # Characters of the block being read.
        self._size = 0
        # What is wrong with the last line read; raised by the next read().
        self._problem: str | None = None
        header = self._header()
        self._header_width = len(header)
        self._indexes = _indexes(header, layout)
        self._min_width = 1 + max(index for index in self._indexes if index is not None)
        self._caches = [_ValueCache(column) for column in layout.columns]

    @property
    def line(self) -> int:
        """The number of the last line read."""
        return self._plain_lines + self._reader.line_num

    def read(self) -> Block | None:
        """The next rows, without empty lines; None at the end.

        :raises ValueError: at a line that is not a row
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise ValueError(problem)
        plain = self._read_plain() if self._block.tell() == self._block_size else None
        return plain or self._read_rows()

    def values(self, block: Block) -> list[list]:
        """The stored values of a block, by column of the layout.

        :raises ValueError: if one is invalid; for a block of one row the message says which and why
        """
        return [
            [cache.column.default] * len(block)
            if index is None
            else cache.values_of(block.cells[index])
            for index, cache in zip(self._indexes, self._caches, strict=True)
        ]

    def _header(self) -> list[str]:
        try:
            return [name.strip() for name in next(self._reader, [])]
        except csv.Error:
            return []

    def _read_plain(self) -> Block | None:
        """The next block, if it is plain; else None, and the csv module has to read it."""
        block = self._text.read(BLOCK_SIZE) + self._text.readline(MAX_LINE)
        plain = (block.replace("\r\n", "\n") if "\r" in block else block).removesuffix("\n")
        if plain and '"' not in plain and "\r" not in plain and len(plain) < csv.field_size_limit():
            columns = _columns(plain, self._header_width)
            if columns:
                lines = range(self.line + 1, self.line + 1 + len(columns[0]))
                self._plain_lines += len(lines)
                return Block(lines, columns)
        self._block, self._block_size = io.StringIO(block, newline=""), len(block)
        return None

    def _read_rows(self) -> Block | None:
        lines, rows, self._size = [], [], 0
        try:
            for row in islice(self._reader, BLOCK_ROWS):
                if len(row) >= self._min_width:
                    rows.append(row)
                    lines.append(self.line)
                elif row:
                    self._problem = "The line has too few columns."
                if self._problem or self._size > BLOCK_SIZE:
                    break
        except csv.Error as error:
            self._problem = str(error)
        # Empty lines have a size, too: only the end of the file has none.
        if not self._size and not self._problem:
            return None
        return Block(lines, list(zip(*rows, strict=False)))

    def _lines(self) -> Iterator[str]:
        """The rest of the block, then of the file: the lines that the csv module reads."""
        while line := self._block.readline(MAX_LINE) or self._text.readline(MAX_LINE):
            self._size += len(line)
            yield line


class _ValueCache(dict):
    """The stored values of a column's cells: each different cell is parsed once."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __missing__(self, cell: str) -> Any:
        value = self[cell] = self.column.cell_value(cell)
        return value

    def values_of(self, cells: Sequence[str]) -> list:
        """The stored values of many cells."""
        column = self.column
        if column.parse_texts and len(set(cells)) > len(cells) // 2:
            try:
                return column.parse_texts(cells)
            except ValueError:
                # A cell is invalid, or empty, or has space around it.
                return labelled(column.label, list, map(column.cell_value, cells))
        if len(self) > MAX_CACHED_CELLS:
            self.clear()
        return labelled(column.label, list, map(self.__getitem__, cells))


def _columns(plain: str, width: int) -> list[list[str]] | None:
    """The cells of a text without quotes, by column; None unless all lines have this many."""
    # Each line end becomes a cell of its own; in lines of equal width they form a column.
    cells = plain.replace("\n", ",\n,").split(",")
    line_ends = cells[width :: width + 1]
    count = plain.count("\n") + 1
    if len(cells) != count * (width + 1) - 1 or line_ends.count("\n") != len(line_ends):
        return None
    return [cells[index :: width + 1] for index in range(width)]


def _indexes(header: list[str], layout: Layout) -> list[int | None]:
    """Where the header has each column of the layout; None where it has not.

    :raises Invalid: if a column is missing, there twice, or unknown
    """
    indexes = [_index(header, column) for column in layout.columns]
    _check_required(indexes, layout)
    unknown = [shown(name) for index, name in enumerate(header) if index not in indexes]
    if unknown and layout.is_complete:
        raise Invalid(
            f"The first line names {unknown[0]!r}, which is no column; the columns are"
            f" {', '.join(column.name for column in layout.columns)}."
        )
    return indexes


def _index(header: list[str], column: Column) -> int | None:
    names = spellings(column.name)
    indexes = [index for index, name in enumerate(header) if name in names]
    if len(indexes) > 1:
        raise Invalid(f"The first line names the column {column.name} more than once.")
    return indexes[0] if indexes else None


def _check_required(indexes: list[int | None], layout: Layout) -> None:
    required = [
        (column.name, index)
        for column, index in zip(layout.columns, indexes, strict=True)
        if column.default is REQUIRED
    ]
    missing = [name for name, index in required if index is None]
    if missing:
        raise Invalid(
            f"The first line must name the columns {', '.join(name for name, _ in required)};"
            f" there is no {', '.join(missing)} in it."
        )
