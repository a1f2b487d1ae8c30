"""The histories of customers' scores; ``store.records`` adds their rows."""

from typing import Any, NamedTuple

from clv import db

KEPT_DAYS = 400


class Change(NamedTuple):
    """A customer's scores at a time.

    :param previous_segment: the segment until then, the same if only the score had moved; None in
        a customer's first row
    """

    customer_id: str
    at_ms: int
    score: float
    segment: str
    previous_segment: str | None


_COLUMNS = ", ".join(Change._fields)


def of_customer(tenant_id: int, customer_id: str, before_ms: int, limit: int) -> list[Change]:
    """A customer's rows before a time, the latest first."""
    found = db.rows(
        f"SELECT {_COLUMNS} FROM clv_change WHERE tenant_id = %s AND customer_id = %s"
        " AND at_ms < %s ORDER BY at_ms DESC LIMIT %s",
        (tenant_id, customer_id, before_ms, limit),
    )
    return [Change(*row) for row in found]


def page(
    tenant_id: int,
    to_segment: str | None,
    since_ms: int,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Change]:
    """A tenant's rows since a time, the latest first.

    :param to_segment: only those of customers who came into this segment
    :param before: time and customer id of the last row of the page before
    """
    condition = "tenant_id = %s AND at_ms >= %s"
    params: list[Any] = [tenant_id, since_ms]
    if to_segment is not None:
        condition += (
            " AND segment = %s AND (previous_segment IS NULL OR previous_segment <> segment)"
        )
        params.append(to_segment)
    if before is not None:
        # The first condition is the index's, the second one the row's.
        condition += " AND at_ms <= %s AND (at_ms < %s OR customer_id < %s)"
        params += [before[0], *before]
    found = db.rows(
        f"SELECT {_COLUMNS} FROM clv_change WHERE {condition}"
        " ORDER BY at_ms DESC, customer_id DESC LIMIT %s",
        (*params, limit),
    )
    return [Change(*row) for row in found]


def prune(tenant_id: int, before_ms: int) -> int:
    """Delete rows that are older, but for each customer's latest one; returns their number."""
    return db.execute(
        "DELETE FROM clv_change WHERE tenant_id = %s AND at_ms < %s AND NOT EXISTS"
        " (SELECT 1 FROM clv_record r WHERE r.tenant_id = clv_change.tenant_id"
        " AND r.customer_id = clv_change.customer_id AND r.noted_ms = clv_change.at_ms)",
        (tenant_id, before_ms),
    )
