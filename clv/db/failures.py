"""The errors of the drivers, by what they mean."""

import sqlite3

import peewee
import psycopg
from playhouse.pool import MaxConnectionsExceeded

# The database is down, full or busy. None of these says that a query is wrong.
DOWN = (
    peewee.OperationalError,
    peewee.InterfaceError,
    MaxConnectionsExceeded,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
)
# A table is missing, on PostgreSQL; on SQLite that is an OperationalError.
NO_TABLES = peewee.ProgrammingError
# The connection was lost during a statement.
CONNECTION_LOST = (peewee.OperationalError, peewee.InterfaceError)


def is_full(error: BaseException) -> bool:
    """Whether an error, one of ``DOWN``, means that the database's disk is full."""
    # SQLite has already rolled back, so that Peewee's own rollback raises another error on top.
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, psycopg.errors.DiskFull):
            return True
        if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        cause = cause.__context__
    return False
