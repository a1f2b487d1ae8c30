"""A customer's interaction summaries as stored, and their erasure."""

from typing import NamedTuple

from clv import db
from clv.store import shards
from clv.store.tenants import keep_count, lock_tenant

KEY = "customer_id, period_key, offer_id, creative_id, channel_id"
VALUES = "impressions, converts, total_value, first_contact_ms, last_contact_ms"
COLUMNS = f"{KEY}, {VALUES}"
_OF_CUSTOMER = "tenant_id = %s AND customer_id = %s"
_ERASURE = (
    f"DELETE FROM interaction_summary WHERE {_OF_CUSTOMER}",
    f"DELETE FROM clv_record WHERE {_OF_CUSTOMER}",
    f"DELETE FROM clv_change WHERE {_OF_CUSTOMER}",
    "DELETE FROM run_error WHERE run_id IN (SELECT id FROM run WHERE tenant_id = %s)"
    " AND customer_id = %s",
)


class Summary(NamedTuple):
    """What a customer did in a period. The value is in 1/10,000."""

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
    """Erase a customer's summaries, record, history and errors for good, and keep active runs from
    writing any of it again; return False if there was nothing."""
    key = (tenant_id, customer_id)
    with db.transaction():
        period_type, customers = lock_tenant(tenant_id)
        shards.fence_active_runs(tenant_id)
        summaries, *others = [db.execute(sql, key) for sql in _ERASURE]
        if summaries:
            keep_count(tenant_id, period_type, customers - 1, changed=True)
    return bool(summaries or any(others))


def of_customer(
    tenant_id: int, customer_id: str, offer_id: str | None, channel_id: str | None, limit: int
) -> tuple[list[Summary], int]:
    """A customer's summaries, newest period first, and their number without the limit.

    :param offer_id: only this offer; "" for summaries without one, None for all
    :param channel_id: only this channel, likewise
    """
    condition, params = _OF_CUSTOMER, [tenant_id, customer_id]
    for column, wanted in (("offer_id", offer_id), ("channel_id", channel_id)):
        if wanted is not None:
            condition += f" AND {column} = %s"
            params.append(wanted)
    matching = f"FROM interaction_summary WHERE {condition}"
    order = "ORDER BY period_key DESC, offer_id, creative_id, channel_id LIMIT %s"
    rows = db.rows(f"SELECT {COLUMNS} {matching} {order}", (*params, limit))
    return [Summary(*row) for row in rows], db.value(f"SELECT COUNT(*) {matching}", params)


def exist(tenant_id: int, customer_id: str) -> bool:
    """Whether a customer has summaries."""
    return db.value(
        f"SELECT EXISTS (SELECT 1 FROM interaction_summary WHERE {_OF_CUSTOMER})",
        (tenant_id, customer_id),
    )
