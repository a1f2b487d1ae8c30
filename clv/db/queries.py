"""Statements and transactions, written alike for both databases: parameters are ``%s``."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import peewee

from clv.db.connections import database, is_sqlite

# The most parameters of a statement that every build of SQLite allows.
MAX_PARAMETERS = 999

# Rows, column by column.
Columns = Sequence[Sequence[Any]]
# A context manager that turns the driver's errors into Peewee's, for calls that bypass Peewee.
translated_errors = peewee.__exception_wrapper__  # type: ignore[attr-defined]


@contextmanager
def transaction() -> Iterator[None]:
    """A write transaction. On SQLite it takes the write lock at once: one that reads first fails
    on its first write if another transaction wrote in between, and no waiting helps."""
    with database.atomic("IMMEDIATE") if is_sqlite() else database.atomic():
        yield


@contextmanager
def without_waiting() -> Iterator[None]:
    """Statements that fail at once instead of waiting for a lock. Not inside a transaction."""
    if is_sqlite():
        timeout_ms = value("PRAGMA busy_timeout")
        execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            execute(f"PRAGMA busy_timeout = {timeout_ms}")
        return
    with database.atomic():
        execute("SET LOCAL lock_timeout = 1")
        yield


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement and return the number of rows that it changed."""
    return database.execute_sql(_dialect(sql), params).rowcount


def rows(sql: str, params: Sequence[Any] = ()) -> list[tuple]:
    """Run one statement and return all its rows."""
    with translated_errors:
        return database.execute_sql(_dialect(sql), params).fetchall()


def row(sql: str, params: Sequence[Any] = ()) -> tuple | None:
    """Run one statement and return its first row, if any."""
    fetched = rows(sql, params)
    return fetched[0] if fetched else None


def quick_row(sql: str, params: Sequence[int | str] = ()) -> tuple | None:
    """:func:`row` for statements that many requests repeat: prepared once a connection, and
    without Peewee's layers, which take longer than the database. PostgreSQL must be able to tell
    the types of the parameters from the statement alone."""
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
    """Run one statement whose result is exactly one row, and return its first column."""
    return rows(sql, params)[0][0]


def stream(sql: str, params: Sequence[Any], page: int) -> Iterator[list[tuple]]:
    """Run one query and yield its rows in pages, without holding all of them in memory."""
    with translated_errors:
        if is_sqlite():
            cursor = database.execute_sql(_dialect(sql), params)
            yield from iter(lambda: cursor.fetchmany(page), [])
            return
        with database.atomic(), database.connection().cursor(name="clv_stream") as cursor:
            cursor.execute(sql, params)
            yield from iter(lambda: cursor.fetchmany(page), [])


def insert_columns(table: str, columns: str, blocks: Iterable[Columns]) -> int:
    """Insert blocks of rows in the fastest way of each database, and return their number.

    :param columns: the names, separated by commas
    """
    insert = _insert_into_sqlite if is_sqlite() else _copy_into_postgresql
    with translated_errors:
        return insert(table, columns, blocks)


def execute_many(sql: str, params: Iterable[Sequence[Any]]) -> None:
    """Run one statement for each sequence of parameters."""
    with translated_errors:
        database.cursor().executemany(_dialect(sql), params)


def _copy_into_postgresql(table: str, columns: str, blocks: Iterable[Columns]) -> int:
    count = 0
    with database.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for block in blocks:
            for values in zip(*block, strict=True):
                copy.write_row(values)
            count += len(block[0])
    return count


def _insert_into_sqlite(table: str, columns: str, blocks: Iterable[Columns]) -> int:
    """Insert many rows with each statement; one row each takes 1.5 times as long."""
    width = len(columns.split(","))
    size = MAX_PARAMETERS // width * width
    places = f"({', '.join('?' * width)})"
    one = f"INSERT INTO {table} ({columns}) VALUES {places}"
    many = one + f", {places}" * (size // width - 1)
    cursor, count = database.cursor(), 0
    rest: list[Any] = []
    for block in blocks:
        count += len(block[0])
        values = rest + _row_by_row(block)
        whole = len(values) - len(values) % size
        # Not immediate: a temporary table needs no lock on the database.
        with database.atomic():
            for start in range(0, whole, size):
                cursor.execute(many, values[start : start + size])
        rest = values[whole:]
    with database.atomic():
        cursor.executemany(one, zip(*[iter(rest)] * width, strict=True))
    return count


def _row_by_row(block: Columns) -> list[Any]:
    """All values of a block in one list, one row after the other."""
    values: list[Any] = [None] * (len(block[0]) * len(block))
    for place, column in enumerate(block):
        values[place :: len(block)] = column
    return values


def _dialect(sql: str) -> str:
    return _for_sqlite(sql) if is_sqlite() else sql


@lru_cache(maxsize=256)
def _for_sqlite(sql: str) -> str:
    return sql.replace("%s", "?")
