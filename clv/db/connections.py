"""The one database of the process: SQLite or PostgreSQL by URL, transactions, migrations.

``configure`` makes the pool and opens nothing. A connection is taken from it by the first query
of a request or a job and given back by ``release``: a request that waits for a run releases its
connection first, and a request that asks nothing never takes one. Where there is a connection for
every thread, ``keep`` lets each keep its own between requests.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import peewee
from playhouse.db_url import parse
from playhouse.pool import PooledSqliteDatabase
from psycopg.pq import TransactionStatus

from clv.config import Settings
from clv.db import postgresql
from clv.errors import ConfigError

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
# So often a connection that a thread keeps goes through the pool, which looks whether it lives.
LOOK_SECONDS = 1.0

database = peewee.DatabaseProxy()
_statement_seconds: ContextVar[float] = ContextVar("statement_seconds", default=LONG_SECONDS)


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
