"""The process's database, SQLite or PostgreSQL, and its pool of connections.

``configure`` creates the pool and opens nothing. The first query of a request or a job takes a
connection, and ``release`` returns it: a request that waits for a run does so before it waits, and
a request without a query never takes one. If there are as many connections as threads,
``keep_connections`` lets each thread keep its own between requests.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import peewee
from playhouse.db_url import parse
from playhouse.pool import PooledSqliteDatabase
from psycopg.pq import TransactionStatus

from clv import private_files
from clv.config import Settings
from clv.db import postgresql

# How long a thread waits for a connection, and a statement for a lock, before the request fails
# with a 503.
WAIT_SECONDS = 5
# How long a statement may take on PostgreSQL (SQLite has no server to fall silent). Those of a
# request take milliseconds, and a filtered list of a million customers half a second: one that
# takes 10 s is stuck, and its thread is needed. Files, simulations, distributions and batches read
# all of a tenant's data; their limit is only there so that they end at all.
REQUEST_SECONDS = 10
LONG_SECONDS = 900
# The greatest age of a connection, so that after a failover none stays with the old server.
STALE_SECONDS = 300
# How often a kept connection goes back to the pool, which checks whether it lives.
CHECK_SECONDS = 1.0

database = peewee.DatabaseProxy()
_statement_seconds: ContextVar[float] = ContextVar("statement_seconds", default=LONG_SECONDS)


def configure(settings: Settings) -> None:
    """Set the process's database; opens nothing yet."""
    if database.obj is not None:
        database.close_all()
    database.initialize(_pool(settings))
    _kept.on = False


def is_sqlite() -> bool:
    """Whether the configured database is SQLite."""
    return isinstance(database.obj, peewee.SqliteDatabase)


def place() -> str:
    """Where the database is, for the log: without user and password."""
    if is_sqlite():
        return f"SQLite in {database.database}"
    params = database.connect_params
    host, port = params.get("host") or "the local socket", params.get("port") or 5432
    return f"PostgreSQL at {host}:{port}, database {database.database}"


def keep_connections() -> None:
    """Let each thread of the process keep its connection between requests: taking one from the
    pool costs more than reading a record. There must be as many connections as threads."""
    _kept.on = True


def begin_request() -> None:
    """Begin a request, whose statements may take ``REQUEST_SECONDS`` each. Once a second a kept
    connection goes back to the pool, which checks its age and whether it lives."""
    _statement_seconds.set(REQUEST_SECONDS)
    now = time.monotonic()
    if now - _thread.checked_at > CHECK_SECONDS:
        _thread.checked_at = now
        release()


def end_request() -> None:
    """End a request: keep its connection for the next one if it is in a clean state, or return it
    to the pool."""
    if not _kept.on or not _is_clean():
        release()
    _statement_seconds.set(LONG_SECONDS)


def release() -> None:
    """Return this thread's connection to the pool, if it holds one."""
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
    """Work on a connection of the block's own, whose statements may take this long each."""
    release()
    token = _statement_seconds.set(seconds)
    try:
        yield
    finally:
        release()
        _statement_seconds.reset(token)


@contextmanager
def scope() -> Iterator[None]:
    """Work outside a request; returns its connection at the end."""
    try:
        yield
    finally:
        release()


class _PrivateSqlite(PooledSqliteDatabase):
    """A pool of connections to a file that only the service's own user may read."""

    _is_private = False

    def _connect(self) -> Any:
        if not self._is_private:
            _make_private(Path(self.database))
            self._is_private = True
        return super()._connect()


class _Kept:
    """Whether threads keep their connections."""

    on = False


class _Thread(threading.local):
    """When this thread's connection was last checked."""

    checked_at = 0.0


_kept = _Kept()
_thread = _Thread()


def _is_clean() -> bool:
    """Whether the connection, if there is one, is neither lost nor in a transaction."""
    if database.is_closed():
        return True
    connection = database.connection()
    if is_sqlite():
        return not connection.in_transaction
    return connection.pgconn.transaction_status == TransactionStatus.IDLE


def _pool(settings: Settings) -> Any:
    url = settings.database_url
    limits = {
        "max_connections": settings.pool_size,
        "timeout": WAIT_SECONDS,
        "stale_timeout": STALE_SECONDS,
    }
    if urlsplit(url).scheme == "sqlite":
        return _sqlite(url, limits)
    params = parse(url, unquote_password=True, unquote_user=True)
    params.setdefault("options", f"-c lock_timeout={WAIT_SECONDS * 1000}")
    return postgresql.Pool(
        **params, **limits, statement_seconds=_statement_seconds.get, application_name="clv"
    )


def _sqlite(url: str, limits: dict[str, Any]) -> PooledSqliteDatabase:
    return _PrivateSqlite(
        urlsplit(url).path[1:],
        pragmas={
            "journal_mode": "wal",
            "synchronous": "normal",
            "foreign_keys": 1,
            "secure_delete": 1,
        },
        check_same_thread=False,
        **limits,
    )


def _make_private(file: Path) -> None:
    """Create the database's file before SQLite does, for SQLite gives its log and its shared memory
    the mode of the file; those that exist already are tightened."""
    # Where this fails, so will SQLite, and it says why.
    with suppress(OSError):
        private_files.create(file).close()
    for suffix in ("", "-wal", "-shm", "-journal"):
        private_files.tighten(file.with_name(file.name + suffix))
