"""How large a sheet of a workbook is, before it is read: two cells can span billions.

The library that reads workbooks keeps a sheet as one array from its first to its last cell, and
ends the process when there is no memory for it.
"""

import re
from typing import IO

from clv.errors import Invalid

# What is read is held in memory: 8 million cells take some 500 MiB.
MAX_CELLS = 8_000_000
_CHUNK_BYTES = 262_144
_TAG = rb"<(?:[\w.-]+:)?(?:row|c)(?=[\s/>])"
_OTHER_ATTRIBUTES = rb"""(?:\s+(?!r[\s=])[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*"""
_PLACE = rb"""\s+r\s*=\s*["']([A-Za-z]{0,3})([1-9]\d{0,6})["']"""
# A row or a cell; and one that says once where it is.
_ANY = re.compile(_TAG)
_PLACED = re.compile(_TAG + _OTHER_ATTRIBUTES + _PLACE + _OTHER_ATTRIBUTES + rb"\s*/?>")


def sheet_size(part: IO[bytes]) -> tuple[int, int]:
    """The last row and the last column that a sheet's XML names; 0 for other parts of a workbook.

    :raises Invalid: if a row or a cell does not say clearly where it is
    """
    rows, columns, rest = 0, 0, b""
    is_sheet, is_clear = False, True
    while data := part.read(_CHUNK_BYTES) or rest:
        # The last tag may go on in the next chunk.
        is_end = data is rest
        data = data if is_end else rest + data
        end = len(data) if is_end or len(data) > 2 * _CHUNK_BYTES else max(0, data.rfind(b"<"))
        data, rest = data[:end], data[end:]
        places = _PLACED.findall(data)
        is_sheet |= b"sheetData" in data
        is_clear &= len(places) == len(_ANY.findall(data))
        rows = max([rows, *(int(number) for _, number in places)])
        columns = max([columns, *map(_column, {letters for letters, _ in places})])
    if is_sheet and not is_clear:
        raise Invalid(
            "A sheet of the workbook does not say where each cell is. Save it once more with a"
            " spreadsheet program, or as CSV."
        )
    return (rows, columns) if is_sheet else (0, 0)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
