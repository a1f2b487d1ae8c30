"""What a tenant's cohorts are added up from, and what they added up to, as stored."""

from collections.abc import Iterator, Sequence

from clv import db

_STREAM_ROWS = 5_000


def stream(tenant_id: int) -> Iterator[list[tuple]]:
    """All summaries with a conversion or a value in the order of customers and their periods, in
    pages of ``(customer id, key of the period, conversions, value)``."""
    return db.stream(
        "SELECT customer_id, period_key, converts, total_value FROM interaction_summary"
        " WHERE tenant_id = %s AND (converts > 0 OR total_value <> 0)"
        " ORDER BY customer_id, period_key",
        (tenant_id,),
        _STREAM_ROWS,
    )


def replace(tenant_id: int, removals: int, sums: Sequence[tuple[str, str]]) -> None:
    """Replace what is stored. In a transaction with a lock on the tenant or on a run of it, which
    keep the tenant from being deleted meanwhile.

    :param removals: the tenant's latest removal before its summaries were read
    :param sums: each granularity with its sums as JSON; none if there can be no cohorts
    """
    db.execute("DELETE FROM cohort_sums WHERE tenant_id = %s", (tenant_id,))
    db.execute_many(
        "INSERT INTO cohort_sums (tenant_id, granularity, removals, sums) VALUES (%s, %s, %s, %s)",
        [(tenant_id, granularity, removals, stored) for granularity, stored in sums],
    )


def sums(tenant_id: int, granularity: str) -> str | None:
    """What the last full run stored; None before the first, or if there could be no cohorts."""
    row = db.row(
        "SELECT sums FROM cohort_sums WHERE tenant_id = %s AND granularity = %s",
        (tenant_id, granularity),
    )
    return row[0] if row else None


def tenants_to_add_up_again() -> list[int]:
    """The tenants in whose sums a customer may be who was erased since."""
    rows = db.rows(
        "SELECT DISTINCT c.tenant_id FROM cohort_sums c WHERE EXISTS"
        " (SELECT 1 FROM removal r"
        " WHERE r.tenant_id = c.tenant_id AND r.number > c.removals AND r.erased)"
        " ORDER BY c.tenant_id"
    )
    return [tenant_id for (tenant_id,) in rows]
