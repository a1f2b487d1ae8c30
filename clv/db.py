"""The one database of the process: SQLite or PostgreSQL by URL, transactions, migrations.

``configure`` makes the pool and opens nothing. A connection is taken from it by the first query
of a request or a job and given back by ``release``: a request that waits for a run releases its
connection first, and a request that asks nothing never takes one. Where there is a connection for
every thread, ``keep`` lets each keep its own between requests.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import peewee
import psycopg
from playhouse.db_url import parse
from playhouse.migrations import Runner
from playhouse.pool import MaxConnectionsExceeded, PooledSqliteDatabase
from psycopg.pq import TransactionStatus

from clv import postgresql
from clv.config import Settings
from clv.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"
# A thread waits this long for a connection, and a statement for what another one locked; then it
# is a 503.
WAIT_SECONDS = 5
# How long a statement may take on PostgreSQL (SQLite's depend on nobody else). A request's takes
# milliseconds, a filtered list of a million customers half a second: one that takes this long is
# stuck, and its thread is needed. Files, simulations, distributions and batches are passes over
# all of a tenant's data: theirs must end some time.
REQUEST_SECONDS = 10
LONG_SECONDS = 900
# Connections are given up after a while, so that a failed-over server is left behind.
STALE_SECONDS = 300
# What each build of SQLite allows in one statement.
MAX_PARAMETERS = 999
MIGRATION_LOCK = 2_147_001
# So often a connection that a thread keeps goes through the pool, which looks whether it lives.
LOOK_SECONDS = 1.0

# What the drivers raise when the database is down, full or busy, and not when a query is wrong.
DOWN = (
    peewee.OperationalError,
    peewee.InterfaceError,
    MaxConnectionsExceeded,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
)
# What PostgreSQL raises for a table that is not there yet; SQLite's is an OperationalError.
NO_TABLES = peewee.ProgrammingError

# Some rows by the column.
Columns = Sequence[Sequence[Any]]

database = peewee.DatabaseProxy()
_statement_seconds: ContextVar[float] = ContextVar("statement_seconds", default=LONG_SECONDS)
# Peewee's own errors instead of the driver's, for what does not pass through its methods.
_translated = peewee.__exception_wrapper__  # type: ignore[attr-defined]


def configure(settings: Settings) -> None:
    """Point the process at the database of the settings; nothing is opened yet."""
    if database.obj is not None:
        database.close_all()
    database.initialize(_pool(settings))
    _kept.on = False


def is_sqlite() -> bool:
    """Whether the configured database is SQLite."""
    return isinstance(database.obj, peewee.SqliteDatabase)


def keep() -> None:
    """From now on each thread of the process keeps its connection from one request to the next:
    to take one from the pool and ask whether it lives costs more than reading a record. There must
    be as many connections as threads."""
    _kept.on = True


def begin_request() -> None:
    """Before the first query of a request, whose statements may take ``REQUEST_SECONDS``. A kept
    connection that nobody looked at for a second goes back, and the pool looks whether it lives
    and is not too old when it is taken again."""
    _statement_seconds.set(REQUEST_SECONDS)
    now = time.monotonic()
    if now - _thread.looked_at > LOOK_SECONDS:
        _thread.looked_at = now
        release()


def end_request() -> None:
    """After a request: keep its connection for the next one, if it is as new, or give it back."""
    if not _kept.on or _is_used_up():
        release()
    _statement_seconds.set(LONG_SECONDS)


def release() -> None:
    """Give this thread's connection back to the pool, if it holds one."""
    if not database.is_closed():
        database.close()


def give_up() -> None:
    """Close this thread's connection for good, after a failure of the database."""
    if not database.is_closed():
        database.manual_close()


def disconnect() -> None:
    """Close every connection of the process for good, so that a fork shares none."""
    database.close_all()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A stretch of work whose statements may take so long each, on a connection of its own."""
    release()
    token = _statement_seconds.set(seconds)
    try:
        yield
    finally:
        release()
        _statement_seconds.reset(token)


@contextmanager
def scope() -> Iterator[None]:
    """A stretch of work outside of a request; its connection is given back at the end."""
    try:
        yield
    finally:
        release()


def is_full(error: BaseException) -> bool:
    """Whether one of ``DOWN`` says that the database's disk has no room left."""
    # SQLite rolls back by itself, and Peewee's doing so, too, is an error of its own then.
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, psycopg.errors.DiskFull):
            return True
        if getattr(found, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        found = found.__context__
    return False


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
    with _translated:
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
        with _translated:
            raise
    return row(sql, params)


def value(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run one statement that returns exactly one row and return its first column."""
    return rows(sql, params)[0][0]


def stream(sql: str, params: Sequence[Any], page: int) -> Iterator[list[tuple]]:
    """Run one query and return its rows in pages, without holding them all in memory."""
    with _translated:
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
    with _translated:
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
    with _translated:
        database.cursor().executemany(_dialect(sql), params)


def migrate() -> list[str]:
    """Apply the pending migrations and return their names."""
    path = _sqlite_path()
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_sqlite():
        return _runner().up()
    with database.atomic():
        # Several release processes may migrate at once.
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        return _runner().up()


def backup(file: Path) -> None:
    """Copy the SQLite database into this file, as of one moment, while others write."""
    with closing(sqlite3.connect(file)) as copy, _translated:
        database.connection().backup(copy)


def pending_migrations() -> list[str]:
    """The names of migrations that this version needs and the database lacks."""
    return [m.name for m in _runner().status() if m.applied is None]


class _Kept:
    """Whether threads keep their connections."""

    on = False


class _Thread(threading.local):
    """When this thread's connection was last looked at."""

    looked_at = 0.0


_kept = _Kept()
_thread = _Thread()


def _is_used_up() -> bool:
    """Whether the connection, if there is one, is lost or within a transaction."""
    if database.is_closed():
        return False
    connection = database.connection()
    if is_sqlite():
        return connection.in_transaction
    return connection.pgconn.transaction_status != TransactionStatus.IDLE


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


def _pool(settings: Settings) -> Any:
    url = settings.database_url
    limits = {
        "max_connections": settings.pool_size,
        "timeout": WAIT_SECONDS,
        "stale_timeout": STALE_SECONDS,
    }
    if urlsplit(url).scheme == "sqlite":
        return _sqlite(url, limits)
    try:
        params = parse(url, unquote_password=True, unquote_user=True)
    except ValueError:
        raise ConfigError("DATABASE_URL is not a valid database URL.") from None
    params.setdefault("options", f"-c lock_timeout={WAIT_SECONDS * 1000}")
    return postgresql.Pool(
        **params, **limits, statement_seconds=_statement_seconds.get, application_name="clv"
    )


def _sqlite(url: str, limits: dict[str, Any]) -> PooledSqliteDatabase:
    path = urlsplit(url).path[1:]
    if not path:
        raise ConfigError("DATABASE_URL needs a file: sqlite:///path/to/clv.db.")
    pool = PooledSqliteDatabase(
        path,
        pragmas={"journal_mode": "wal", "synchronous": "normal", "foreign_keys": 1},
        check_same_thread=False,
        **limits,
    )
    return pool


def _sqlite_path() -> Path | None:
    return Path(database.database) if is_sqlite() else None


def _runner() -> Runner:
    return Runner(database.obj, str(MIGRATIONS))


def _dialect(sql: str) -> str:
    return _for_sqlite(sql) if is_sqlite() else sql


@lru_cache(maxsize=256)
def _for_sqlite(sql: str) -> str:
    return sql.replace("%s", "?")
