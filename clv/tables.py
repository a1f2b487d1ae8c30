"""The two forms of a file of rows: CSV with a header line, and NDJSON with an object a line.

Both are read and checked by the chunk, and both go on behind a line that is no row.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NoReturn

from clv.errors import Invalid
from clv.rows import LEFT_OUT, REQUIRED, Column, Layout, named

# A chunk ends behind so many characters, for the sake of memory.
MAX_CHUNK = 131_072
# So many cells of a column are remembered with their values.
MAX_KNOWN = 4_096
# So much of a foreign name is shown.
MAX_SHOWN = 40

# The number of a row's last line, and its cells or values.
Numbered = tuple[int, list]


class CsvTable:
    """A CSV: its rows are cells in the order of the header.

    :raises Invalid: when the header is not what the layout needs
    """

    def __init__(self, lines: Iterator[str], layout: Layout) -> None:
        self._reader = csv.reader(self._counted(lines))
        self._chunk_size = 0
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error:
            header = []
        self._places = _places(header, layout)
        self._width = 1 + max(place for place in self._places if place is not None)
        self._cells = [_Cells(column) for column in layout.columns]

    @property
    def line(self) -> int:
        """The number of the last line that was read."""
        return self._reader.line_num

    def read_into(self, rows: list[Numbered], most: int) -> bool:
        """Append the next rows, but for empty lines; False when there are no more.

        :raises csv.Error: at a line that is no row; the rows before it are appended
        """
        reader, found, self._chunk_size = self._reader, False, 0
        for row in islice(reader, most):
            found = True
            if row:
                rows.append((reader.line_num, row))
            if self._chunk_size > MAX_CHUNK:
                break
        return found

    def columns(self, rows: Sequence[list]) -> list[list]:
        """The values of rows, for each column of the layout.

        :raises ValueError: when one is bad; of a single row it says which and why
        """
        columns = list(zip(*rows, strict=False))
        if len(columns) < self._width:
            raise ValueError("The line has too few columns.")
        return [
            [cells.column.default] * len(rows) if place is None else cells.values_of(columns[place])
            for place, cells in zip(self._places, self._cells, strict=True)
        ]

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._chunk_size += len(line)
            yield line


class JsonTable:
    """An NDJSON: its rows are JSON values in the order of the layout's columns.

    ``line`` is the number of the last line that was read.
    """

    def __init__(self, lines: Iterator[str], layout: Layout) -> None:
        self.line = 0
        self._lines = lines
        self._layout = layout
        self._places = {
            name: place
            for place, column in enumerate(layout.columns)
            for name in _spellings(column.name)
        }

    def read_into(self, rows: list[Numbered], most: int) -> bool:
        """Append the next rows, but for empty lines; False when there are no more.

        :raises ValueError: at a line that is no row; the rows before it are appended
        """
        size = 0
        for text in islice(self._lines, most):
            self.line += 1
            if text.strip():
                rows.append((self.line, self._row(text)))
            size += len(text)
            if size > MAX_CHUNK:
                break
        return size > 0

    def columns(self, rows: Sequence[list]) -> list[list]:
        """The values of rows, for each column of the layout.

        :raises ValueError: when one is bad; of a single row it says which and why
        """
        columns = zip(self._layout.columns, zip(*rows, strict=True), strict=True)
        return [named(column.label, list, map(column.of_any, values)) for column, values in columns]

    def _row(self, text: str) -> list[Any]:
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
