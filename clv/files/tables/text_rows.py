"""The rows of a text by column.

Most rows of most files have no quotes; those are split without the csv module, in less than half
its time. A whole upload is measured by ``tests.bench.upload``, one with quotes by
``tests.bench.export``.
"""

from collections.abc import Iterator, Sequence

from clv.files.blocks import Block, lines
from clv.files.tables.encoding import is_clean
from clv.files.tables.footer import footer_start
from clv.files.tables.selection import BadRow, Row, Selection
from clv.files.tables.splitter import Splitter

# A last text of less than this is read with the one before it, so that a footer is in one text.
_MIN_TEXT = 4_096
# With more quotes than one in so many lines, it takes less time to read all rows one by one.
_LINES_A_QUOTE = 4


class TextRows:
    """Reads the rows of texts in blocks; after a bad line reading goes on.

    :param texts: of whole lines, behind the header
    :param names: of the columns
    :param splitter: that has seen all lines up to the header
    :param has_footer: lines at the end may be no rows
    """

    def __init__(
        self,
        texts: Iterator[str],
        names: Sequence[str],
        splitter: Splitter,
        has_footer: bool = False,
    ) -> None:
        self._texts, self._splitter, self._has_footer = texts, splitter, has_footer
        self._following = next(texts, None)
        self._width = len(names)
        self.selection = Selection(names, range(len(names)))
        self.required: Sequence[int] = ()
        # The number of the last line read.
        self.line = splitter.line
        # At the end: the lines behind the data that are no rows.
        self.footer: list[int] = []
        self._rows: Iterator[Row] | None = None
        # Raised by the next read().
        self._bad: BadRow | None = None

    def read(self) -> Block | None:
        """The next rows, without empty ones; None at the end.

        :raises BadRow: at a line that is not a row
        """
        while True:
            if self._bad:
                bad, self._bad = self._bad, None
                self.line = bad.line
                raise bad
            if not self._rows and self._following is None:
                return None
            block = self._read_rows(self._rows) if self._rows else self._read_text()
            if block:
                self.line = block.lines[-1]
                return block

    def _read_rows(self, rows: Iterator[Row]) -> Block:
        block, self._bad, is_end = self.selection.take(rows)
        if is_end:
            self._rows = None
        return block

    def _read_text(self) -> Block | None:
        """The rows of the next text, if it is plain; else they are begun."""
        text, is_last = self._next_text()
        if not is_last and (block := self._plain_block(text)):
            return block
        if is_last and self._has_footer:
            text = self._without_footer(text)
        self._rows = self._splitter.rows(text, is_last)
        return None

    def _next_text(self) -> tuple[str, bool]:
        """The next text, and whether it is the last."""
        text = self._splitter.rest + (self._following or "")
        self._splitter.rest = ""
        self._following = next(self._texts, None)
        if self._following is not None and len(self._following) < _MIN_TEXT:
            text += self._following
            self._following = next(self._texts, None)
        return text, self._following is None

    def _plain_block(self, text: str) -> Block | None:
        """The rows of a text that has no row in need of a closer look; else None."""
        has_few_quotes = text.count('"') * _LINES_A_QUOTE <= text.count("\n")
        is_odd = self._width != self.selection.width or self._splitter.is_in_doubt
        if is_odd or not has_few_quotes or not is_clean(text):
            return None
        before = self._splitter.line
        rows = self._quick_rows(text)
        # If each column has empty cells, there may be empty rows: the splitter leaves them out.
        if rows is None or all("" in column for column in rows.cells):
            self._splitter.line = before
            return None
        return rows

    def _quick_rows(self, text: str) -> Block | None:
        """The rows of a text: those without quotes together, the others one by one."""
        numbers: list[int] = []
        columns: list[list[str]] = [[] for _ in self.selection.indexes]
        start = 0
        while start < len(text):
            quote = text.find('"', start)
            end = text.rfind("\n", start, quote) + 1 if quote >= 0 else len(text)
            if end > start and not self._add_plain(text[start:end], numbers, columns):
                return None
            start = max(start, end)
            if quote >= 0 and (start := self._add_quoted(text, start, numbers, columns)) < 0:
                return None
        return Block(numbers, columns)

    def _add_plain(self, text: str, numbers: list[int], columns: list[list[str]]) -> bool:
        """Add the rows of a text without quotes; False if one is odd."""
        plain = (text.replace("\r\n", "\n") if "\r" in text else text).removesuffix("\n")
        delimiter = self._splitter.delimiter
        added = _columns(plain, self._width, delimiter, self.selection.indexes)
        if added is None or "\r" in plain:
            return False
        for column, cells in zip(columns, added, strict=True):
            column += cells
        first = self._splitter.line + 1
        numbers += range(first, first + len(added[0]))
        last = plain[plain.rfind("\n") + 1 :]
        self._splitter.skip(len(added[0]), last.split(delimiter))
        return True

    def _add_quoted(
        self, text: str, start: int, numbers: list[int], columns: list[list[str]]
    ) -> int:
        """Add the row that begins at ``start``, and return where it ends; -1 if it is odd."""
        quoted = self._splitter.quoted_row(text, start)
        if quoted is None or len(quoted[0]) != self._width:
            return -1
        row, end, count = quoted
        for column, index in zip(columns, self.selection.indexes, strict=True):
            column.append(row[index])
        numbers.append(self._splitter.line + 1)
        self._splitter.skip(count, row)
        return end

    def _without_footer(self, text: str) -> str:
        start = footer_start(text, self._splitter.delimiter, self.required)
        first = self._splitter.line + 1 + sum(1 for _ in lines(text[:start]))
        self.footer = [n for n, line in enumerate(lines(text[start:]), first) if line.strip()]
        return text[:start]


def _columns(
    text: str, width: int, delimiter: str, indexes: Sequence[int]
) -> list[list[str]] | None:
    """Some columns of a text without quotes; None unless all lines have this many cells."""
    # Each line end becomes a cell of its own; in lines of equal width they form a column.
    parted = text.replace("\n", f"{delimiter}\n{delimiter}")
    cells = parted.split(delimiter)
    line_ends = cells[width :: width + 1]
    count = (len(parted) - len(text)) // 2 + 1
    if len(cells) != count * (width + 1) - 1 or line_ends.count("\n") != len(line_ends):
        return None
    return [cells[index :: width + 1] for index in indexes]
