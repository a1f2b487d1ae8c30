"""Interaction summaries as they are stored, and totals of them per customer."""

from typing import NamedTuple

from clv import db
from clv.store import records
from clv.store.tenants import keep_count, lock_tenant

KEY = "customer_id, period_key, offer_id, creative_id, channel_id"
VALUES = "impressions, converts, total_value, first_contact_ms, last_contact_ms"
COLUMNS = f"{KEY}, {VALUES}"


class Summary(NamedTuple):
    """One row: what a customer did in a period; the amount in 1/10,000."""

    customer_id: str
    period_key: str
    offer_id: str
    creative_id: str
    channel_id: str
    impressions: int
    converts: int
    total_value: int
    first_contact_ms: int
    last_contact_ms: int


def erase_customer(tenant_id: int, customer_id: str) -> bool:
    """Erase a customer's summaries, record, history and errors for good, also from runs that are
    going on; False when there was nothing."""
    key = (tenant_id, customer_id)
    with db.transaction():
        period_type, before = lock_tenant(tenant_id)
        records.fence_active_runs(tenant_id)
        summaries = db.execute(
            "DELETE FROM interaction_summary WHERE tenant_id = %s AND customer_id = %s", key
        )
        others = db.execute("DELETE FROM clv_record WHERE tenant_id = %s AND customer_id = %s", key)
        others += db.execute(
            "DELETE FROM clv_change WHERE tenant_id = %s AND customer_id = %s", key
        )
        others += db.execute(
            "DELETE FROM run_error WHERE run_id IN (SELECT id FROM run WHERE tenant_id = %s)"
            " AND customer_id = %s",
            key,
        )
        if summaries:
            keep_count(tenant_id, period_type, before - 1, changed=True)
    return bool(summaries or others)


def of_customer(
    tenant_id: int, customer_id: str, offer_id: str | None, channel_id: str | None, limit: int
) -> tuple[list[Summary], int]:
    """A customer's summaries, the latest period first, and how many there are in all.

    :param offer_id: only this offer; "" for rows without one, None for all
    """
    condition, params = "tenant_id = %s AND customer_id = %s", [tenant_id, customer_id]
    for column, wanted in (("offer_id", offer_id), ("channel_id", channel_id)):
        if wanted is not None:
            condition += f" AND {column} = %s"
            params.append(wanted)
    found = f"FROM interaction_summary WHERE {condition}"
    order = "ORDER BY period_key DESC, offer_id, creative_id, channel_id LIMIT %s"
    rows = db.rows(f"SELECT {COLUMNS} {found} {order}", (*params, limit))
    return [Summary(*row) for row in rows], db.value(f"SELECT COUNT(*) {found}", params)


def exist(tenant_id: int, customer_id: str) -> bool:
    """Whether a customer has summaries."""
    return db.value(
        "SELECT EXISTS (SELECT 1 FROM interaction_summary"
        " WHERE tenant_id = %s AND customer_id = %s)",
        (tenant_id, customer_id),
    )
