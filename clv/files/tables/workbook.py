"""A table in the first sheet of an ``.xlsx`` workbook that has rows."""

import shutil
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

from clv.errors import Invalid, TooLarge
from clv.files.blocks import Block
from clv.files.choices import Choices
from clv.files.tables.footer import footer_position
from clv.files.tables.header_line import HEAD_ROWS, HeaderRow, column_name, header_position
from clv.files.tables.selection import BadRow, Row, Selection, filled_width
from clv.files.tables.sheet_size import MAX_CELLS, sheet_size

_MAX_BYTES = 1024 * 1024 * 1024
# How many rows the header is looked for in.
_HEADER_ROWS = 500
# How many rows are read at once; the footer is looked for in the last ones.
_CHUNK_ROWS = 256
_MIN_CHUNK_ROWS = 64
# What other zip archives are, by a file in them.
_OTHERS = {
    "xl/workbook.bin": "a workbook of the .xlsb kind",
    "content.xml": "an OpenDocument file, such as .ods",
    "word/document.xml": "a Word document",
    "Index/Document.iwa": "a Numbers or Pages document",
}


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
        rows = [HeaderRow(n, n, row) for n, row in islice(_filled(sheet), _HEADER_ROWS)]
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
        return [(number, row[:width]) for number, row, _ in islice(self._data(), HEAD_ROWS)]

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
        chunk, following = _chunk(rows), _chunk(rows)
        while chunk:
            if len(following) < _MIN_CHUNK_ROWS:
                chunk, following = chunk + following, _chunk(rows)
            end = len(chunk)
            if not following:
                end = footer_position([row for _, row in chunk], self._required)
            yield from ((n, row, "") for n, row in chunk[:end] if any(row))
            self.footer = [n for n, row in chunk[end:] if any(row)]
            chunk, following = following, _chunk(rows)


def open_workbook(
    stream: BinaryIO, max_bytes: int | None, choices: Choices, partial: bool
) -> WorkbookTable:
    """The table in a zip archive, if it is a workbook.

    :param max_bytes: the most that its files may inflate to; None for 1 GiB
    :raises Invalid: if it is broken, incomplete, encrypted, or no workbook; the message says what
    :raises TooLarge: if it inflates to more than it may, or has too many cells
    """
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        try:
            with zipfile.ZipFile(copy) as archive:
                _check(archive, max_bytes or _MAX_BYTES)
            workbook = CalamineWorkbook.from_path(copy.name)
            return WorkbookTable(_first_sheet(workbook), choices)
        except (zipfile.BadZipFile, zlib.error, EOFError, CalamineError) as error:
            if partial:
                raise Invalid("A workbook can't be read in part: send the whole of it.") from error
            raise Invalid("The workbook is broken or incomplete.") from error
        except (RuntimeError, NotImplementedError) as error:
            # So zipfile says that it can't decrypt, or doesn't know a compression.
            raise Invalid("The workbook is encrypted; save it without a password.") from error


def _check(archive: zipfile.ZipFile, max_bytes: int) -> None:
    """Check that it is a workbook that can be held in memory."""
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        kinds = (kind for name, kind in _OTHERS.items() if name in names)
        kind = next(kinds, "a zip archive; send the file that is in it")
        raise Invalid(f"The file is {kind}. Send a CSV file or an .xlsx workbook.")
    if sum(entry.file_size for entry in archive.infolist()) > max_bytes:
        raise TooLarge(f"The workbook inflates to more than {max_bytes} bytes.")
    for entry in archive.infolist():
        # All of it is read here, for a size in the directory may be a lie.
        with archive.open(entry) as part:
            rows, columns = sheet_size(part)
        if rows * columns > MAX_CELLS:
            raise TooLarge(
                f"A sheet of the workbook has {rows} rows and {columns} columns; more than"
                f" {MAX_CELLS} cells are too many. Save it as CSV."
            )


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


def _chunk(rows: Iterator[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    return list(islice(rows, _CHUNK_ROWS))


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
