"""The errors of the drivers, by what they mean: whether a later try may succeed, and why this one
failed. Codes decide, not classes: psycopg raises "read-only" as an InternalError and a revoked
privilege as a ProgrammingError."""

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import peewee
import psycopg
from playhouse.pool import MaxConnectionsExceeded

from clv import errors
from clv.db import connections

# Every error that a statement or a connection can raise.
ERRORS = (
    peewee.DatabaseError,
    peewee.InterfaceError,
    MaxConnectionsExceeded,
    psycopg.Error,
    sqlite3.Error,
)
# What an error that is not for good says of the database; the first one counts.
FULL, READ_ONLY, NO_TABLES, DOWN = "full", "read-only", "migrations are pending", "unavailable"
_STATES = (FULL, READ_ONLY, NO_TABLES, DOWN)
# Of these two there is more to say than that it is down.
SENTENCES = {FULL: errors.DISK_FULL, READ_ONLY: errors.READ_ONLY}

_SQLSTATES = {
    "53100": FULL,
    # A standby or a failover, and privileges that were revoked.
    "25006": READ_ONLY,
    "42501": READ_ONLY,
    "42P01": NO_TABLES,
    "55P03": DOWN,
}
# Connection, authorization, no such database, rollback (serialization, deadlock), resources,
# operator (shutdown, time limit), system.
_SQLSTATE_CLASSES = ("08", "28", "3D", "40", "53", "57", "58")
# By the first byte of SQLite's extended codes.
_SQLITE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_BUSY: DOWN,
    sqlite3.SQLITE_LOCKED: DOWN,
    sqlite3.SQLITE_NOMEM: DOWN,
    sqlite3.SQLITE_PERM: DOWN,
    sqlite3.SQLITE_IOERR: DOWN,
    sqlite3.SQLITE_CANTOPEN: DOWN,
    sqlite3.SQLITE_PROTOCOL: DOWN,
}
_ERRNOS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.EIO: DOWN,
    errno.EMFILE: DOWN,
    errno.ENFILE: DOWN,
    errno.ENOMEM: DOWN,
}
# What libpq and the server put around the reason why a connection failed.
_LIBPQ_FRAME = re.compile(
    r"^connection (failed|is bad): |connection to server [^\n]*? failed: |FATAL: +"
    r"|\n\tIs the server running.*"
)


def state_of(error: BaseException) -> str | None:
    """What an error says of the database: ``full``, ``read-only`` and so on. None for a fault, an
    error that will come again however often one tries."""
    # SQLite has already rolled back, so that Peewee's own rollback raises another error on top.
    states = {_state(each) for each in _chain(error)}
    return next((state for state in _STATES if state in states), None)


def is_not_now(error: BaseException) -> bool:
    """Whether a later try may succeed."""
    return state_of(error) is not None


@contextmanager
def tolerated() -> Iterator[None]:
    """Work that may be left for later: what the database can't do now is no error."""
    try:
        yield
    except ERRORS as error:
        if not is_not_now(error):
            raise


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full."""
    return state_of(error) == FULL


def is_busy(error: BaseException) -> bool:
    """Whether an error means that somebody else holds a lock."""
    return any(
        getattr(each, "sqlstate", None) == "55P03"
        or getattr(each, "sqlite_errorcode", 0) & 0xFF
        in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        for each in _chain(error)
    )


def cause(error: BaseException) -> str:
    """Why the database or the queue failed, in one line for the log and the command line: without
    passwords, and without data, which the texts of other errors may hold."""
    if isinstance(error, errors.Unavailable):
        return error.cause or error.message
    if not isinstance(error, (*ERRORS, OSError)):
        return ""
    state = state_of(error)
    drivers = (each for each in _chain(error) if not hasattr(each, "orig"))
    reason = next((_reason(each) for each in drivers if _state(each) == state), "")
    where = "" if isinstance(error, OSError) else f"{connections.place()}: "
    return f"{where}{reason or type(error).__name__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def _state(error: BaseException) -> str | None:
    if hasattr(error, "orig"):
        # Peewee's, around the driver's own, which is the next in the chain.
        return None
    if isinstance(error, psycopg.Error) and error.sqlstate:
        of_class = DOWN if error.sqlstate[:2] in _SQLSTATE_CLASSES else None
        return _SQLSTATES.get(error.sqlstate, of_class)
    if isinstance(error, sqlite3.Error):
        return _state_on_sqlite(error)
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0)
    # Without a code: the connection was refused or lost, or there is none left.
    operational = (psycopg.OperationalError, peewee.OperationalError)
    interface = (psycopg.InterfaceError, peewee.InterfaceError)
    return DOWN if isinstance(error, (*operational, *interface, MaxConnectionsExceeded)) else None


def _state_on_sqlite(error: sqlite3.Error) -> str | None:
    # It has one code for all that is wrong with a statement.
    if str(error).startswith("no such table"):
        return NO_TABLES
    return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)


def _reason(error: BaseException) -> str:
    if isinstance(error, psycopg.Error) and error.sqlstate:
        # The text of a fault may hold data.
        text = error.diag.message_primary if _state(error) else ""
        return f"{text or type(error).__name__} (SQLSTATE {error.sqlstate})"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorname", "no code")
        return f"{error if _state(error) else type(error).__name__} ({code})"
    if isinstance(error, MaxConnectionsExceeded):
        return "all connections of this process are in use"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if not isinstance(error, (psycopg.OperationalError, peewee.OperationalError)):
        return type(error).__name__
    return " ".join(_LIBPQ_FRAME.sub("", str(error)).split())
