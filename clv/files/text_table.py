"""The rows of a text file by column.

Most blocks of most files have no quotes; those are split without the csv module, in less than half
its time. The whole of an upload is measured by ``tests.bench.upload``.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter

from clv.errors import Invalid
from clv.files.blocks import BLOCK_ROWS, Block
from clv.files.choices import Choices
from clv.files.encoding import Decoder, is_clean
from clv.files.footer import footer_lines, footer_start
from clv.files.header_line import end_of_line, find_header
from clv.files.splitter import Splitter
from clv.files.stream import KeptStream, inflated

# How many rows the head has at most.
HEAD_ROWS = 200
# A last text of less than this is read with the one before it, so that a footer is in one text.
_MIN_TEXT = 4_096
_Rows = Iterator[tuple[int, list[str], str]]


class TextTable:
    """A table in a text file; see ``clv.files.table.Table``.

    :param kept: the bytes of the file
    :param max_bytes: the most that a gzip may inflate to; None for no limit
    :param head: the first bytes, inflated
    :raises Invalid: if no line names the columns, or there are no rows
    """

    line: int
    footer: list[int]
    # The next text, without what the rows being read need; None at the end.
    _text: str | None
    _rows: _Rows | None
    # The number of a bad line, and what is wrong with it; raised by the next read().
    _wrong: tuple[int, str] | None

    def __init__(
        self,
        kept: KeptStream,
        max_bytes: int | None,
        head: bytes,
        choices: Choices,
        partial: bool,
    ) -> None:
        self._kept, self._max_bytes, self._partial = kept, max_bytes, partial
        self._decoder = Decoder(head, choices.encoding)
        self._texts = self._text_blocks()
        first = next(self._texts, "")
        self._following = next(self._texts, None)
        header = find_header(first, self._following is None and not partial, choices)
        self._division, self.header, self.header_line = header.division, header.names, header.first
        self._width, self._header_end = header.width, header.last
        self._required: Sequence[int] = ()
        self.select(range(self._width))
        self._head = self._division.text(first)
        self._data_start = end_of_line(self._head, header.last)
        self._start()
        if not self.head() and self._following is None and not self._has_bad_lines():
            raise Invalid(f"There are no rows below the header in line {self.header_line}.")

    @property
    def encoding(self) -> str:
        """See ``Table``."""
        return self._decoder.encoding

    @property
    def delimiter(self) -> str:
        """See ``Table``."""
        return self._division.name

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """See ``Table``."""
        return self._decoder.warnings

    def head(self) -> list[tuple[int, list[str]]]:
        """See ``Table``."""
        good = ((line, row) for line, row, wrong in self._head_rows() if not wrong and any(row))
        width = len(self.header)
        return [(line, (row + [""] * width)[:width]) for line, row in islice(good, HEAD_ROWS)]

    def select(self, indexes: Sequence[int], required: Sequence[int] = ()) -> None:
        """See ``Table``."""
        self._indexes, self._required = list(indexes), required
        self._needed = 1 + max(indexes)
        # A getter of one item gives no tuple, but that of one slice gives a list.
        one = slice(self._indexes[0], self._indexes[0] + 1)
        self._pick = itemgetter(*indexes) if len(indexes) > 1 else itemgetter(one)

    def read(self) -> Block | None:
        """See ``Table``."""
        while True:
            if self._wrong:
                (self.line, wrong), self._wrong = self._wrong, None
                raise ValueError(wrong)
            block = self._read_rows() if self._rows else self._read_text()
            if block:
                self.line = block.lines[-1]
                return block
            if not self._rows and self._text is None:
                return None

    def rewind(self, is_last: bool = False) -> None:
        """See ``Table``."""
        self._texts = self._text_blocks()
        next(self._texts)
        self._following = next(self._texts, None)
        if is_last:
            self._kept.keep_no_more()
        self._start()

    def close(self) -> None:
        """See ``Table``."""
        self._texts = iter(())
        self._kept.close()

    def _text_blocks(self) -> Iterator[str]:
        return self._decoder.blocks(inflated(self._kept.reading(), self._max_bytes, self._partial))

    def _start(self) -> None:
        self._splitter = self._new_splitter()
        self._text, self._rows, self._wrong = self._head[self._data_start :], None, None
        self.line, self.footer = self._header_end, []

    def _new_splitter(self) -> Splitter:
        mark, width = self._division.delimiter, len(self.header)
        return Splitter(mark, self._header_end, width, self._partial)

    def _head_rows(self) -> _Rows:
        text = self._head[self._data_start :]
        if self._following is None:
            text = text[: footer_start(text, self._division.delimiter)]
        splitter = self._new_splitter()
        return splitter.rows(text, is_last=self._following is None)

    def _has_bad_lines(self) -> bool:
        return any(wrong for _, _, wrong in self._head_rows())

    def _read_text(self) -> Block | None:
        """The rows of the next text, if they can be told at once; else they are begun."""
        text, is_last = self._next_text()
        if text is None:
            return None
        self._splitter.encoding = self._decoder.encoding
        if is_last:
            text = self._without_footer(text)
        elif block := self._plain_block(text):
            return block
        self._rows = self._splitter.rows(text, is_last)
        return None

    def _next_text(self) -> tuple[str | None, bool]:
        """The next text, and whether it is the last."""
        if self._text is None:
            return None, True
        text = self._splitter.rest + self._text
        following, self._text = self._following, None
        if following is not None:
            self._text = self._division.text(following)
            self._following = next(self._texts, None)
            if self._following is None and len(self._text) < _MIN_TEXT:
                text, self._text = text + self._text, None
        return text, self._text is None

    def _without_footer(self, text: str) -> str:
        end = footer_start(text, self._division.delimiter, self._required)
        before = self._line_number(text[:end])
        self.footer = footer_lines(text[end:], before + 1)
        return text[:end]

    def _line_number(self, text: str) -> int:
        return self._splitter.line + text.replace("\r\n", "\n").replace("\r", "\n").count("\n")

    def _plain_block(self, text: str) -> Block | None:
        """The rows of a text, if it is plain."""
        plain = (text.replace("\r\n", "\n") if "\r" in text else text).removesuffix("\n")
        width = len(self.header)
        if '"' in plain or "\r" in plain or width != self._width or not is_clean(plain):
            return None
        columns = _columns(plain, width, self._division.delimiter, self._indexes)
        # Rows may be empty but for their delimiters.
        if columns is None or all("" in column for column in columns):
            return None
        first = self._splitter.line + 1
        self._splitter.line += len(columns[0])
        return Block(range(first, first + len(columns[0])), columns)

    def _read_rows(self) -> Block | None:
        lines, rows, count = [], [], 0
        for line, row, wrong in islice(self._rows or (), BLOCK_ROWS):
            count += 1
            if not wrong and len(row) != self._width:
                wrong = self._misfit(row)
            if wrong:
                self._wrong = line, wrong
                break
            if len(row) >= self._needed and any(row):
                lines.append(line)
                rows.append(self._pick(row))
        else:
            if count < BLOCK_ROWS:
                self._rows = None
        return Block(lines, list(zip(*rows, strict=True))) if rows else None

    def _misfit(self, row: list[str]) -> str:
        """What is wrong with a row that has more or fewer cells than the header; "" if nothing."""
        is_short = len(row) < self._needed and any(map(str.strip, row))
        if is_short or any(map(str.strip, row[self._width :])):
            return f"The line has {len(row)} cells, but the header names {self._width} columns."
        return ""


def _columns(
    text: str, width: int, delimiter: str, indexes: Sequence[int]
) -> list[list[str]] | None:
    """Some columns of a text without quotes; None unless all lines have this many cells."""
    # Each line end becomes a cell of its own; in lines of equal width they form a column.
    cells = text.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
    line_ends = cells[width :: width + 1]
    count = text.count("\n") + 1
    if len(cells) != count * (width + 1) - 1 or line_ends.count("\n") != len(line_ends):
        return None
    return [cells[index :: width + 1] for index in indexes]
