"""Records, the stored scores of customers. Writing one may add a row to the customer's history.

A row is added when the segment changes, or when the score has moved by 5 or more since the last
row. The record itself keeps that row's score and time, and the segment until then (``noted_…``):
every writer locks the record, so that each row continues the one before. Reading the last row
instead would not do: a statement of PostgreSQL that waited for the lock can't see the row that the
lock's holder added.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from clv import db
from clv.db.clock import POSTGRESQL, latest_sql, now_sql
from clv.domain.scoring import Scores
from clv.store import removals

# A smaller move of the score, which goes up to 100, is not worth a row of the history.
NOTED_MOVE = 5.0
COLUMNS = (
    "customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms, tenure_days, model"
)
# The values of Scores in the order of the columns.
values = attrgetter(*COLUMNS.split(", "))
# A record that is written needs a new number in the feed.
_ASSIGNMENTS = ", ".join(
    f"{name} = excluded.{name}" for name in (*COLUMNS.split(", ")[1:], "run_id", "feed_number")
)
# Only a record that lay ahead of the clock was noted after the one that replaces it.
_NOTED_AHEAD = "clv_record.noted_ms > excluded.computed_ms"
# The first condition is met by a record without a row of history, too.
_MOVED = (
    "(clv_record.noted_ms <= excluded.computed_ms) IS NOT TRUE"
    " OR clv_record.segment <> excluded.segment"
    f" OR ABS(excluded.score - clv_record.noted_score) >= {NOTED_MOVE}"
)
_NOTED = ", ".join(
    f"{name} = CASE WHEN {_MOVED} THEN {value} ELSE clv_record.{name} END"
    for name, value in (
        ("noted_score", "excluded.score"),
        ("noted_ms", "excluded.computed_ms"),
        # The row that was noted ahead goes; the row before it is the last one again.
        (
            "noted_from",
            f"CASE WHEN {_NOTED_AHEAD} THEN clv_record.noted_from ELSE clv_record.segment END",
        ),
    )
)
# A record is only replaced by one with the same or a later time, unless its own lies ahead of the
# clock. The clock is read for those alone that are not replaced by the first rule.
_ON_CONFLICT = (
    f"ON CONFLICT (tenant_id, customer_id) DO UPDATE SET {_ASSIGNMENTS}, {_NOTED}"
    " WHERE clv_record.computed_ms <= excluded.computed_ms OR clv_record.computed_ms > "
)
_INSERT = f"INSERT INTO clv_record ({COLUMNS}, tenant_id, run_id, noted_score, noted_ms)"
_UPSERT = f"{_INSERT} VALUES ({', '.join(['%s'] * 15)}) {_ON_CONFLICT}"
_ARRAYS = (
    "text[] float8[] bigint[] float8[] int[] bigint[] bigint[] text[] bigint[] int[] int2[]"
).split()
_UNNESTED = f"UNNEST({', '.join(f'%s::{kind}' for kind in _ARRAYS)}) u ({COLUMNS})"
# Adds rows for the records just written that note this time. If one was noted at this very time
# before, its row is replaced, unless the score has moved too little since.
_NOTE = (
    "INSERT INTO clv_change (tenant_id, customer_id, at_ms, score, segment, previous_segment)"
    " SELECT r.tenant_id, r.customer_id, r.computed_ms, r.score, r.segment, r.noted_from"
    " FROM {written} r WHERE r.noted_ms = r.computed_ms AND r.noted_score = r.score {more}"
    " ON CONFLICT (tenant_id, customer_id, at_ms)"
    " DO UPDATE SET score = excluded.score, segment = excluded.segment"
)
_NOTE_RANGE = _NOTE.format(
    written="clv_record",
    more="AND r.tenant_id = %s AND r.customer_id BETWEEN %s AND %s AND r.computed_ms = %s",
)
_OF_CUSTOMER = "tenant_id = %s AND customer_id = %s"
_RECORD = f"SELECT {COLUMNS} FROM clv_record WHERE {_OF_CUSTOMER}"
# The last parts of a WITH statement, which write the records and histories of a chunk. The
# parameters are the tenant, the run if {run} is one, and the columns as arrays.
WRITE_ARRAYS = (
    f"written AS ({_INSERT} SELECT u.*, %s::int, {{run}}, u.score, u.computed_ms FROM {_UNNESTED}"
    f" {{where}} {_ON_CONFLICT}{latest_sql(POSTGRESQL)} RETURNING *),"
    f" noted AS ({_NOTE.format(written='written', more='')})"
)
_HAS_SUMMARIES = f"SELECT 1 FROM interaction_summary WHERE {_OF_CUSTOMER} LIMIT 1"
_WRITE_ONE = (
    f"WITH held AS ({_HAS_SUMMARIES} FOR KEY SHARE),"
    f" {WRITE_ARRAYS.format(run='NULL::bigint', where='WHERE EXISTS (SELECT 1 FROM held)')}"
    " SELECT 1 FROM held"
)


def record(tenant_id: int, customer_id: str, max_age_ms: int | None = None) -> Scores | None:
    """The stored scores of a customer, if there are any.

    :param max_age_ms: only if they are not older, nor ahead of the clock
    """
    if max_age_ms is None:
        row = db.quick_row(_RECORD, (tenant_id, customer_id))
    else:
        young = f"{_RECORD} AND {now_sql()} - computed_ms <= %s AND computed_ms <= {latest_sql()}"
        row = db.quick_row(young, (tenant_id, customer_id, max_age_ms))
    return None if row is None else Scores._make(row)


def save_if_customer_exists(tenant_id: int, scores: Scores) -> bool:
    """Store a single computation's scores, unless the stored record is newer.

    :returns: False if the customer has no summaries any more. On PostgreSQL it may only seem so,
        if they are being replaced at this moment: read them again.
    """
    key = (tenant_id, scores.customer_id)
    if not db.is_sqlite():
        # The lock on a summary makes an erasure wait for the record and then delete it as well.
        return db.quick_row(_WRITE_ONE, (*key, tenant_id, *arrays([scores]))) is not None
    with db.transaction():
        if db.quick_row(_HAS_SUMMARIES, key) is None:
            return False
        upsert_each(tenant_id, None, [scores])
    return True


def upsert_each(tenant_id: int, run_id: int | None, chunk: Sequence[Scores]) -> None:
    """Store scores with the same time, sorted by customer id. Inside the caller's transaction."""
    if not chunk:
        return
    db.execute_many(
        _UPSERT + latest_sql(),
        [(*values(s), tenant_id, run_id, s.score, s.computed_ms) for s in chunk],
    )
    first, last = chunk[0], chunk[-1]
    db.execute(_NOTE_RANGE, (tenant_id, first.customer_id, last.customer_id, last.computed_ms))


