"""Every query of the service. Plain dataclasses go in and out; no SQL lives anywhere else.

Whoever takes several locks takes them in this order, so that PostgreSQL never deadlocks:
the tenant's row, its active runs, a shard, its summaries, its records sorted by customer id.
"""

from clv import db


def now_ms() -> int:
    """The database's clock: one clock for every process on every machine."""
    sql = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    if not db.is_sqlite():
        sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    return db.value(sql)


def row_lock(kind: str) -> str:
    """The clause that locks the rows of a SELECT on PostgreSQL. SQLite needs none: its write
    transactions run one after the other."""
    return "" if db.is_sqlite() else f" FOR {kind}"
