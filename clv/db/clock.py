"""The database's clock: the one clock that all processes on all machines share."""

from clv.db import connections, queries
from clv.domain.calendar import FUTURE_TOLERANCE_MS

_SQLITE = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
POSTGRESQL = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def now_sql() -> str:
    """The SQL expression of the current time in milliseconds since 1970."""
    return _SQLITE if connections.is_sqlite() else POSTGRESQL


def latest_sql(now: str | None = None) -> str:
    """The SQL expression of the latest stored time that is believed. Later ones were stored while
    the clock was wrong.

    :param now: the expression of the current time, where the kind of database is known
    """
    return f"({now or now_sql()} + {FUTURE_TOLERANCE_MS})"


def now_ms() -> int:
    """The current time of the database in milliseconds since 1970."""
    row = queries.quick_row(f"SELECT {now_sql()}")
    return row[0] if row else 0
