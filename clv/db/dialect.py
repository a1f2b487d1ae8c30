"""SQL that SQLite and PostgreSQL write differently."""

import json
from collections.abc import Sequence

import numpy as np

from clv.db import connections, queries
from clv.domain.time_zone import TimeZone
from clv.domain.units import DAY_MS

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


def rows_of_texts() -> str:
    """The query of many texts, given as one parameter made by :func:`texts`: a row for each, in the
    column ``value``."""
    if connections.is_sqlite():
        return "SELECT value FROM json_each(%s)"
    return "SELECT unnest(CAST(%s AS text[])) AS value"


def monday(column: str) -> str:
    """The expression of the key of the Monday before or on a day that is given by its key."""
    if connections.is_sqlite():
        return f"date({column}, 'weekday 0', '-6 days')"
    return f"to_char(date_trunc('week', CAST({column} AS timestamp)), 'YYYY-MM-DD')"


def local_ms(column: str, zone: TimeZone, first_ms: int, last_ms: int) -> str:
    """The expression of a moment's local time, written as if it were UTC.

    :param column: of moments, none of them before ``first_ms`` or after ``last_ms``
    """
    first, last = np.searchsorted(zone.changes_ms, (first_ms, last_ms), "right").tolist()
    changes, offsets = zone.changes_ms[first:last].tolist(), zone.offsets_ms[first:].tolist()
    if not changes:
        return f"({column} + {offsets[0]})" if offsets[0] else column
    cases = " ".join(
        f"WHEN {column} < {change} THEN {offset}"
        for change, offset in zip(changes, offsets, strict=False)
    )
    return f"({column} + CASE {cases} ELSE {offsets[len(changes)]} END)"


def local_day(column: str, zone: TimeZone, first_ms: int, last_ms: int) -> str:
    """The expression of a moment's local calendar day, in days since 1970; likewise."""
    local = local_ms(column, zone, first_ms, last_ms)
    # Division truncates, and west of Greenwich local time begins before 1970.
    return f"({local} / {DAY_MS})" if zone.is_utc else f"(({local} + {DAY_MS}) / {DAY_MS} - 1)"
