"""Rankings of a tenant's records, and the first customers of each ranking: its leaders.

No index orders the records by what they are ranked by (``migrations/0002`` says why). Instead, the
end of each run stores the leaders of each ranking, and a page among them is read from few records:
every other record comes after the last leader, except those computed singly since the run, and
these few have an index.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from clv import db
from clv.db.dialect import in_texts, row_lock, texts
from clv.store import removals
from clv.store.tenants import lock_tenant

# What records can be sorted by, other than the customer id, and the SQL of it.
SORTS = {
    "score": "score",
    "predicted_revenue": "predicted_revenue",
    "revenue_at_risk": "(predicted_revenue * churn_probability)",
    "recency_days": "recency_days",
    "frequency": "frequency",
    "monetary": "monetary",
    "churn_probability": "churn_probability",
}
# Leaders of a ranking: five of the longest pages.
LEADERS = 500
# Up to this number, sorting all records is faster than looking the leaders up.
FEW_RECORDS = 10_000
# Records computed singly that are looked up beside the leaders, in about 10 ms. If there are more,
# all records are sorted.
MOST_SINGLE = 2_000


class Order(NamedTuple):
    """A sort order: by one of ``SORTS`` or ``customer_id``. Ties are in the order of the customer
    ids, descending in a descending order."""

    by: str = "customer_id"
    descending: bool = False

    @property
    def ranking(self) -> str:
        """The name of the ranking, as stored."""
        return f"-{self.by}" if self.descending else self.by

    @property
    def direction(self) -> str:
        """The direction in SQL."""
        return "DESC" if self.descending else "ASC"

    @property
    def backwards(self) -> str:
        """The opposite direction in SQL."""
        return "ASC" if self.descending else "DESC"


class Leaders(NamedTuple):
    """The first customers of a ranking.

    :param customer_ids: JSON
    :param last_value: what the last of them is ranked by
    """

    ranking: str
    customer_ids: str
    last_value: Any


def leaders(tenant_id: int, few: int = FEW_RECORDS, most: int = LEADERS) -> list[Leaders]:
    """The leaders of each ranking; none of a tenant with few records.

    :param few: the most records that need no leaders
    :param most: leaders of a ranking
    """
    if db.value("SELECT COUNT(*) FROM clv_record r WHERE r.tenant_id = %s", (tenant_id,)) <= few:
        return []
    orders = (Order(by, descending) for by in SORTS for descending in (False, True))
    return [_leaders(tenant_id, order, most) for order in orders]


def save_leaders(
    tenant_id: int, run_id: int, ranked: Sequence[Leaders], since_removal: int
) -> bool:
    """Replace a tenant's leaders by those after a run, without customers who were erased since.

    :param since_removal: the tenant's last removal before the leaders were read
    :returns: False if they are outdated: another run has started since
    :raises NotFound: when the tenant was deleted meanwhile
    """
    with db.transaction():
        lock_tenant(tenant_id)
        if not _is_last(run_id):
            return False
        db.execute("DELETE FROM leaders WHERE tenant_id = %s", (tenant_id,))
        if erased := removals.erased_since(tenant_id, since_removal):
            left = [_without(each, tenant_id, erased.among) for each in ranked]
            ranked = [each for each in left if each is not None]
        if ranked:
            db.execute_many(
                "INSERT INTO leaders (tenant_id, run_id, ranking, customer_ids, last_value)"
                " VALUES (%s, %s, %s, %s, %s)",
                [(tenant_id, run_id, *each) for each in ranked],
            )
    return True


def remove_leaders(tenant_id: int, customer_ids: set[str]) -> set[str]:
    """Remove customers from all rankings of a locked tenant; return those who were in any."""
    removed: set[str] = set()
    for stored in db.rows(
        "SELECT ranking, customer_ids, last_value FROM leaders WHERE tenant_id = %s", (tenant_id,)
    ):
        leaders = Leaders(*stored)
        left = _without(leaders, tenant_id, customer_ids.intersection)
        if left == leaders:
            continue
        removed |= customer_ids.intersection(json.loads(leaders.customer_ids))
        key = (tenant_id, leaders.ranking)
        if left is None:
            db.execute("DELETE FROM leaders WHERE tenant_id = %s AND ranking = %s", key)
            continue
        db.execute(
            "UPDATE leaders SET customer_ids = %s, last_value = %s"
            " WHERE tenant_id = %s AND ranking = %s",
            (left.customer_ids, left.last_value, *key),
        )
    return removed


def conditions_among_leaders(
    tenant_id: int, order: Order, after: tuple[Any, str] | None, limit: int
) -> Iterator[tuple[str, list[Any]]]:
    """Conditions on records ``r``, with their parameters, the narrowest first. The first one with
    ``limit`` records after ``after`` selects the page; without any, all records have to be sorted:
    the page comes after the leaders, or a run has started since and may have changed any record.
    """
    stored = db.row(
        "SELECT run_id, customer_ids, last_value FROM leaders WHERE tenant_id = %s"
        f" AND ranking = %s AND (SELECT COUNT(*) FROM ({_singles()} LIMIT %s) single) <= %s",
        (tenant_id, order.ranking, tenant_id, MOST_SINGLE + 1, MOST_SINGLE),
    )
    if stored is None:
        return
    run_id, text, last_value = stored
    ids, start = json.loads(text), 0
    if after is not None:
        if _comes_after(after, (last_value, ids[-1]), order):
            return
        start = ids.index(after[1]) + 1 if after[1] in ids else len(ids)
    # Twice what the page needs, since some leaders may have moved; then all.
    for number in sorted({min(start + 2 * limit, len(ids)), len(ids)}):
        yield _condition(ids[:number], tenant_id, run_id, order)


def _leaders(tenant_id: int, order: Order, most: int) -> Leaders:
    ranked = db.rows(
        f"SELECT customer_id, {SORTS[order.by]} AS value FROM clv_record r WHERE r.tenant_id = %s"
        f" ORDER BY value {order.direction}, customer_id {order.direction} LIMIT %s",
        (tenant_id, most),
    )
    return Leaders(order.ranking, _json([one for one, _ in ranked]), ranked[-1][1])


def _json(customer_ids: list[str]) -> str:
    return json.dumps(customer_ids, ensure_ascii=False)


def _without(
    leaders: Leaders, tenant_id: int, gone_among: Callable[[list[str]], Collection[str]]
) -> Leaders | None:
    """The leaders without customers who are gone; None where the last of those who are left has no
    record either."""
    ids = json.loads(leaders.customer_ids)
    gone = set(gone_among(ids))
    if not gone:
        return leaders
    left = [one for one in ids if one not in gone]
    if left and left[-1] == ids[-1]:
        return leaders._replace(customer_ids=_json(left))
    value = db.row(
        f"SELECT {SORTS[leaders.ranking.removeprefix('-')]} FROM clv_record"
        " WHERE tenant_id = %s AND customer_id = %s",
        (tenant_id, left[-1] if left else ""),
    )
    return None if value is None else Leaders(leaders.ranking, _json(left), value[0])


def _is_last(run_id: int) -> bool:
    """Whether no other run of the tenant has started since; locks the run's key."""
    is_last = db.rows(
        "SELECT 1 FROM run WHERE id = %s AND NOT EXISTS (SELECT 1 FROM run other"
        " WHERE other.tenant_id = run.tenant_id AND other.id > run.id"
        f" AND other.started_ms IS NOT NULL){row_lock('KEY SHARE OF run')}",
        (run_id,),
    )
    return bool(is_last)


