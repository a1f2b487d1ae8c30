"""Statements and transactions, the same for both databases."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import peewee

from clv.db.connections import database, is_sqlite

# What each build of SQLite allows in one statement.
MAX_PARAMETERS = 999

# Some rows by the column.
Columns = Sequence[Sequence[Any]]
# Peewee's own errors instead of the driver's, for what does not pass through its methods.
translated_errors = peewee.__exception_wrapper__  # type: ignore[attr-defined]


@contextmanager
def transaction() -> Iterator[None]:
    """A write transaction. SQLite's takes the write lock at once: one that first reads and then
    upgrades fails when another has written in between, and no waiting helps."""
    with database.atomic("IMMEDIATE") if is_sqlite() else database.atomic():
        yield


@contextmanager
def without_waiting() -> Iterator[None]:
    """Statements, outside of a transaction, that give up at once where another one holds a lock."""
    if is_sqlite():
        patience = value("PRAGMA busy_timeout")
        execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            execute(f"PRAGMA busy_timeout = {patience}")
        return
    with database.atomic():
        execute("SET LOCAL lock_timeout = 1")
        yield


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement with ``%s`` parameters and return the number of rows that it changed."""
    return database.execute_sql(_dialect(sql), params).rowcount


def rows(sql: str, params: Sequence[Any] = ()) -> list[tuple]:
    """Run one statement and return all its rows."""
    with translated_errors:
        return database.execute_sql(_dialect(sql), params).fetchall()


def row(sql: str, params: Sequence[Any] = ()) -> tuple | None:
    """Run one statement and return its first row, if any."""
    found = rows(sql, params)
    return found[0] if found else None


def quick_row(sql: str, params: Sequence[int | str] = ()) -> tuple | None:
    """:func:`row`, for what many requests ask: prepared once a connection, and without the layers
    above the driver, which take longer than the database. PostgreSQL must know the types of the
    parameters from the statement."""
    connection = database.connection()
    try:
        if is_sqlite():
            return connection.execute(_for_sqlite(sql), params).fetchone()
        if connection.prepared.is_usable:
            return connection.prepared.row(sql, params)
    except Exception:
        with translated_errors:
            raise
    return row(sql, params)


def value(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run one statement that returns exactly one row and return its first column."""
    return rows(sql, params)[0][0]


def stream(sql: str, params: Sequence[Any], page: int) -> Iterator[list[tuple]]:
    """Run one query and return its rows in pages, without holding them all in memory."""
    with translated_errors:
        if is_sqlite():
            cursor = database.execute_sql(_dialect(sql), params)
            yield from iter(lambda: cursor.fetchmany(page), [])
            return
        with database.atomic(), database.connection().cursor(name="clv_stream") as cursor:
            cursor.execute(sql, params)
            yield from iter(lambda: cursor.fetchmany(page), [])


def insert_columns(table: str, columns: str, chunks: Iterable[Columns]) -> int:
    """Insert rows, given in columns and some at a time, as fast as the database takes them, and
    return their number."""
    with translated_errors:
        if is_sqlite():
            return _insert_into_sqlite(table, columns, chunks)
        count = 0
        with database.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for chunk in chunks:
                for values in zip(*chunk, strict=True):
                    copy.write_row(values)
                count += len(chunk[0])
    return count


def execute_many(sql: str, params: Iterable[Sequence[Any]]) -> None:
    """Run one statement for each sequence of parameters."""
    with translated_errors:
        database.cursor().executemany(_dialect(sql), params)


def _insert_into_sqlite(table: str, columns: str, chunks: Iterable[Columns]) -> int:
    """Many rows a statement: with one a statement it takes half as long again."""
    width = len(columns.split(","))
    size = MAX_PARAMETERS // width * width
    places = f"({', '.join('?' * width)})"
    one = f"INSERT INTO {table} ({columns}) VALUES {places}"
    many = one + f", {places}" * (size // width - 1)
    cursor, count = database.cursor(), 0
    rest: list[Any] = []
    for chunk in chunks:
        values: list[Any] = [None] * (len(chunk[0]) * width)
        for place, column in enumerate(chunk):
            values[place::width] = column
        values, count = rest + values, count + len(chunk[0])
        whole = len(values) - len(values) % size
        # Not immediate: a temporary table needs no lock of the database.
        with database.atomic():
            for start in range(0, whole, size):
                cursor.execute(many, values[start : start + size])
        rest = values[whole:]
    with database.atomic():
        cursor.executemany(one, zip(*[iter(rest)] * width, strict=True))
    return count


def _dialect(sql: str) -> str:
    return _for_sqlite(sql) if is_sqlite() else sql


@lru_cache(maxsize=256)
def _for_sqlite(sql: str) -> str:
    return sql.replace("%s", "?")
