"""Every query of the service. Plain dataclasses go in and out; no SQL lives anywhere else.

Whoever takes several locks takes them in this order, so that PostgreSQL never deadlocks:
the tenant's row, its active runs, a shard, its summaries, its records sorted by customer id.

A single statement is a transaction of its own on both databases; ``db.transaction`` is for more.
"""

from clv import db

_SQLITE_CLOCK = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_POSTGRESQL_CLOCK = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def clock() -> str:
    """The expression of the database's clock in milliseconds since 1970: one clock for every
    process on every machine."""
    return _SQLITE_CLOCK if db.is_sqlite() else _POSTGRESQL_CLOCK


def now_ms() -> int:
    """The database's clock."""
    found = db.quick_row(f"SELECT {clock()}")
    return found[0] if found else 0


def row_lock(kind: str) -> str:
    """The clause that locks the rows of a SELECT on PostgreSQL. SQLite needs none: its write
    transactions run one after the other."""
    return "" if db.is_sqlite() else f" FOR {kind}"
