"""A file of transactions as a table of text cells, whatever it was written by.

:func:`open_table` finds out what kind of file it is. The steps to the cells of a text file, each in
a module of its own: :mod:`clv.files.stream` (bytes), :mod:`clv.files.tables.encoding` (text),
:mod:`clv.files.tables.header_line` (delimiter and names), :mod:`clv.files.tables.splitter` (rows),
:mod:`clv.files.tables.text_table` (columns). Workbooks are read by
:mod:`clv.files.tables.workbook`.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

from clv.files.blocks import Block
from clv.files.choices import Choices
from clv.files.stream import File, KeptStream, inflated
from clv.files.tables.ndjson_table import NdjsonTable
from clv.files.tables.signatures import SIGNATURE_SIZE, ZIP_MAGIC, check_is_text
from clv.files.tables.text_table import TextTable
from clv.files.tables.workbook import WorkbookTable, open_workbook


class Table(Protocol):
    """The rows of a file below the line that names the columns.

    :param header: the names, without outer space; "" for a column without one
    :param header_line: the number of the line with the names, from 1
    :param encoding: as far as it is known before the end; None for a workbook
    :param delimiter: one of ``clv.files.choices.DELIMITERS``, or a character; None for a workbook
        and for NDJSON
    :param warnings: (code, message) of what a person should look at
    :param line: the number of the last line read; of a row in several lines, the first of them
    :param footer: at the end: the lines below the data that are no rows
    """

    @property
    def header(self) -> tuple[str, ...]: ...
    @property
    def header_line(self) -> int: ...
    @property
    def encoding(self) -> str | None: ...
    @property
    def delimiter(self) -> str | None: ...
    @property
    def warnings(self) -> list[tuple[str, str]]: ...
    @property
    def line(self) -> int: ...
    @property
    def footer(self) -> list[int]: ...

    def head(self) -> list[tuple[int, list[str]]]:
        """The first rows with their line numbers, all as wide as the header; nothing is consumed.

        They are up to 200, without bad lines and footers.
        """

    def select(self, indexes: Sequence[int], required: Sequence[int] = ()) -> None:
        """From now on only these columns are read, in this order.

        :param required: columns without which a line such as ``Total,,58.80`` at the end of the
            file is no row but part of its footer
        """

    def read(self) -> Block | None:
        """The next rows by column, without empty ones; None at the end.

        :raises BadRow: at a bad line, whose number is ``line``; reading goes on behind it
        """

    def rewind(self, is_last: bool = False) -> None:
        """Start again at the first row.

        :param is_last: it won't be rewound again, so that what is read need not be kept
        """

    def close(self) -> None:
        """Give back the disk that the table takes; the file's own stream stays open."""


def open_table(file: File, choices: Choices, partial: bool = False) -> Table:
    """The table in a file: CSV in whatever form, NDJSON, or an ``.xlsx`` workbook; close it in the
    end.

    :param choices: of which encoding, delimiter and header line are taken
    :param partial: the stream is the first part of a file, of which at most 64 MiB are read; an
        incomplete last line is left out
    :raises Invalid: if the file is no table; the message says what it is
    :raises TooLarge: if a gzip or a workbook inflates to more than it may
    """
    kept = KeptStream(file)
    try:
        if file.kind == "ndjson":
            return NdjsonTable(kept, file, choices.encoding, partial)
        head = inflated(kept.reading(), file, partial).read(SIGNATURE_SIZE)
        if head.startswith(ZIP_MAGIC):
            return _workbook(kept, file, choices, partial)
        check_is_text(head, choices.encoding)
        return TextTable(kept, file, head, choices, partial)
    except BaseException:
        kept.close()
        raise


def _workbook(kept: KeptStream, file: File, choices: Choices, partial: bool) -> WorkbookTable:
    with closing(kept):
        stream = inflated(kept.reading(), file, partial)
        kept.keep_no_more()
        return open_workbook(stream, file, choices, partial)
