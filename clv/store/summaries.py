"""A customer's interaction summaries as stored, the corrections among them, and their erasure."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from clv import db
from clv.store import rankings, removals, revenue, shards
from clv.store.tenants import keep_count, lock_tenant

KEY = "customer_id, period_key, offer_id, creative_id, channel_id"
VALUES = "impressions, converts, total_value, first_contact_ms, last_contact_ms"
COLUMNS = f"{KEY}, {VALUES}"
# A correction, such as a refund, counts in a customer's value alone: its contact times make nobody
# fresher or older. Only for a customer who has nothing but corrections are they the contact times.
IS_CORRECTION = "impressions = 0 AND converts = 0"
# Such a row is not stored: it deletes the stored row with its key.
IS_ZERO = f"{IS_CORRECTION} AND total_value = 0"
# Later than every contact time (9999-12-31 is below 2^48 ms), and removed by a bit mask. One
# aggregate then serves those with and without contacts: in a pass over all customers it takes 2 %
# more than a plain MAX, COALESCE of two takes 9 % more.
_BEYOND = 1 << 48
_MASK = _BEYOND - 1
_OF_CUSTOMER = "tenant_id = %s AND customer_id = %s"
# What is erased of a customer: first the summaries, for who stores a record holds a lock on one.
_ERASED = (
    "interaction_summary WHERE tenant_id = %s",
    "clv_record WHERE tenant_id = %s",
    "clv_change WHERE tenant_id = %s",
    "run_error WHERE run_id IN (SELECT id FROM run WHERE tenant_id = %s)",
)


class Summary(NamedTuple):
    """What a customer did in a period. The value is in 1/10,000.

    :param first_contact_ms: None only where it was not given and is not stored yet
    """

    customer_id: str
    period_key: str
    offer_id: str
    creative_id: str
    channel_id: str
    impressions: int
    converts: int
    total_value: int
    first_contact_ms: int | None
    last_contact_ms: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which summaries; None means all.

    :param offer_id: only this offer; "" for summaries without one
    :param channel_id: only this channel, likewise
    """

    customer_id: str | None = None
    offer_id: str | None = None
    channel_id: str | None = None


def first_contact(column: str = "first_contact_ms", is_correction: str = IS_CORRECTION) -> str:
    """The aggregate of the first contact: the smallest time that is not a correction's, or the
    smallest of all if there is no such time.

    Contacts at 5 and 9 and a correction at 2 give 5; the correction alone gives 2.
    """
    return f"(MIN(CASE WHEN {is_correction} THEN {column} + {_BEYOND} ELSE {column} END) & {_MASK})"


def last_contact(column: str = "last_contact_ms", is_correction: str = IS_CORRECTION) -> str:
    """The aggregate of the last contact, likewise."""
    return f"(MAX(CASE WHEN {is_correction} THEN {column} - {_BEYOND} ELSE {column} END) & {_MASK})"


def erase_customers(tenant_id: int, customer_ids: Collection[str]) -> int:
    """Erase customers' summaries, records, histories, errors and places in rankings for good, all
    of them or none, and keep active runs, and files that are on their way, from writing any of it
    again; return of how many there was anything.

    :param customer_ids: at least one
    """
    with db.transaction():
        period_type, customers = lock_tenant(tenant_id)
        shards.fence_active_runs(tenant_id)
        keeping = revenue.Keeping(tenant_id, revenue.these(customer_ids))
        summarised, *others = [_erase(table, tenant_id, customer_ids) for table in _ERASED]
        others.append(rankings.remove_leaders(tenant_id, set(customer_ids)))
        if summarised:
            keep_count(tenant_id, period_type, customers - len(summarised), changed=True)
            keeping.end(changed=True)
        erased = summarised.union(*others)
        if erased:
            removals.add(tenant_id, sorted(erased), erased=True)
    return len(erased)


def page_of_customer(
    tenant_id: int, chosen: Chosen, after: tuple[str, str, str, str] | None, limit: int
) -> list[Summary]:
    """The next of a customer's summaries, newest period first.

    :param after: period, offer, creative and channel of the last one of the page before
    """
    condition, params = _matching(tenant_id, chosen)
    if after is not None:
        period_key, *others = after
        condition += (
            " AND (period_key < %s OR period_key = %s"
            " AND (offer_id, creative_id, channel_id) > (%s, %s, %s))"
        )
        params += [period_key, period_key, *others]
    order = "ORDER BY period_key DESC, offer_id, creative_id, channel_id LIMIT %s"
    return _read(condition, order, [*params, limit])


def page(tenant_id: int, chosen: Chosen, after: Summary | None, limit: int) -> list[Summary]:
    """The next summaries in the order of their keys: by customer, the oldest period first.

    :param after: the last one of the page before
    """
    condition, params = _matching(tenant_id, chosen)
    if after is not None:
        condition += f" AND ({KEY}) > (%s, %s, %s, %s, %s)"
        params += after[:5]
    return _read(condition, f"ORDER BY {KEY} LIMIT %s", [*params, limit])


def count(tenant_id: int, chosen: Chosen) -> int:
    """How many summaries there are."""
    condition, params = _matching(tenant_id, chosen)
    return db.value(f"SELECT COUNT(*) FROM interaction_summary WHERE {condition}", params)


def exist(tenant_id: int, customer_id: str) -> bool:
    """Whether a customer has summaries."""
    return db.value(
        f"SELECT EXISTS (SELECT 1 FROM interaction_summary WHERE {_OF_CUSTOMER})",
        (tenant_id, customer_id),
    )


def _erase(rows: str, tenant_id: int, customer_ids: Collection[str]) -> set[str]:
    """Erase rows of these customers; return who had any."""
    condition = f"{rows} AND customer_id IN ({', '.join(['%s'] * len(customer_ids))})"
    params = (tenant_id, *customer_ids)
    found = db.rows(f"SELECT DISTINCT customer_id FROM {condition}", params)
    db.execute(f"DELETE FROM {condition}", params)
    return {customer_id for (customer_id,) in found}


def _matching(tenant_id: int, chosen: Chosen) -> tuple[str, list[Any]]:
    wanted = {name: value for name, value in asdict(chosen).items() if value is not None}
    conditions = ["tenant_id = %s", *(f"{name} = %s" for name in wanted)]
    return " AND ".join(conditions), [tenant_id, *wanted.values()]


def _read(condition: str, order: str, params: list[Any]) -> list[Summary]:
    rows = db.rows(f"SELECT {COLUMNS} FROM interaction_summary WHERE {condition} {order}", params)
    return [Summary(*row) for row in rows]
