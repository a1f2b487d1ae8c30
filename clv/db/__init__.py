"""The process's database, SQLite or PostgreSQL: connections, statements, and the schema.

Other rooms use what this module exports. Only ``clv.store`` needs the rest: ``clv.db.models`` (the
tables), ``clv.db.dialect`` and ``clv.db.clock`` (SQL that differs between the two databases).
"""

from clv.db.connections import (
    CHECK_SECONDS,
    LONG_SECONDS,
    REQUEST_SECONDS,
    begin_request,
    configure,
    database,
    disconnect,
    end_request,
    give_up,
    is_sqlite,
    keep_connections,
    release,
    scope,
    within,
)
from clv.db.failures import (
    ERRORS,
    FULL,
    NO_TABLES,
    READ_ONLY,
    cause,
    is_full,
    is_not_now,
    state_of,
    tolerated,
)
from clv.db.probe import refusal
from clv.db.queries import (
    Columns,
    execute,
    execute_many,
    insert_columns,
    quick_row,
    row,
    rows,
    stream,
    transaction,
    value,
    without_waiting,
)
from clv.db.schema import backup, migrate, pending_migrations, wait_for_migration
from clv.db.upkeep import vacuum

__all__ = [
    "CHECK_SECONDS",
    "ERRORS",
    "FULL",
    "LONG_SECONDS",
    "NO_TABLES",
    "READ_ONLY",
    "REQUEST_SECONDS",
    "Columns",
    "backup",
    "begin_request",
    "cause",
    "configure",
    "database",
    "disconnect",
    "end_request",
    "execute",
    "execute_many",
    "give_up",
    "insert_columns",
    "is_full",
    "is_not_now",
    "is_sqlite",
    "keep_connections",
    "migrate",
    "pending_migrations",
    "quick_row",
    "refusal",
    "release",
    "row",
    "rows",
    "scope",
    "state_of",
    "stream",
    "tolerated",
    "transaction",
    "vacuum",
    "value",
    "wait_for_migration",
    "within",
    "without_waiting",
]
