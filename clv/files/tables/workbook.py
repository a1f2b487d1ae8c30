"""A table in the first sheet of an ``.xlsx`` workbook that has rows."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, BinaryIO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from clv.errors import Invalid
from clv.files.blocks import Block
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.footer import footer_position
from clv.files.tables.header_line import HEAD_ROWS, HeaderRow, column_name, header_position
from clv.files.tables.selection import BadRow, Row, Selection, filled_width
from clv.files.tables.workbook_check import check_workbook

_COPIED_BYTES = 65_536
# How many rows the header is looked for in.
_HEADER_ROWS = 500
# How many rows are read at once, and cells; the footer is looked for in the last ones.
_CHUNK_ROWS = 256
_CHUNK_CELLS = 65_536


class WorkbookTable:
    """A table in a workbook; see ``clv.files.tables.table.Table``. Lines are the rows of the sheet.

    :raises Invalid: if there is no table in it
    """

    encoding = None
    delimiter = None
    line: int
    footer: list[int]
    _rows: Iterator[Row]
    # Raised by the next read().
    _bad: BadRow | None
    _is_end: bool

    def __init__(self, sheet: CalamineSheet, choices: Choices) -> None:
        self._sheet = sheet
        self.warnings: list[tuple[str, str]] = []
        # Of a wide sheet fewer rows are held at a time.
        self._most_rows = max(4, _CHUNK_CELLS // max(1, sheet.total_width))
        head = islice(_filled(sheet), min(_HEADER_ROWS, self._most_rows))
        rows = [HeaderRow(n, n, row) for n, row in head]
        position = header_position(rows, choices.header_line)
        if position is None:
            raise Invalid(
                f"No row of the sheet {sheet.name!r} names the columns. Put a row with their names"
                " on top, or say with headerLine which row has them."
            )
        self.header_line = rows[position].first
        # A row has as many cells as the widest.
        names = rows[position].cells
        self.header = tuple(map(column_name, names[: filled_width(names)]))
        self.select(range(len(self.header)))
        self.rewind()
        if not self.head():
            raise Invalid(f"There are no rows below the header in row {self.header_line}.")

    def head(self) -> list[tuple[int, list[str]]]:
        """See ``Table``; and so for the other members."""
        width = len(self.header)
        head = islice(self._data(), min(HEAD_ROWS, self._most_rows))
        return [(number, row[:width]) for number, row, _ in head]

    def select(self, indexes: Sequence[int], required: Sequence[int] = ()) -> None:
        self._selection, self._required = Selection(self.header, indexes), required

    def read(self) -> Block | None:
        while True:
            if self._bad:
                bad, self._bad = self._bad, None
                self.line = bad.line
                raise bad
            if self._is_end:
                return None
            block, self._bad, self._is_end = self._selection.take(self._rows)
            if block:
                self.line = block.lines[-1]
                return block

    def rewind(self, is_last: bool = False) -> None:
        self.line, self.footer = self.header_line, []
        self._bad, self._is_end, self._rows = None, False, self._data()

    def close(self) -> None:
        """The memory goes with the table."""

    def _data(self) -> Iterator[Row]:
        """The filled rows between header and footer."""
        rows = ((n, row) for n, row in _numbered(self._sheet) if n > self.header_line)
        size = min(_CHUNK_ROWS, self._most_rows)
        chunk, following = list(islice(rows, size)), list(islice(rows, size))
        while chunk:
            if len(following) < size // 4:
                chunk, following = chunk + following, list(islice(rows, size))
            end = len(chunk)
            if not following:
                end = footer_position([row for _, row in chunk], self._required)
            yield from ((n, row, "") for n, row in chunk[:end] if any(row))
            self.footer = [n for n, row in chunk[end:] if any(row)]
            chunk, following = following, list(islice(rows, size))


def open_workbook(stream: BinaryIO, file: File, choices: Choices, partial: bool) -> WorkbookTable:
    """The table in a zip archive, if it is a workbook.

    :param file: its limits
    :raises Invalid: if it is broken, incomplete, encrypted, or no workbook; the message says what
    :raises TooLarge: if it inflates to more than it may, or has too many cells
    """
    # It has no name, so that a killed process leaves none behind.
    with tempfile.TemporaryFile() as copy:
        while data := stream.read(_COPIED_BYTES):
            file.disk.grow(len(data))
            copy.write(data)
        copy.flush()
        try:
            check_workbook(copy, file)
            # By this name a process opens a file that it has open.
            workbook = CalamineWorkbook.from_path(f"/dev/fd/{copy.fileno()}")
            return WorkbookTable(_first_sheet(workbook), choices)
        except (zipfile.BadZipFile, zlib.error, EOFError, CalamineError) as error:
            if partial:
                raise Invalid("A workbook can't be read in part: send the whole of it.") from error
            raise Invalid("The workbook is broken or incomplete.") from error
        except (RuntimeError, NotImplementedError) as error:
            # So zipfile says that it can't decrypt, or doesn't know a compression.
            raise Invalid("The workbook is encrypted; save it without a password.") from error


def _first_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    for sheet in workbook.sheets_metadata:
        is_shown = sheet.visible == SheetVisibleEnum.Visible
        if is_shown and sheet.typ == SheetTypeEnum.WorkSheet:
            rows = workbook.get_sheet_by_name(sheet.name)
            if next(_filled(rows), None):
                return rows
    raise Invalid("The workbook has no sheet with rows.")


def _numbered(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    return ((number, list(map(_text, row))) for number, row in enumerate(sheet.iter_rows(), 1))


def _filled(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    return ((number, row) for number, row in _numbered(sheet) if any(row))


def _text(value: Any) -> str:
    """A cell as it would be in a CSV file: ``12345``, ``true``, ``2026-03-12 09:14:02``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (int, timedelta)) else ""
