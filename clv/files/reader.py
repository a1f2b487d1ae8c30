"""Reads files of rows, in constant memory: CSV or NDJSON, gzipped or not."""

import gzip
import io
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import BinaryIO, cast

from clv.db import Columns
from clv.domain import calendar
from clv.errors import Invalid, TooLarge
from clv.files.chunks import Chunk
from clv.files.csv_reader import CsvReader
from clv.files.layouts import Layout, Summaries, Transactions
from clv.files.ndjson_reader import NdjsonReader

GZIP_MAGIC = b"\x1f\x8b"
MAX_REPORTED = 100
# A chunk with a bad row is checked again in so many parts, and so is a part with one.
PARTS = 16
RowReader = CsvReader | NdjsonReader
ROW_READERS: dict[str, type[RowReader]] = {"csv": CsvReader, "ndjson": NdjsonReader}


@dataclass(frozen=True, slots=True)
class File:
    """What is to be read.

    :param kind: ``csv`` with a header line, or ``ndjson``: an object a line
    :param most_bytes: the most that a gzip may inflate to
    """

    stream: BinaryIO
    kind: str = "csv"
    most_bytes: int | None = None


@dataclass(slots=True)
class Rejected:
    """The lines that could not be read: their number, and the first 100 with reasons."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Note down a bad line behind all that were noted before."""
        self.count += 1
        if len(self.first) < MAX_REPORTED:
            self.first.append((line, reason))

    def add_all(self, count: int, first_lines: Iterable[int], reason: str) -> None:
        """Note down bad lines that lie anywhere; of them the first 100 or more."""
        self.count += count
        self.first = sorted(self.first + [(line, reason) for line in first_lines])[:MAX_REPORTED]


def read_transactions(
    file: File,
    rejected: Rejected,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> Iterator[Columns]:
    """The transactions of a file in columns, some at a time: customers, times, amounts. Columns of
    other names are ignored; bad lines go to ``rejected``.

    :raises Invalid: when a CSV has no header with the columns, or the gzip is broken
    :raises TooLarge: when the gzip inflates to more than it may
    """
    return _read(file, Transactions(customer, date, amount, _latest_ms()), rejected)


def read_summaries(file: File, rejected: Rejected) -> tuple[str | None, Iterator[Columns]]:
    """The period type of a file's interaction summaries (None when there are none), and their
    columns, some rows at a time: those of a ``Summary`` and the numbers of the lines. Bad lines go
    to ``rejected``.

    :raises Invalid: when a CSV has no header with the columns that are required, or names others;
        when rows differ in their period type; when the gzip is broken
    :raises TooLarge: when the gzip inflates to more than it may
    """
    layout = Summaries(_latest_ms())
    chunks = _read(file, layout, rejected)
    first = list(islice(chunks, 1))
    return layout.period_type, chain(first, chunks)


def _latest_ms() -> int:
    # Read once: a file was made before its reading began.
    return calendar.latest_ms(time.time())


def _read(file: File, layout: Layout, rejected: Rejected) -> Iterator[Columns]:
    inflated = _inflated(file.stream, file.most_bytes)
    text = io.TextIOWrapper(inflated, "utf-8-sig", "surrogateescape", newline="")
    try:
        table = ROW_READERS[file.kind](text, layout)
        for chunk in _chunks(table, rejected):
            yield from _good_rows(chunk, table, layout, rejected)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Invalid("The gzip file is broken or ends too early.") from None
    finally:
        # The stream is the caller's to close.
        text.detach()


def _chunks(table: RowReader, rejected: Rejected) -> Iterator[Chunk]:
    while True:
        try:
            chunk = table.read()
        except ValueError as error:
            rejected.add(table.line, str(error))
            continue
        if chunk is None:
            return
        yield chunk


def _good_rows(
    chunk: Chunk, table: RowReader, layout: Layout, rejected: Rejected
) -> Iterator[Columns]:
    """The rows of a chunk as they are staged, without the bad ones."""
    if not chunk:
        return
    try:
        staged = layout.staged(chunk.lines, table.values(chunk))
    except ValueError as error:
        if len(chunk) == 1:
            rejected.add(chunk.lines[0], str(error))
            return
        for part in chunk.parts(max(1, len(chunk) // PARTS)):
            yield from _good_rows(part, table, layout, rejected)
    else:
        yield staged


def _inflated(stream: BinaryIO, most_bytes: int | None) -> BinaryIO:
    if not isinstance(stream, io.BufferedReader):
        stream = io.BufferedReader(cast(io.RawIOBase, stream))
    if stream.peek(2)[:2] != GZIP_MAGIC:
        return stream
    inflated = gzip.GzipFile(fileobj=stream)
    return cast(BinaryIO, _Limited(inflated, most_bytes) if most_bytes else inflated)


class _Limited(io.BufferedIOBase):
    """A stream that ends with an error after so many bytes: a small gzip can inflate to any
    size."""

    def __init__(self, stream: gzip.GzipFile, most_bytes: int) -> None:
        self._stream, self._left, self._most = stream, most_bytes, most_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self.read1(-1 if size is None else size)

    def read1(self, size: int = -1) -> bytes:
        found = self._stream.read1(size)
        self._left -= len(found)
        if self._left < 0:
            raise TooLarge(f"The file inflates to more than {self._most} bytes.")
        return found
