"""Finds out how the cells of a file are divided, and which line names its columns."""

import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from clv.errors import Invalid
from clv.files.blocks import lines
from clv.files.choices import DELIMITERS, Choices
from clv.files.names import shown
from clv.files.tables.footer import footer_start
from clv.files.tables.looks import is_value
from clv.files.tables.selection import filled_width
from clv.files.tables.splitter import Splitter

# Excel writes and reads such a first line, which says what the delimiter is.
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
# A run of blanks is looked at from its beginning only, or a long one would take a second.
_BLANKS_AROUND = re.compile(r"^ +|(?<! ) ++(?=[\r\n]|\Z)", re.MULTILINE)
_LINE_BREAKS = re.compile(r"(?<!\s)\s*[\r\n]\s*")
# How many rows are shown of the beginning of a table.
HEAD_ROWS = 200
# The longest cell in them. Columns are told by their beginnings.
_MAX_HEAD_CELL = 256
# How many rows are looked at.
_MAX_ROWS = 500
# The share of rows that must fit a division into cells for less likely ones to be out of question.
_FITTING = 0.5


@dataclass(frozen=True, slots=True)
class Division:
    """What divides a line into cells.

    :param name: as in ``DELIMITERS``
    :param blanks: how many blanks, at least, stand for one delimiter; 0: they stand for themselves
    """

    name: str
    delimiter: str
    blanks: int = 0

    def text(self, text: str) -> str:
        """The text with single delimiters."""
        if not self.blanks:
            return text
        return re.sub(f" {{{self.blanks},}}", self.delimiter, _BLANKS_AROUND.sub("", text))


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """A row that may be the header, with the numbers of its first and its last line."""

    first: int
    last: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """The line that names the columns.

    :param names: without outer space and line breaks
    :param first: the number of its first line, and of its last
    """

    division: Division
    names: tuple[str, ...]
    first: int
    last: int

    @property
    def width(self) -> int:
        """The number of columns up to the last that has a name."""
        return filled_width(self.names)


# In place of runs of blanks there is a character that no file has. Where two blanks divide, single
# ones may be part of a name.
DIVISIONS = (
    *(Division(name, mark) for name, mark in DELIMITERS.items() if mark != " "),
    Division("space", "\x1f", 2),
    Division("space", "\x1f", 1),
)


def find_header(head: str, is_whole: bool, choices: Choices) -> HeaderLine:
    """The header of a file and the division of its lines.

    :param head: the first lines of the file
    :param is_whole: they are all that it has
    :raises Invalid: if there is none
    """
    candidates = []
    for division in _divisions(head, choices):
        rows = list(islice(head_rows(head, is_whole, division), _MAX_ROWS))
        position = header_position(rows, choices.header_line)
        if position is not None:
            header = rows[position]
            names = tuple(map(column_name, header.cells))
            width = filled_width(names)
            if width >= 2:
                score = _fitting(rows[position + 1 :], width)
                candidates.append((score, HeaderLine(division, names, header.first, header.last)))
    if not candidates:
        raise Invalid(_no_header(head, choices))
    return _likeliest(candidates)


def head_rows(head: str, is_whole: bool, division: Division) -> Iterator[HeaderRow]:
    """The rows of the first lines of a file that can be read, without empty ones and the footer."""
    text = division.text(head)
    if is_whole:
        text = text[: footer_start(text, division.delimiter)]
    splitter = Splitter(division.delimiter, partial=not is_whole)
    for line, cells, wrong in splitter.rows(text, is_last=True):
        is_separator_line = line == 1 and _SEPARATOR_LINE.fullmatch(division.delimiter.join(cells))
        if not wrong and not is_separator_line and any(map(str.strip, cells)):
            yield HeaderRow(line, splitter.line, cells)


