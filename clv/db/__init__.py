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
from clv.db.failures import CONNECTION_LOST, DOWN, NO_TABLES, is_full
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
from clv.db.schema import (
    backup,
    migrate,
    pending_migrations,
    schema_version,
    unknown_migrations,
)

__all__ = [
    "CHECK_SECONDS",
    "CONNECTION_LOST",
    "DOWN",
    "LONG_SECONDS",
    "NO_TABLES",
    "REQUEST_SECONDS",
    "Columns",
    "backup",
    "begin_request",
    "configure",
    "database",
    "disconnect",
    "end_request",
    "execute",
    "execute_many",
    "give_up",
    "insert_columns",
    "is_full",
    "is_sqlite",
    "keep_connections",
    "migrate",
    "pending_migrations",
    "quick_row",
    "release",
    "row",
    "rows",
    "schema_version",
    "scope",
    "stream",
    "transaction",
    "unknown_migrations",
    "value",
    "within",
    "without_waiting",
]
