"""Every query of the service. Plain dataclasses go in and out; no SQL lives anywhere else.

Whoever takes several locks takes them in this order, so that PostgreSQL never deadlocks:
the tenant's row, its active runs, a shard, its summaries, its records sorted by customer id.

A single statement is a transaction of its own on both databases; ``db.transaction`` is for more.
"""

import json
from collections.abc import Sequence

from clv import db

# Where so many rows of a tenant came or changed, PostgreSQL looks at the table again.
MANY_ROWS = 10_000
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


def analyze(table: str) -> None:
    """Let PostgreSQL look at a table now, unless somebody does: what it believes of one that grew
    in a moment, or of a tenant who is new, makes it go through all rows once a row."""
    if not db.is_sqlite():
        db.execute(f"ANALYZE (SKIP_LOCKED) {table}")


def is_one_of(column: str) -> str:
    """The condition that a column is one of :func:`several` texts, its parameter: looked up for
    each row, or each row for it, whatever PostgreSQL believes of the table."""
    if db.is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(%s))"
    return f"{column} = ANY(%s)"


def several(texts: Sequence[str]) -> str | list[str]:
    """Texts as the parameter of :func:`is_one_of`."""
    return json.dumps(texts, ensure_ascii=False) if db.is_sqlite() else list(texts)
