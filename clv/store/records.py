"""The stored scores of customers, and the rows of their histories that writing them adds.

A row is added when a customer's segment changes, or when the score has moved by 5 or more since
the customer's last row. The record remembers that row's score and time, and the segment until then
(``noted_…``): whoever writes has locked the record, so that each row goes on where the one before
ended. A look at the rows would not do: to a statement of PostgreSQL that waited for the lock, the
row that the holder added meanwhile is invisible.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from clv import db
from clv.db.clock import now_sql
from clv.domain.overview import Cell
from clv.domain.scoring import Scores

NOTED_MOVE = 5.0
COLUMNS = (
    "customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms, tenure_days, model"
)
# A record's values in the order of the columns.
values = attrgetter(*COLUMNS.split(", "))
_ASSIGNMENTS = ", ".join(
    f"{name} = excluded.{name}" for name in (*COLUMNS.split(", ")[1:], "run_id")
)
_MOVED = (
    "clv_record.noted_score IS NULL OR clv_record.segment <> excluded.segment"
    f" OR ABS(excluded.score - clv_record.noted_score) >= {NOTED_MOVE}"
)
_NOTED = ", ".join(
    f"{name} = CASE WHEN {_MOVED} THEN {value} ELSE clv_record.{name} END"
    for name, value in (
        ("noted_score", "excluded.score"),
        ("noted_ms", "excluded.computed_ms"),
        ("noted_from", "clv_record.segment"),
    )
)
# A record is replaced only by one with an equal or later time.
_ON_CONFLICT = (
    f"ON CONFLICT (tenant_id, customer_id) DO UPDATE SET {_ASSIGNMENTS}, {_NOTED}"
    " WHERE clv_record.computed_ms <= excluded.computed_ms"
)
_INSERT = f"INSERT INTO clv_record ({COLUMNS}, tenant_id, run_id, noted_score, noted_ms)"
_UPSERT = f"{_INSERT} VALUES ({', '.join(['%s'] * 15)}) {_ON_CONFLICT}"
_ARRAYS = (
    "text[] float8[] bigint[] float8[] int[] bigint[] bigint[] text[] bigint[] int[] int2[]"
).split()
_UNNESTED = f"UNNEST({', '.join(f'%s::{kind}' for kind in _ARRAYS)}) u ({COLUMNS})"
# Who has a new row is told by the record that was just written. Written again at the same time, a
# row is replaced; what was noted at this time and has moved by less since, it keeps.
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
_RECORD = f"SELECT {COLUMNS} FROM clv_record WHERE tenant_id = %s AND customer_id = %s"
# One statement for a chunk, as the last of a WITH: the values as arrays, the tenant and the run as
# scalars, and the rows of the histories.
WRITE_ARRAYS = (
    f"written AS ({_INSERT} SELECT u.*, %s::int, {{run}}, u.score, u.computed_ms FROM {_UNNESTED}"
    f" {{where}} {_ON_CONFLICT} RETURNING *), noted AS ({_NOTE.format(written='written', more='')})"
)
_KEY = "tenant_id = %s AND customer_id = %s"
_HAS_SUMMARIES = f"SELECT 1 FROM interaction_summary WHERE {_KEY} LIMIT 1"
_WRITE_ONE = (
    f"WITH held AS ({_HAS_SUMMARIES} FOR KEY SHARE),"
    f" {WRITE_ARRAYS.format(run='NULL::bigint', where='WHERE EXISTS (SELECT 1 FROM held)')}"
    " SELECT 1 FROM held"
)


def record(tenant_id: int, customer_id: str, max_age_ms: int | None = None) -> Scores | None:
    """The stored scores of a customer, if there are any, and not older than this."""
    if max_age_ms is None:
        found = db.quick_row(_RECORD, (tenant_id, customer_id))
    else:
        young = f"{_RECORD} AND {now_sql()} - computed_ms <= %s"
        found = db.quick_row(young, (tenant_id, customer_id, max_age_ms))
    return None if found is None else Scores._make(found)


def save_if_customer_exists(tenant_id: int, scores: Scores) -> bool:
    """Store a single computation's scores, unless the customer lost all summaries meanwhile or
    the stored record is newer; returns False when there are no summaries (or, by an unlucky
    moment, seem to be none: read again)."""
    key = (tenant_id, scores.customer_id)
    if not db.is_sqlite():
        # The lock makes an erasure wait until the record is there to be erased with the rest.
        return db.quick_row(_WRITE_ONE, (*key, tenant_id, *arrays([scores]))) is not None
    with db.transaction():
        if db.quick_row(_HAS_SUMMARIES, key) is None:
            return False
        upsert_each(tenant_id, None, [scores])
    return True


def upsert_each(tenant_id: int, run_id: int | None, chunk: Sequence[Scores]) -> None:
    """Store scores of one time, sorted by customer id, inside the caller's transaction."""
    if not chunk:
        return
    db.execute_many(
        _UPSERT,
        [(*values(s), tenant_id, run_id, s.score, s.computed_ms) for s in chunk],
    )
    first, last = chunk[0], chunk[-1]
    db.execute(_NOTE_RANGE, (tenant_id, first.customer_id, last.customer_id, last.computed_ms))


