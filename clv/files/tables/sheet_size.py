"""How much memory a workbook takes, before it is read: two cells can span billions, and a text that
stands in it once can be in every cell.

The library that reads workbooks keeps a sheet as one array from its first to its last cell, with a
copy of each cell's text, and ends the process when there is no memory for it.
"""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clv.errors import Invalid

# Bytes of a place in the array, and of a cell that is filled.
_PLACE_BYTES, _CELL_BYTES = 32, 48
# What the tags of a cell take of the XML; the rest may be text.
_TAG_BYTES = 30
_CHUNK_BYTES = 262_144
_PREFIX = rb"(?:[\w.-]+:)?"
_TAG = rb"<" + _PREFIX + rb"(?:row|c)(?=[\s/>])"
_OTHER_ATTRIBUTES = rb"""(?:\s+(?!r[\s=])[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*"""
_PLACE = rb"""\s+r\s*=\s*["']([A-Za-z]{0,3})([1-9]\d{0,6})["']"""
# A row or a cell; and one that says once where it is.
_ANY = re.compile(_TAG)
_PLACED = re.compile(_TAG + _OTHER_ATTRIBUTES + _PLACE + _OTHER_ATTRIBUTES + rb"\s*/?>")
# A cell whose text is a shared one; and which.
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["']""")
_WHICH = re.compile(
    _SHARED.pattern + rb"[^<>]*>\s*<" + _PREFIX + rb"v(?:\s[^<>]*)?>\s*(\d{1,9})\s*<"
)
_SHARED_TEXT = re.compile(rb"<" + _PREFIX + rb"si(?=[\s/>])")


@dataclass(frozen=True, slots=True)
class SheetSize:
    """The last row and the last column that a sheet's XML names, and about how many bytes it takes
    in memory."""

    rows: int
    columns: int
    size: int


def shared_texts(part: Iterator[bytes]) -> np.ndarray:
    """The lengths of a workbook's shared texts, in bytes of their XML."""
    starts, before = array("q"), 0
    for data in _whole_tags(part):
        starts.extend(before + match.start() for match in _SHARED_TEXT.finditer(data))
        before += len(data)
    starts.append(before)
    return np.diff(np.array(starts))


def sheet_size(part: Iterator[bytes], shared: np.ndarray) -> SheetSize | None:
    """How large a sheet is; None for other parts of a workbook.

    :param shared: the lengths of the shared texts
    :raises Invalid: if a row or a cell does not say clearly where it is
    """
    rows = columns = tags = read = texts = 0
    is_sheet, is_clear = False, True
    for data in _whole_tags(part):
        read += len(data)
        places = _PLACED.findall(data)
        tags += len(places)
        is_sheet |= b"sheetData" in data
        is_clear &= len(places) == len(_ANY.findall(data))
        rows = max([rows, *(int(number) for _, number in places)])
        columns = max([columns, *map(_column, {letters for letters, _ in places})])
        texts += _shared_bytes(data, shared)
    if not is_sheet:
        return None
    if not is_clear:
        raise Invalid(
            "A sheet of the workbook does not say where each cell is. Save it once more with a"
            " spreadsheet program, or as CSV."
        )
    own_texts = max(0, read - tags * _TAG_BYTES)
    size = rows * columns * _PLACE_BYTES + tags * _CELL_BYTES + own_texts + texts
    return SheetSize(rows, columns, size)


def _whole_tags(part: Iterator[bytes]) -> Iterator[bytes]:
    """The same data, but no tag is divided, unless it is very long."""
    rest = b""
    for data in part:
        data = rest + data
        end = len(data) if len(data) > 2 * _CHUNK_BYTES else max(0, data.rfind(b"<"))
        yield data[:end]
        rest = data[end:]
    yield rest


def _shared_bytes(data: bytes, shared: np.ndarray) -> int:
    """The lengths of the texts that some cells share with others."""
    cells = len(_SHARED.findall(data))
    if not cells or not len(shared):
        return 0
    numbers = np.array(_WHICH.findall(data), np.int64)
    lengths = shared[np.minimum(numbers, len(shared) - 1)]
    # A cell that does not say clearly which text it has may have the longest.
    return int(lengths.sum()) + (cells - len(numbers)) * int(shared.max())


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
