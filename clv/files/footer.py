"""Finds the lines behind the data: sums, notes, who made the report."""

import csv
import io
import re
from collections.abc import Sequence

# What counts as a transaction has at least a customer, a time and an amount.
_MIN_FILLED = 3
_WORDS = re.compile(
    r"\W*((grand |sub)?totals?|sum|(gesamt|zwischen)?summen?|gesamt|copyright|©|generated|exported"
    r"|created|erstellt|confidential|report|end of)\b",
    re.IGNORECASE,
)


def footer_start(text: str, delimiter: str, required: Sequence[int] = ()) -> int:
    """Where the footer begins in the last lines of a file; their length if there is none.

    A footer is what stands at the very end, begins after an empty line or with a word such as
    Total, and has in each line fewer than three filled cells, or none in a required column.

    :param required: the columns without which a line with such a word is no row
    """
    source = io.StringIO(text, newline="")
    starts, rows = [0], []
    try:
        for row in csv.reader(source, delimiter=delimiter, strict=True):
            starts.append(source.tell())
            rows.append(row)
    except csv.Error:
        return len(text)
    start = len(text)
    is_empty = [not any(map(str.strip, row)) for row in rows]
    for number in reversed(range(1, len(rows))):
        if is_empty[number]:
            continue
        has_word = _has_word(rows[number])
        if not _is_short(rows[number]) and not (has_word and _lacks(rows[number], required)):
            break
        if has_word or is_empty[number - 1]:
            start = starts[number]
    return start


def footer_lines(text: str, first: int) -> list[int]:
    """The numbers of the lines of a footer that are not empty, by that of the first."""
    lines = io.StringIO(text, newline="")
    return [number for number, line in enumerate(lines, first) if line.strip()]


def _is_short(row: Sequence[str]) -> bool:
    return sum(bool(cell.strip()) for cell in row) < _MIN_FILLED


def _has_word(row: Sequence[str]) -> bool:
    return bool(_WORDS.match(next((cell for cell in row if cell.strip()), "")))


def _lacks(row: Sequence[str], required: Sequence[int]) -> bool:
    return any(index >= len(row) or not row[index].strip() for index in required)
