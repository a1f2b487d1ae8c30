"""The histories of customers' scores. :mod:`clv.store.records` adds their rows."""

from typing import Any, NamedTuple

from clv import db
from clv.db.dialect import row_lock
from clv.domain.scoring import rounded
from clv.domain.units import MAX_STORED_INTEGER

# How long a change is kept.
KEPT_DAYS = 400
# Rows deleted in one transaction: other writers wait no longer than that takes.
PRUNED_AT_ONCE = 5_000


class Change(NamedTuple):
    """A customer's scores at a time.

    :param previous_segment: the segment until then; the same one if only the score has moved, None
        in the first row of a customer who had no scores before
    """

    customer_id: str
    at_ms: int
    score: float
    segment: str
    previous_segment: str | None

    @property
    def clv_score(self) -> int:
        """The score as it is shown."""
        return rounded(self.score)


_COLUMNS = ", ".join(Change._fields)
# Exactly as in the partial index ``clv_change_of_segment``, or it can't be used.
_OF_SEGMENT = "(previous_segment IS NULL OR previous_segment <> segment)"


def of_customer(tenant_id: int, customer_id: str, before_ms: int, limit: int) -> list[Change]:
    """A customer's changes before a time, newest first."""
    rows = db.rows(
        f"SELECT {_COLUMNS} FROM clv_change WHERE tenant_id = %s AND customer_id = %s"
        " AND at_ms < %s ORDER BY at_ms DESC LIMIT %s",
        (tenant_id, customer_id, before_ms, limit),
    )
    return [Change(*row) for row in rows]


def page(
    tenant_id: int,
    to_segment: str | None,
    since_ms: int,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Change]:
    """A tenant's changes since a time, newest first.

    :param to_segment: only moves of customers into this segment
    :param before: time and customer id of the last row of the previous page; None for the first
    """
    condition, params = "tenant_id = %s AND at_ms >= %s", list[Any]([tenant_id, since_ms])
    if to_segment is not None:
        condition += f" AND segment = %s AND {_OF_SEGMENT}"
        params.append(to_segment)
    if before is not None:
        condition += " AND (at_ms, customer_id) < (%s, %s)"
        params += before
    rows = db.rows(
        f"SELECT {_COLUMNS} FROM clv_change WHERE {condition}"
        " ORDER BY at_ms DESC, customer_id DESC LIMIT %s",
        (*params, limit),
    )
    return [Change(*row) for row in rows]


def prune(tenant_id: int, before_ms: int) -> int:
    """Delete changes before a time, except each customer's latest one; return their number."""
    return _prune(tenant_id, 0, before_ms)


def prune_ahead(tenant_id: int, latest_ms: int) -> int:
    """Delete changes after a time that is still to come, except where the customer's record is as
    far ahead; return their number."""
    return _prune(tenant_id, latest_ms, MAX_STORED_INTEGER)


def _prune(tenant_id: int, after_ms: int, before_ms: int) -> int:
    pruned, after = 0, (after_ms, "")
    while True:
        # Read them first, without SQLite's write lock: most old rows are latest ones and stay.
        doomed = db.rows(
            "SELECT at_ms, customer_id FROM clv_change c WHERE tenant_id = %s AND at_ms < %s"
            " AND (at_ms, customer_id) > (%s, %s) AND NOT EXISTS"
            " (SELECT 1 FROM clv_record r WHERE r.tenant_id = c.tenant_id"
            " AND r.customer_id = c.customer_id AND r.noted_ms = c.at_ms)"
            " ORDER BY at_ms, customer_id LIMIT %s",
            (tenant_id, before_ms, *after, PRUNED_AT_ONCE),
        )
        if not doomed:
            return pruned
        _delete(tenant_id, doomed)
        pruned, after = pruned + len(doomed), doomed[-1]


def _delete(tenant_id: int, keys: list[tuple[int, str]]) -> None:
    # A locked row is about to be deleted for another reason; waiting for it could be a deadlock.
    row = "tenant_id = %s AND at_ms = %s AND customer_id"
    free = f"SELECT customer_id FROM clv_change WHERE {row} = %s{row_lock('UPDATE SKIP LOCKED')}"
    with db.transaction():
        db.execute_many(
            f"DELETE FROM clv_change WHERE {row} IN ({free})",
            [(tenant_id, at_ms, tenant_id, at_ms, customer_id) for at_ms, customer_id in keys],
        )
