"""Checks that a zip archive is a workbook that fits into memory, before anything else reads it."""

import struct
import sys
import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from clv.budgets import MAX_DIRECTORY_BYTES, MAX_OTHER_PART_BYTES, MAX_SHEET_BYTES
from clv.errors import Invalid, TooLarge
from clv.files.stream import File
from clv.files.tables.sheet_size import SheetSize, shared_texts, sheet_size

_MAX_BYTES = 1024 * 1024 * 1024
_CHUNK_BYTES = 262_144
# In any case, as the library takes it.
_SHARED_TEXTS = "xl/sharedstrings.xml"
# The end of an archive: a magic number, and 12 bytes behind it the size of its directory.
_END_MAGIC, _END_SIZE, _MAX_COMMENT = b"PK\x05\x06", 22, 65_535
# What the library keeps of a text besides itself.
_TEXT_BYTES = 40
# What other zip archives are, by a file in them.
_OTHERS = {
    "xl/workbook.bin": "a workbook of the .xlsb kind",
    "content.xml": "an OpenDocument file, such as .ods",
    "word/document.xml": "a Word document",
    "Index/Document.iwa": "a Numbers or Pages document",
}


def check_workbook(archive: IO[bytes], file: File) -> None:
    """Check that an archive is a workbook that can be held in memory.

    :param file: what it may inflate to
    :raises Invalid: if it is none
    :raises TooLarge: if it can't
    """
    _check_directory(archive)
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
        if "xl/workbook.xml" not in names:
            kinds = (kind for name, kind in _OTHERS.items() if name in names)
            kind = next(kinds, "a zip archive; send the file that is in it")
            raise Invalid(f"The file is {kind}. Send a CSV file or an .xlsx workbook.")
        _Check(opened, file).run()


def _check_directory(archive: IO[bytes]) -> None:
    """Check the size of the list of entries, which is read as a whole."""
    size = archive.seek(0, 2)
    archive.seek(max(0, size - _END_SIZE - _MAX_COMMENT))
    end = archive.read()
    start = end.rfind(_END_MAGIC)
    if 0 <= start <= len(end) - _END_SIZE:
        (listed,) = struct.unpack_from("<L", end, start + 12)
        if listed > MAX_DIRECTORY_BYTES:
            raise Invalid("The file is a zip archive of too many files, and no workbook.")


class _Check:
    """Reads all parts of a workbook, and adds up what they take."""

    def __init__(self, archive: zipfile.ZipFile, file: File) -> None:
        self._archive, self._file = archive, file
        self._most, self._read = file.max_bytes or _MAX_BYTES, 0
        self._shared = np.array([], np.int64)

    def run(self) -> None:
        """
        :raises TooLarge: if it does not fit into memory
        """
        entries = self._archive.infolist()
        shared = [entry for entry in entries if entry.filename.lower() == _SHARED_TEXTS]
        for entry in shared:
            self._shared = np.append(self._shared, shared_texts(self._parts(entry)))
        for entry in entries:
            if entry not in shared:
                before = self._read
                size = sheet_size(self._parts(entry), self._shared)
                self._check(entry.filename, self._read - before, size)

    def _parts(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        # A size in the directory may be a lie: read to the end, whatever it says.
        entry.file_size = sys.maxsize
        with self._archive.open(entry) as part:
            while data := part.read(_CHUNK_BYTES):
                self._read += len(data)
                if self._read > self._most:
                    raise TooLarge(f"The workbook inflates to more than {self._most} bytes.")
                self._file.effort.inflated(self._read)
                yield data

    def _check(self, name: str, read: int, size: SheetSize | None) -> None:
        if size is None:
            if read > MAX_OTHER_PART_BYTES and name.lower().endswith((".xml", ".rels")):
                raise TooLarge(
                    f"A part of the workbook that has no cells takes {read} bytes; at most"
                    f" {MAX_OTHER_PART_BYTES} can be read. Save it as CSV."
                )
            return
        # The table of shared texts is in memory together with a sheet.
        takes = size.size + int(self._shared.sum()) + len(self._shared) * _TEXT_BYTES
        if takes > MAX_SHEET_BYTES:
            raise TooLarge(
                f"A sheet of the workbook has {size.rows} rows and {size.columns} columns, which"
                f" would take some {takes / 1_048_576:,.0f} MiB of memory; at most"
                f" {MAX_SHEET_BYTES // 1_048_576} MiB are given, which is enough for some 500,000"
                " cells. Save it as CSV: such a file may have any size."
            )
