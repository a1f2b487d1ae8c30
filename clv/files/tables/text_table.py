"""A table in a text file."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from clv.errors import Invalid
from clv.files.blocks import Block
from clv.files.choices import Choices
from clv.files.stream import File, KeptStream, inflated
from clv.files.tables.encoding import Decoder
from clv.files.tables.footer import footer_start
from clv.files.tables.header_line import HEAD_ROWS, end_of_line, find_header
from clv.files.tables.selection import Row, Selection
from clv.files.tables.splitter import Splitter
from clv.files.tables.text_rows import TextRows


class TextTable:
    """A table in a text file; see ``clv.files.tables.table.Table``.

    :param kept: the bytes of the file
    :param file: its limits
    :param head: the first bytes, inflated
    :raises Invalid: if no line names the columns, or there are no rows
    """

    def __init__(
        self,
        kept: KeptStream,
        file: File,
        head: bytes,
        choices: Choices,
        partial: bool,
    ) -> None:
        self._kept, self._file, self._partial = kept, file, partial
        self._decoder = Decoder(head, choices.encoding)
        texts = self._texts()
        first, following = next(texts, ""), next(texts, None)
        self._is_whole = following is None
        self._header_line = find_header(first, self._is_whole and not partial, choices)
        division = self._header_line.division
        first = division.text(first)
        self._head = first[end_of_line(first, self._header_line.last) :]
        self._selection = Selection(self.header, range(len(self.header)))
        self._required: Sequence[int] = ()
        rest = () if following is None else (division.text(following),)
        self._rows = self._text_rows(chain(rest, map(division.text, texts)))
        if self._is_whole and not any(any(row) or wrong for _, row, wrong in self._head_rows()):
            raise Invalid(f"There are no rows below the header in line {self.header_line}.")

    @property
    def header(self) -> tuple[str, ...]:
        """See ``Table``; and so for the other members."""
        return self._header_line.names

    @property
    def header_line(self) -> int:
        return self._header_line.first

    @property
    def encoding(self) -> str:
        return self._decoder.encoding

    @property
    def delimiter(self) -> str:
        return self._header_line.division.name

    @property
    def warnings(self) -> list[tuple[str, str]]:
        return self._decoder.warnings

    @property
    def line(self) -> int:
        return self._rows.line

    @property
    def footer(self) -> list[int]:
        return self._rows.footer

    def head(self) -> list[tuple[int, list[str]]]:
        good = ((line, row) for line, row, wrong in self._head_rows() if any(row) and not wrong)
        width = len(self.header)
        return [(line, (row + [""] * width)[:width]) for line, row in islice(good, HEAD_ROWS)]

    def select(self, indexes: Sequence[int], required: Sequence[int] = ()) -> None:
        self._selection, self._required = Selection(self.header, indexes), required
        self._rows.selection, self._rows.required = self._selection, required

    def read(self) -> Block | None:
        return self._rows.read()

    def rewind(self, is_last: bool = False) -> None:
        texts = self._texts()
        # The head is at hand.
        next(texts)
        if is_last:
            self._kept.keep_no_more()
        self._rows = self._text_rows(map(self._header_line.division.text, texts))

    def close(self) -> None:
        self._kept.close()

    def _texts(self) -> Iterator[str]:
        data = inflated(self._kept.reading(), self._file, self._partial)
        return self._decoder.blocks(data, self._partial)

    def _text_rows(self, texts: Iterator[str]) -> TextRows:
        """The rows of the head and of the texts behind it."""
        rows = TextRows(chain([self._head], texts), self.header, self._splitter(), has_footer=True)
        rows.selection, rows.required = self._selection, self._required
        return rows

    def _splitter(self) -> Splitter:
        delimiter, width = self._header_line.division.delimiter, len(self.header)
        return Splitter(
            delimiter, self._header_line.last, width, self._partial, lambda: self._decoder.encoding
        )

    def _head_rows(self) -> Iterator[Row]:
        """The rows of the head alone; without its last one, if that may go on behind it."""
        end = len(self._head)
        if self._is_whole:
            end = footer_start(self._head, self._header_line.division.delimiter)
        return self._splitter().rows(self._head[:end], is_last=self._is_whole)
