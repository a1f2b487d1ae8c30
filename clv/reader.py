"""Reads files of transactions line by line, in constant memory."""

import csv
import gzip
import io
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar, cast

from clv import fields
from clv.errors import Invalid
from clv.store.summaries import Transaction

GZIP_MAGIC = b"\x1f\x8b"
MAX_REPORTED = 100

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that matter; others are ignored."""

    customer: str = "customer_id"
    date: str = "date"
    amount: str = "amount"


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
    stream: BinaryIO, columns: Columns, rejected: Rejected
) -> Iterator[Transaction]:
    """The transactions of a CSV, gzipped or not; bad lines go to ``rejected``.

    :raises Invalid: when there is no header with the columns, or the gzip is broken
    """
    text = io.TextIOWrapper(_inflated(stream), "utf-8-sig", "surrogateescape", newline="")
    lines = csv.reader(text)
    # Read at once: a file that is imported was made before its import began.
    latest_ms = int(time.time() * 1000) + fields.FUTURE_TOLERANCE_MS
    try:
        places = _places(lines, columns)
        while True:
            try:
                line = next(lines)
                if line:
                    yield _transaction(line, places, latest_ms)
            except StopIteration:
                return
            except (ValueError, csv.Error) as error:
                rejected.add(lines.line_num, str(error))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Invalid("The gzip file is broken or ends too early.") from None
    finally:
        # The stream is the caller's to close.
        text.detach()


def _inflated(stream: BinaryIO) -> BinaryIO:
    if not isinstance(stream, io.BufferedReader):
        stream = io.BufferedReader(cast(io.RawIOBase, stream))
    if stream.peek(2)[:2] == GZIP_MAGIC:
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    return stream


def _places(lines: Iterator[list[str]], columns: Columns) -> tuple[int, int, int]:
    try:
        names = [name.strip() for name in next(lines, [])]
    except csv.Error:
        names = []
    wanted = (columns.customer, columns.date, columns.amount)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise Invalid(
            f"The first line must name the columns {', '.join(wanted)};"
            f" there is no {', '.join(missing)} in it."
        )
    double = [name for name in wanted if names.count(name) > 1]
    if double:
        raise Invalid(f"The first line names the column {double[0]} more than once.")
    return cast(tuple[int, int, int], tuple(names.index(name) for name in wanted))


def _transaction(line: list[str], places: tuple[int, int, int], latest_ms: int) -> Transaction:
    if len(line) <= max(places):
        raise ValueError("The line has too few columns.")
    customer, moment, value = (line[place].strip() for place in places)
    customer_id = _named("customer", fields.customer_id, customer)
    contact_ms = _named("date", fields.time_ms, moment)
    if contact_ms > latest_ms:
        raise ValueError("date: Must not be in the future.")
    return Transaction(customer_id, contact_ms, _named("amount", fields.amount, value))


def _named(name: str, check: Callable[[str], Value], value: str) -> Value:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
