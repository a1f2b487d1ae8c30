"""The database's clock: one for every process on every machine."""

from clv.db import connections, queries

_SQLITE_CLOCK = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_POSTGRESQL_CLOCK = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def clock() -> str:
    """The expression of the database's clock in milliseconds since 1970: one clock for every
    process on every machine."""
    return _SQLITE_CLOCK if connections.is_sqlite() else _POSTGRESQL_CLOCK


def now_ms() -> int:
    """The database's clock."""
    found = queries.quick_row(f"SELECT {clock()}")
    return found[0] if found else 0
