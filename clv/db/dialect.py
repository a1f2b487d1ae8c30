"""What SQLite and PostgreSQL say differently."""

import json
from collections.abc import Sequence

from clv.db import connections, queries

# Where so many rows of a tenant came or changed, PostgreSQL looks at the table again.
MANY_ROWS = 10_000


def row_lock(kind: str) -> str:
    """The clause that locks the rows of a SELECT on PostgreSQL. SQLite needs none: its write
    transactions run one after the other."""
    return "" if connections.is_sqlite() else f" FOR {kind}"


def analyze(table: str) -> None:
    """Let PostgreSQL look at a table now, unless somebody does: what it believes of one that grew
    in a moment, or of a tenant who is new, makes it go through all rows once a row."""
    if not connections.is_sqlite():
        queries.execute(f"ANALYZE (SKIP_LOCKED) {table}")


def is_one_of(column: str) -> str:
    """The condition that a column is one of :func:`several` texts, its parameter: looked up for
    each row, or each row for it, whatever PostgreSQL believes of the table."""
    if connections.is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(%s))"
    return f"{column} = ANY(%s)"


def several(texts: Sequence[str]) -> str | list[str]:
    """Texts as the parameter of :func:`is_one_of`."""
    return json.dumps(texts, ensure_ascii=False) if connections.is_sqlite() else list(texts)