def arrays(chunk: Sequence[Scores]) -> list[str]:
    """The columns of scores as array literals of PostgreSQL. Psycopg's take longer, and their types
    depend on the size of the integers, so that statements would be prepared anew."""
    columns: list[Any] = list(zip(*map(values, chunk), strict=True)) or [()] * len(_ARRAYS)
    return [
        _text_array(column) if kind == "text[]" else f"{{{','.join(map(repr, column))}}}"
        for kind, column in zip(_ARRAYS, columns, strict=True)
    ]


def delete_orphans(tenant_id: int, everywhere: bool) -> None:
    """Delete the records and histories of customers without summaries, in the transaction that
    removed these, with the tenant locked.

    :param everywhere: of all customers, instead of the staged ones
    """
    removals.delete_records(tenant_id, *_orphans("clv_record", tenant_id, everywhere))
    condition, params = _orphans("clv_change", tenant_id, everywhere)
    db.execute(f"DELETE {condition}", params)


def _orphans(table: str, tenant_id: int, everywhere: bool) -> tuple[str, tuple[int, ...]]:
    """What follows DELETE or SELECT for the rows of customers without summaries, and its
    parameters."""
    summaries = "SELECT customer_id FROM interaction_summary s WHERE s.tenant_id = %s"
    lost = f"NOT EXISTS ({summaries} AND s.customer_id = c.customer_id)"
    rows = f"FROM {table} AS c WHERE tenant_id = %s"
    if db.is_sqlite() and everywhere:
        return f"{rows} AND {lost}", (tenant_id, tenant_id)
    staged = f"SELECT customer_id FROM staged_summary c WHERE {lost}"
    if db.is_sqlite():
        return f"{rows} AND customer_id IN ({staged})", (tenant_id, tenant_id)
    if not everywhere:
        return f"{rows} AND customer_id = ANY(ARRAY({staged}))", (tenant_id, tenant_id)
    # With outdated statistics PostgreSQL expects a single row of a tenant that has grown, and in a
    # join would scan all summaries for each of its rows.
    known = f"SELECT customer_id FROM {table} WHERE tenant_id = %s EXCEPT {summaries}"
    return f"{rows} AND customer_id = ANY(ARRAY({known}))", (tenant_id,) * 3


def _text_array(texts: Iterable[str]) -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