def cells(tenant_id: int, new_days: int, bin_width: int, overdue_days: int) -> list[Cell]:
    """All of a tenant's records, added up by segment, bin of the score, and what else a cell has.

    :param new_days: customers are new for so many days
    :param overdue_days: those are overdue who were silent for so many days
    """
    bin_number = f"score / {bin_width}" if db.is_sqlite() else f"FLOOR(score / {bin_width})"
    total = "TOTAL(%s)" if db.is_sqlite() else "SUM(CAST(%s AS DOUBLE PRECISION))"
    at_risk = "predicted_revenue * churn_probability"
    sums = ", ".join(total % sum for sum in ("score", "monetary", "predicted_revenue", at_risk))
    found = db.rows(
        # One number, because SQLite sorts all records by it.
        f"SELECT (CAST({bin_number} AS INTEGER) * 2"
        " + CASE WHEN tenure_days < %s THEN 1 ELSE 0 END) * 3"
        " + CASE WHEN frequency = 0 THEN 2 WHEN recency_days >= %s THEN 1 ELSE 0 END AS kind,"
        f" segment, COUNT(*), {sums} FROM clv_record WHERE tenant_id = %s GROUP BY kind, segment",
        (new_days, overdue_days, tenant_id),
    )
    return [_cell(*row) for row in found]


def arrays(chunk: Sequence[Scores]) -> list[str]:
    """The columns of scores as PostgreSQL's array literals: psycopg builds its own in Python,
    value by value, and types integers by their size, so that statements are prepared anew."""
    columns: list[Any] = list(zip(*map(values, chunk), strict=True)) or [()] * len(_ARRAYS)
    return [
        _text_array(column) if kind == "text[]" else f"{{{','.join(map(repr, column))}}}"
        for kind, column in zip(_ARRAYS, columns, strict=True)
    ]


def fence_active_runs(tenant_id: int) -> None:
    """Before customers are removed: chunks that were read before must not be written any more.
    The update waits for chunks that are being written, and makes later ones read again."""
    db.execute(
        "UPDATE run SET erasures = erasures + 1"
        " WHERE tenant_id = %s AND status IN ('queued', 'running')",
        (tenant_id,),
    )


def delete_orphans(tenant_id: int, everywhere: bool) -> None:
    """Delete the records and histories of customers without summaries: of the staged customers,
    or of all."""
    summaries = "SELECT customer_id FROM interaction_summary s WHERE s.tenant_id = %s"
    lost = f"NOT EXISTS ({summaries} AND s.customer_id = c.customer_id)"
    for table in ("clv_record", "clv_change"):
        orphans, params = f"SELECT customer_id FROM staged_summary c WHERE {lost}", [tenant_id]
        if everywhere:
            known, params = f"SELECT customer_id FROM {table} c WHERE tenant_id = %s", params * 2
            # Of a tenant who grew since it made its statistics PostgreSQL expects a row, and in a
            # join would go through all summaries for each.
            orphans = f"{known} AND {lost}" if db.is_sqlite() else f"{known} EXCEPT {summaries}"
        chosen = f"IN ({orphans})" if db.is_sqlite() else f"= ANY(ARRAY({orphans}))"
        db.execute(
            f"DELETE FROM {table} WHERE tenant_id = %s AND customer_id {chosen}",
            (tenant_id, *params),
        )


def _cell(kind: int, segment: str, customers: int, *sums: float) -> Cell:
    kind, activity = divmod(kind, 3)
    bin_number, is_new = divmod(kind, 2)
    return Cell(segment, bin_number, is_new == 1, activity == 2, activity == 1, customers, *sums)


def _text_array(texts: Iterable[str]) -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
