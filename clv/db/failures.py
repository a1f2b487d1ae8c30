"""What it means when the database fails."""

import sqlite3

import peewee
import psycopg
from playhouse.pool import MaxConnectionsExceeded

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
# What a running statement raises when its connection goes away.
CONNECTION_LOST = (peewee.OperationalError, peewee.InterfaceError)


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
