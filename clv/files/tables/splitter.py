"""Splits text into rows and cells, with quotes taken strictly.

A quote that is not closed costs its own line only: what it swallowed is read again without it.
"""

import csv
from collections.abc import Callable, Iterator
from typing import Any

from clv.budgets import MAX_LINE
from clv.files.blocks import lines
from clv.files.tables.encoding import fault, is_clean
from clv.files.tables.looks import is_value

_NO_LIMIT = 2**31 - 1
_END_OF_DATA = "unexpected end of data"


class Splitter:
    """Splits one text after another; a row may begin in one and end in the next.

    :param line: the number of the last line before the texts
    :param width: how many cells a row has; 0 if that is unknown
    :param partial: the texts are the first part of a file, whose last row may be incomplete
    :param encoding: says in which encoding the texts have been
    """

    def __init__(
        self,
        delimiter: str,
        line: int = 0,
        width: int = 0,
        partial: bool = False,
        encoding: Callable[[], str] = lambda: "utf-8",
    ) -> None:
        self.delimiter, self.line = delimiter, line
        # The beginning of a row whose end is in the next text.
        self.rest = ""
        self._width, self._partial, self._encoding = width, partial, encoding
        # The last row that is one.
        self._above: list[str] = []
        # Up to this line, lines have been part of a row that was none.
        self._doubtful = line

    def rows(self, text: str, is_last: bool) -> Iterator[tuple[int, list[str], str]]:
        """The rows of a text: the number of the first line, the cells, and what is wrong, or "".

        An empty line has no cells.

        :param text: begins with :attr:`rest`
        :param is_last: no text follows
        """
        self.rest = ""
        # The size of texts is the limit. The module's own is one for all threads, and smaller.
        csv.field_size_limit(_NO_LIMIT)
        source, clean, end = lines(text), is_clean(text), len(text)
        base, reader, stop = self.line, self._reader(source), 0
        while (start := stop) < end:
            first = self.line + 1
            try:
                row, wrong = next(reader), ""
            except csv.Error as error:
                row, wrong = [], str(error)
            stop, self.line = source.tell(), base + reader.line_num
            if wrong or self.line > first or first <= self._doubtful:
                part = text[start:stop]
                if wrong and stop == end and self._is_incomplete(part, is_last):
                    self.line, self.rest = first - 1, part
                    return
                wrong = self._quote_problem(wrong, part, first)
            if wrong:
                # The lines behind the first are read again.
                self._doubtful = max(self._doubtful, self.line)
                source.seek(start)
                line = source.readline()
                row, stop = self._likely_cells(line), start + len(line)
                self.line = base = first
                reader = self._reader(source)
            if not clean and (bad := fault(text[start:stop], self._encoding())):
                row, wrong = self._likely_cells(text[start:stop]), bad
            elif not wrong and is_last and stop == end and any(row):
                wrong = self._broken_off(row, text)
            if any(row) and not wrong:
                self._above = row
            yield first, row, wrong

    def quoted_row(self, text: str, start: int) -> tuple[list[str], int, int] | None:
        """The row that begins in a text at ``start``, where it ends, and its number of lines; None
        if there is anything to say against it."""
        source = lines(text[start:])
        reader = self._reader(source)
        try:
            row = next(reader)
        except csv.Error:
            return None
        end = start + source.tell()
        if reader.line_num > 1 and self._swallowed(text[start:end]):
            return None
        return row, end, reader.line_num

    @property
    def is_in_doubt(self) -> bool:
        """Whether the next line was part of a row that was none."""
        return self.line < self._doubtful

    def skip(self, count: int, last: list[str]) -> None:
        """Count lines that were read without being split.

        :param last: the cells of the last of them
        """
        self.line += count
        self._above = last

    def _reader(self, source: Any) -> Any:
        return csv.reader(source, delimiter=self.delimiter, strict=True)

    def _is_incomplete(self, text: str, is_last: bool) -> bool:
        """Whether a row that ends within quotes may go on behind the text."""
        if is_last:
            return self._partial and not self._swallowed(text)
        return len(text) <= MAX_LINE

    def _quote_problem(self, error: str, text: str, first: int) -> str:
        """What is wrong with the quotes of a row; "" if nothing is.

        :param error: what the csv module says
        """
        if error == _END_OF_DATA:
            return "A quote that begins in this line is not closed."
        if error and self.line > first:
            return f"A quote that begins in line {first} ends within a cell of line {self.line}."
        if error:
            return "A closing quote is followed by text; a quote within quotes must be doubled."
        if first <= self._doubtful and text.count('"') % 2:
            return "The line has a quote without its other one."
        if self.line > first and (swallowed := self._swallowed(text)):
            return f"A quote that begins in line {first} swallows line {first + swallowed}."
        return ""

    def _broken_off(self, row: list[str], text: str) -> str:
        """What is wrong with the last row of a file if it may have been longer; or ""."""
        if text[-1] in "\r\n" or len(row) >= len(self._above):
            return ""
        return (
            f"The last line has fewer cells than the one above, {len(row)} of {len(self._above)}:"
            " the file seems to be broken off."
        )

    def _swallowed(self, text: str) -> int:
        """Which line of a row is a row itself, from 1; 0 if none is."""
        first, *others = lines(text)
        if not self._width or not others:
            return 0
        for number, line in enumerate(others[:-1], 1):
            if self._is_row(self._cells(line)):
                return number
        # The cell that the quote begins ends in the last line.
        *cells, quoted = self._cells(first)
        begins_row = self._is_row([*cells, *quoted.rstrip("\r\n").split(self.delimiter)])
        is_last_cell = len(cells) + 1 == self._width
        ends_row = self._is_row(self._cells(others[-1]))
        return len(others) if begins_row and (ends_row or not is_last_cell) else 0

    def _cells(self, line: str) -> list[str]:
        return next(csv.reader([line], delimiter=self.delimiter), [""])

    def _likely_cells(self, line: str) -> list[str]:
        """The cells of a line that is no row, as far as they can be told, as many as a row has."""
        cells = self._cells(line)
        if len(cells) != self._width:
            cells = line.replace('"', "").split(self.delimiter)
        return (cells + [""] * self._width)[: self._width]

    def _is_row(self, cells: list[str]) -> bool:
        """Whether cells have numbers and dates where the row above has them."""
        if len(cells) != self._width:
            return False
        if not self._above:
            return any(map(is_value, cells))
        pairs = zip(self._above, cells, strict=False)
        values = [is_value(cell) for above, cell in pairs if is_value(above)]
        return bool(values) and all(values)
