"""The stored scores of customers."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from clv import db
from clv.scoring import Scores
from clv.store import row_lock

_COLUMNS = (
    "customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms"
)
# A record's values in the order of the columns.
values = attrgetter(*_COLUMNS.split(", "))
_ASSIGNMENTS = ", ".join(
    f"{name} = excluded.{name}" for name in (*_COLUMNS.split(", ")[1:], "run_id")
)
# A record is replaced only by one with an equal or later time.
_ON_CONFLICT = (
    f"ON CONFLICT (tenant_id, customer_id) DO UPDATE SET {_ASSIGNMENTS}"
    " WHERE clv_record.computed_ms <= excluded.computed_ms"
)
_UPSERT = (
    f"INSERT INTO clv_record ({_COLUMNS}, tenant_id, run_id)"
    f" VALUES ({', '.join(['%s'] * 11)}) {_ON_CONFLICT}"
)
_ARRAYS = "text[] float8[] bigint[] float8[] int[] bigint[] bigint[] text[] bigint[]".split()
# One statement for a chunk: the values as arrays, the tenant and the run as scalars.
UPSERT_ARRAYS = (
    f"INSERT INTO clv_record ({_COLUMNS}, tenant_id, run_id)"
    f" SELECT u.*, %s, %s FROM UNNEST({', '.join(f'%s::{kind}' for kind in _ARRAYS)}) u"
    " {where} " + _ON_CONFLICT
)


def record(tenant_id: int, customer_id: str) -> Scores | None:
    """The stored scores of a customer, if there are any."""
    found = db.row(
        f"SELECT {_COLUMNS} FROM clv_record WHERE tenant_id = %s AND customer_id = %s",
        (tenant_id, customer_id),
    )
    return None if found is None else Scores(*found)


def save_if_customer_exists(tenant_id: int, scores: Scores) -> bool:
    """Store a single computation's scores, unless the customer lost all summaries meanwhile or
    the stored record is newer; returns False when there are no summaries (or, by an unlucky
    moment, seem to be none: read again)."""
    with db.transaction():
        # The lock makes an erasure wait until the record is there to be erased with the rest.
        if not db.rows(
            "SELECT 1 FROM interaction_summary WHERE tenant_id = %s AND customer_id = %s LIMIT 1"
            + row_lock("KEY SHARE"),
            (tenant_id, scores.customer_id),
        ):
            return False
        db.execute(_UPSERT, (*values(scores), tenant_id, None))
    return True


def upsert_each(tenant_id: int, run_id: int, chunk: Iterable[Scores]) -> None:
    """Store a run's scores on SQLite, inside the caller's transaction."""
    db.execute_many(_UPSERT, [(*values(scores), tenant_id, run_id) for scores in chunk])


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
    """Delete the records of customers without summaries: of the staged customers, or of all."""
    candidates = (
        "" if everywhere else " AND customer_id IN (SELECT customer_id FROM staged_summary)"
    )
    db.execute(
        f"DELETE FROM clv_record WHERE tenant_id = %s{candidates} AND NOT EXISTS"
        " (SELECT 1 FROM interaction_summary s WHERE s.tenant_id = clv_record.tenant_id"
        " AND s.customer_id = clv_record.customer_id)",
        (tenant_id,),
    )


def _text_array(texts: Iterable[str]) -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
