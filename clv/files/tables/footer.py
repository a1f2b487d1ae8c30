"""Finds the lines behind the data: sums, notes, who made the report."""

import csv
import re
from collections.abc import Sequence

from clv.files.blocks import lines

# What counts as a transaction has at least a customer, a time and an amount.
_MIN_FILLED = 3
_WORDS = re.compile(
    r"\W*((grand |sub)?totals?|sum|(gesamt|zwischen)?summen?|gesamt|copyright|generated|exported"
    r"|created|erstellt|confidential|report|end of)\b|\s*©",
    re.IGNORECASE,
)


def footer_start(text: str, delimiter: str, required: Sequence[int] = ()) -> int:
    """Where the footer begins in the last lines of a file; their length if there is none.

    :param required: see :func:`footer_position`
    """
    source = lines(text)
    starts, rows = [0], []
    try:
        for row in csv.reader(source, delimiter=delimiter, strict=True):
            starts.append(source.tell())
            rows.append(row)
    except csv.Error:
        return len(text)
    return starts[footer_position(rows, required)]


def footer_position(rows: Sequence[Sequence[str]], required: Sequence[int] = ()) -> int:
    """Which of the last rows of a file is the first of its footer; their number if none is.

    A footer is what stands at the very end, begins after an empty row or with a word such as
    Total, and has in each row fewer than three filled cells, or such a word and a required cell
    empty.

    :param required: the columns without which a row with such a word is none
    """
    position = len(rows)
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    for number in reversed(range(1, len(rows))):
        has_word = filled[number] and _has_word(rows[number])
        if filled[number] >= _MIN_FILLED and not (has_word and _lacks(rows[number], required)):
            break
        if has_word or (filled[number] and not filled[number - 1]):
            position = number
    return position


def _has_word(row: Sequence[str]) -> bool:
    return bool(_WORDS.match(next((cell for cell in row if cell.strip()), "")))


def _lacks(row: Sequence[str], required: Sequence[int]) -> bool:
    return any(index >= len(row) or not row[index].strip() for index in required)