def _comes_after(entry: tuple[Any, str], other: tuple[Any, str], order: Order) -> bool:
    return entry < other if order.descending else entry > other


def _condition(
    first: list[str], tenant_id: int, run_id: int, order: Order
) -> tuple[str, list[Any]]:
    """The condition that a record does not come after the first customers of a ranking.

    Those of them that a run computed have kept their places. Up to the last of these there can be
    no other record, except those computed singly since.
    """
    value = SORTS[order.by]
    leading = f"tenant_id = %s AND {in_texts('customer_id')}"
    condition = (
        # Part of the statement that reads the page, because a run may start at any moment.
        "%s = (SELECT MAX(id) FROM run WHERE tenant_id = %s AND started_ms IS NOT NULL)"
        f" AND r.tenant_id = %s AND {_in_texts_or_single()}"
        f" AND ({value}, r.customer_id) {'>' if order.descending else '<'}="
        f" (SELECT {value}, customer_id FROM clv_record WHERE {leading} AND run_id IS NOT NULL"
        f" ORDER BY {value} {order.backwards}, customer_id {order.backwards} LIMIT 1)"
    )
    ids = texts(first)
    return condition, [run_id, tenant_id, tenant_id, ids, tenant_id, tenant_id, ids]


def _in_texts_or_single() -> str:
    """The condition that a record's customer is one of ``texts``, or was computed singly."""
    if db.is_sqlite():
        return f"r.customer_id IN (SELECT value FROM json_each(%s) UNION {_singles()})"
    return f"r.customer_id = ANY(CAST(%s AS text[]) || ARRAY({_singles()}))"


def _singles() -> str:
    """The query of the customers computed singly since the last run."""
    # SQLite would not choose this index by itself, and read all of the tenant's records.
    index = " INDEXED BY clv_record_computed_singly" if db.is_sqlite() else ""
    return f"SELECT customer_id FROM clv_record{index} WHERE tenant_id = %s AND run_id IS NULL"
