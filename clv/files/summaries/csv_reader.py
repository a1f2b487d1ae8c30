"""Reads CSV with a header line, whose columns may be in any order.

Which parser a column has (a date's is ``clv.domain.calendar.time_ms``) is in
:mod:`clv.files.summaries.layout`. How a text becomes rows is in :mod:`clv.files.tables.text_rows`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from clv.errors import Invalid
from clv.files.blocks import BLOCK_SIZE, Block, lines
from clv.files.cells.cell_cache import CellCache, check_length
from clv.files.names import shown, spellings
from clv.files.summaries.layout import REQUIRED, Column, SummaryLayout, named
from clv.files.tables.encoding import read_block
from clv.files.tables.selection import Selection
from clv.files.tables.splitter import Splitter
from clv.files.tables.text_rows import TextRows


class CsvReader:
    """Reads the rows of a CSV file in blocks; after an invalid line reading goes on.

    :raises Invalid: if the header does not fit the layout
    """

    def __init__(self, text: io.TextIOWrapper, layout: SummaryLayout) -> None:
        texts = iter(partial(read_block, text, BLOCK_SIZE), "")
        header, line, rest = _header(next(texts, ""))
        self._indexes = _indexes(header, layout)
        self._caches = [_ValueCache(column) for column in layout.columns]
        splitter = Splitter(",", line, len(header))
        self._rows = TextRows(chain([rest], texts), header, splitter)
        selected = [index for index in self._indexes if index is not None]
        self._rows.selection = Selection(header, selected)

    @property
    def line(self) -> int:
        """The number of the last line read."""
        return self._rows.line

    def read(self) -> Block | None:
        """The next rows, without empty lines; None at the end.

        :raises ValueError: at a line that is not a row
        """
        return self._rows.read()

    def values(self, block: Block) -> list[list]:
        """The stored values of a block, by column of the layout.

        :raises ValueError: if one is invalid; for a block of one row the message says which and why
        """
        cells: Iterator[Sequence[str]] = iter(block.cells)
        return [
            [cache.column.default] * len(block) if index is None else cache.values_of(next(cells))
            for index, cache in zip(self._indexes, self._caches, strict=True)
        ]


class _ValueCache(CellCache):
    """The stored values of a column's cells."""

    def __init__(self, column: Column) -> None:
        super().__init__(self._value)
        self.column = column

    def values_of(self, cells: Sequence[str]) -> list:
        """The stored values of many cells."""
        column = self.column
        if column.parse_texts and len(set(cells)) > len(cells) // 2:
            try:
                return column.parse_texts(cells)
            except ValueError:
                # A cell is invalid, or empty, or has space around it.
                return named(column.name, list, map(self._value, cells))
        return named(column.name, list, map(self.__getitem__, cells))

    def _value(self, cell: str) -> Any:
        check_length(cell)
        return self.column.cell_value(cell)


def _header(text: str) -> tuple[list[str], int, str]:
    """The names in a file's first row, the number of its last line, and the text behind it."""
    source = lines(text)
    reader = csv.reader(source)
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error:
        names = []
    return names, reader.line_num, text[source.tell() :]


def _indexes(header: list[str], layout: SummaryLayout) -> list[int | None]:
    """Where the header has each column of the layout; None where it has not.

    :raises Invalid: if a column is missing, there twice, or unknown
    """
    indexes = [_index(header, column) for column in layout.columns]
    _check_required(indexes, layout)
    unknown = [shown(name) for index, name in enumerate(header) if index not in indexes]
    if unknown:
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


def _check_required(indexes: list[int | None], layout: SummaryLayout) -> None:
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
