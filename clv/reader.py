"""Reads files of transactions line by line, in constant memory."""

import csv
import gzip
import io
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar, cast

from clv import fields
from clv.errors import Invalid, TooLarge
from clv.store.summaries import Transaction

GZIP_MAGIC = b"\x1f\x8b"
MAX_REPORTED = 100

# The longest line that is read whole; real ones have some tens of characters.
MAX_LINE = 1_048_576

Value = TypeVar("Value")
Amount = str | int | float
Row = tuple[str, str, Amount]


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that matter; others are ignored."""

    customer: str = "customer_id"
    date: str = "date"
    amount: str = "amount"

    @property
    def names(self) -> tuple[str, str, str]:
        """The three names in the order of a transaction."""
        return (self.customer, self.date, self.amount)


@dataclass(slots=True)
class Rejected:
    """The lines that could not be read: their number, and the first 100 with reasons."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Note down a bad line."""
        self.count += 1
        if len(self.first) < MAX_REPORTED:
            self.first.append((line, reason))


def read_transactions(
    stream: BinaryIO,
    columns: Columns,
    rejected: Rejected,
    kind: str = "csv",
    most_bytes: int | None = None,
) -> Iterator[Transaction]:
    """The transactions of a file, gzipped or not; bad lines go to ``rejected``.

    :param kind: ``csv`` with a header line, or ``ndjson``: an object a line
    :param most_bytes: the most that a gzip may inflate to
    :raises Invalid: when a CSV has no header with the columns, or the gzip is broken
    :raises TooLarge: when the gzip inflates to more
    """
    inflated = _inflated(stream, most_bytes)
    text = io.TextIOWrapper(inflated, "utf-8-sig", "surrogateescape", newline="")
    # Bounded: a file without line ends must not end up in memory as one line.
    lines = iter(lambda: text.readline(MAX_LINE), "")
    # Read at once: a file that is imported was made before its import began.
    latest_ms = int(time.time() * 1000) + fields.FUTURE_TOLERANCE_MS
    try:
        rows = _Objects(lines, columns) if kind == "ndjson" else _Table(lines, columns)
        while True:
            try:
                row = next(rows)
                if row is not None:
                    yield _transaction(*row, latest_ms)
            except StopIteration:
                return
            except (ValueError, csv.Error) as error:
                rejected.add(rows.line, str(error))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Invalid("The gzip file is broken or ends too early.") from None
    finally:
        # The stream is the caller's to close.
        text.detach()


class _Table:
    """The rows of a CSV: customer, date and amount as texts; None for an empty line."""

    def __init__(self, lines: Iterator[str], columns: Columns) -> None:
        self._reader = csv.reader(lines)
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error:
            header = []
        self._places = _places(header, columns)

    @property
    def line(self) -> int:
        """The number of the last line that was read."""
        return self._reader.line_num

    def __next__(self) -> Row | None:
        row = next(self._reader)
        if not row:
            return None
        if len(row) <= max(self._places):
            raise ValueError("The line has too few columns.")
        customer, moment, value = (row[place].strip() for place in self._places)
        return customer, moment, value


class _Objects:
    """The objects of an NDJSON, one a line."""

    def __init__(self, lines: Iterator[str], columns: Columns) -> None:
        self._lines = lines
        self._names = [(name, _camel(name)) for name in columns.names]
        self.line = 0

    def __next__(self) -> Row | None:
        text = next(self._lines)
        self.line += 1
        if not text.strip():
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("The line is not JSON.") from None
        if not isinstance(found, dict):
            raise ValueError("The line must be an object.")
        customer, moment, value = (found.get(name, found.get(camel)) for name, camel in self._names)
        if not isinstance(customer, str) or not isinstance(moment, str):
            raise ValueError("The customer and the date must be strings.")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("amount: Must be a number.")
        return customer, moment, value


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


def _places(names: list[str], columns: Columns) -> tuple[int, int, int]:
    # A header may be in camelCase, too.
    known = [
        next((wanted for wanted in columns.names if name in (wanted, _camel(wanted))), name)
        for name in names
    ]
    missing = [wanted for wanted in columns.names if wanted not in known]
    if missing:
        raise Invalid(
            f"The first line must name the columns {', '.join(columns.names)};"
            f" there is no {', '.join(missing)} in it."
        )
    double = [wanted for wanted in columns.names if known.count(wanted) > 1]
    if double:
        raise Invalid(f"The first line names the column {double[0]} more than once.")
    customer, moment, value = (known.index(wanted) for wanted in columns.names)
    return customer, moment, value


def _transaction(customer: str, moment: str, value: Amount, latest_ms: int) -> Transaction:
    customer_id = _named("customer", fields.customer_id, customer)
    contact_ms = _named("date", fields.time_ms, moment)
    if contact_ms > latest_ms:
        raise ValueError("date: Must not be in the future.")
    return Transaction(customer_id, contact_ms, _named("amount", fields.amount, value))


def _named(name: str, check: Callable[[Any], Value], value: Any) -> Value:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)