def header_position(rows: Sequence[HeaderRow], header_line: int | None = None) -> int | None:
    """Which of the rows has the names; None if there is none.

    It is the one in this line; else the first that reads like names and has as many cells as most
    rows behind it, or at least as many filled ones, or the most of all that read like names.
    """
    if header_line is not None:
        numbered = (n for n, row in enumerate(rows) if row.first <= header_line <= row.last)
        return next(numbered, None)
    named = [n for n, row in enumerate(rows) if _are_names(row.cells)]
    widths = [len(row.cells) for row in rows]
    filled = [filled_width(row.cells) for row in rows]
    for fits, sizes in ((operator.eq, widths), (operator.le, filled)):
        for position in named:
            behind = sizes[position + 1 :]
            if sum(fits(size, sizes[position]) for size in behind) * 2 > len(behind):
                return position
    return max(named, key=lambda position: filled[position], default=None)


def head_cell(cell: str) -> str:
    """A cell as it is shown of the beginning of a table."""
    return cell if len(cell) <= _MAX_HEAD_CELL else cell.strip()[:_MAX_HEAD_CELL]


def column_name(cell: str) -> str:
    """A column's name in one line."""
    return _LINE_BREAKS.sub(" ", cell.strip())


def end_of_line(text: str, number: int) -> int:
    """Where the line with this number, from 1, ends in a text."""
    source = lines(text)
    for _ in range(number):
        source.readline()
    return source.tell()


def _likeliest(candidates: list[tuple[tuple[float, int], HeaderLine]]) -> HeaderLine:
    """The header whose rows fit it best.

    :raises Invalid: if there are two
    """
    # Names and times have blanks in files of any kind: they divide only where nothing else does,
    # and two rather than one.
    marked = [one for one in candidates if not one[1].division.blanks]
    best = max((score for score, _ in marked), default=(0.0, 0))
    if best[0] >= _FITTING:
        headers = [header for score, header in marked if score == best]
        if len(headers) > 1:
            names = " or by ".join(header.division.name for header in headers)
            raise Invalid(f"Lines are divided by {names}; say which with delimiter.")
        return headers[0]
    blank = [one for one in candidates if one[1].division.blanks]
    (share, _), header = max(
        blank,
        key=lambda one: (one[0][0], one[1].division.blanks),
        default=((0.0, 0), candidates[0][1]),
    )
    if share >= _FITTING:
        return header
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _divisions(head: str, choices: Choices) -> Sequence[Division]:
    chosen = choices.delimiter
    if chosen is None:
        line = head[: end_of_line(head, 1)]
        separator = _SEPARATOR_LINE.fullmatch(line)
        return [Division(_name(separator[1]), separator[1])] if separator else DIVISIONS
    if chosen in DELIMITERS.values():
        chosen = _name(chosen)
    if chosen not in DELIMITERS:
        raise Invalid(f"The delimiter must be one of {', '.join(DELIMITERS)}.")
    return [division for division in DIVISIONS if division.name == chosen]


def _name(mark: str) -> str:
    return next((name for name, other in DELIMITERS.items() if other == mark), mark)


def _are_names(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) >= 2 and not any(map(is_value, filled))


def _fitting(rows: Sequence[HeaderRow], width: int) -> tuple[float, int]:
    """How well rows fit a header: the share that is as wide, and the width."""
    widths = [len(row.cells) for row in rows]
    filled = [filled_width(row.cells) for row in rows]
    exact = sum(
        cells >= width and used <= width for cells, used in zip(widths, filled, strict=True)
    )
    shorter = sum(1 < cells < width for cells in widths)
    return ((exact + shorter / 2) / max(1, len(rows)), width)


def _no_header(head: str, choices: Choices) -> str:
    stripped = enumerate((line.strip() for line in lines(head)), 1)
    number, line = next(((number, line) for number, line in stripped if line), (0, ""))
    if not number:
        return "The file is empty."
    if choices.header_line is not None:
        return f"There is no line {choices.header_line} with names of columns in the file."
    return (
        f"No line names the columns: line {number} is {shown(line)!r}. Put a line with their names"
        " on top, or say with headerLine which line has them."
    )
