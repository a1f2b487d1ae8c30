"""SQL that SQLite and PostgreSQL write differently."""

import json
from collections.abc import Sequence

from clv.db import connections, queries

# When this many rows of a tenant were added or changed, PostgreSQL needs new statistics.
MANY_ROWS = 10_000


def row_lock(kind: str) -> str:
    """The clause that makes a SELECT lock its rows: ``FOR UPDATE``, ``FOR SHARE`` and so on. Empty
    on SQLite, where one write transaction runs at a time."""
    return "" if connections.is_sqlite() else f" FOR {kind}"


def analyze(table: str) -> None:
    """Update PostgreSQL's statistics of a table now, unless somebody else does. With outdated ones,
    after a sudden growth or for a new tenant, it would scan the whole table once for each row."""
    if not connections.is_sqlite():
        queries.execute(f"ANALYZE (SKIP_LOCKED) {table}")


def in_texts(column: str) -> str:
    """The condition that a column equals one of many texts, given as one parameter made by
    :func:`texts`. Unlike a list of placeholders it has no limit of length."""
    if connections.is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(%s))"
    return f"{column} = ANY(%s)"


def texts(values: Sequence[str]) -> str | list[str]:
    """Texts as the parameter of :func:`in_texts`."""
    return json.dumps(values, ensure_ascii=False) if connections.is_sqlite() else list(values)
