"""Lists of the stored scores: filters, sorts, pages, and who leads each ranking.

No index orders the records by what they are sorted by (``migrations/0002`` says why). The end of
each run stores the first customers of each ranking instead (its leaders), and a page among them
reads no more than these: every other record stands behind the last leader, or was computed singly
since the run, and these few have an index. Whatever else is asked for is one pass over the
tenant's records.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from clv import db
from clv.db.dialect import is_one_of, several
from clv.domain.scoring import Scores
from clv.store import records

# What a list can be sorted by, beside the customer id.
SORTS = {
    "score": "score",
    "predicted_revenue": "predicted_revenue",
    "revenue_at_risk": "(predicted_revenue * churn_probability)",
    "recency_days": "recency_days",
}
# Five of the longest pages.
LEADERS = 500
# Up to so many records are read faster than leaders are looked up.
FEW_RECORDS = 10_000
# So many records computed singly are looked up beside the leaders (some 10 ms); with more, all
# records are read.
MOST_SINGLE = 2_000


class Order(NamedTuple):
    """A sort: one of ``SORTS``, or ``customer_id``; customers who tie are in the order of their
    ids, backwards in a descending list."""

    by: str = "customer_id"
    descending: bool = False

    @property
    def ranking(self) -> str:
        """The name of the ranking."""
        return f"-{self.by}" if self.descending else self.by


class Listed(NamedTuple):
    """An entry of a list.

    :param value: what the list is sorted by
    :param job_id: of the run that computed it, None after a single computation
    """

    scores: Scores
    value: Any
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records; None means all. Money in 1/10,000, times in milliseconds since 1970; the
    limits belong to the range, but for ``computed_after`` and ``computed_before``."""

    segment: str | None = None
    customer_ids: Sequence[str] | None = None
    min_score: float | None = None
    max_score: float | None = None
    min_recency: int | None = None
    max_recency: int | None = None
    min_frequency: int | None = None
    min_revenue: int | None = None
    min_tenure_days: int | None = None
    computed_after: int | None = None
    computed_before: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every record passes."""
        return self == Filter()

    @property
    def is_segment(self) -> bool:
        """Whether it filters by segment at most."""
        return self == Filter(segment=self.segment)


_CONDITIONS = {
    "segment": "r.segment = %s",
    "min_score": "r.score >= %s",
    "max_score": "r.score <= %s",
    "min_recency": "r.recency_days >= %s",
    "max_recency": "r.recency_days <= %s",
    "min_frequency": "r.frequency >= %s",
    "min_revenue": "r.predicted_revenue >= %s",
    "min_tenure_days": "r.tenure_days >= %s",
    "computed_after": "r.computed_ms > %s",
    "computed_before": "r.computed_ms < %s",
}
_COLUMNS = ", ".join(f"r.{name}" for name in records.COLUMNS.split(", "))


def page(
    tenant_id: int, wanted: Filter, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    """The next records of a list.

    :param after: value and customer id of the last entry of the page before; None for the first
    """
    condition, params = _matching(tenant_id, wanted)
    if wanted.is_open and order.by in SORTS and limit <= LEADERS:
        found = _page_of_leaders(tenant_id, order, after, limit)
        if found is not None:
            return found
    return _page(condition, params, order, after, limit)


def count(tenant_id: int, wanted: Filter) -> int:
    """How many records there are."""
    condition, params = _matching(tenant_id, wanted)
    return db.value(f"SELECT COUNT(*) FROM clv_record r WHERE {condition}", params)


def leaders(
    tenant_id: int, few: int = FEW_RECORDS, most: int = LEADERS
) -> list[tuple[str, str, Any]]:
    """The first customers of each ranking, as the table ``leaders`` has them: name, ids as JSON,
    and the value of the last one.

    :param few: up to so many records need no leaders
    :param most: leaders of a ranking
    """
    if count(tenant_id, Filter()) <= few:
        return []
    condition, params = _matching(tenant_id, Filter())
    found = []
    for order in (Order(by, descending) for by in SORTS for descending in (False, True)):
        direction = "DESC" if order.descending else "ASC"
        first = db.rows(
            f"SELECT customer_id, {SORTS[order.by]} AS value FROM clv_record r WHERE {condition}"
            f" ORDER BY value {direction}, customer_id {direction} LIMIT %s",
            (*params, most),
        )
        ids = json.dumps([customer_id for customer_id, _ in first], ensure_ascii=False)
        found.append((order.ranking, ids, first[-1][1]))
    return found


def save_leaders(tenant_id: int, run_id: int, found: Sequence[tuple[str, str, Any]]) -> None:
    """Replace a tenant's leaders, inside the caller's transaction, in which the run is the last
    one that was started."""
    db.execute("DELETE FROM leaders WHERE tenant_id = %s", (tenant_id,))
    if not found:
        return
    db.execute_many(
        "INSERT INTO leaders (tenant_id, run_id, ranking, customer_ids, last_value)"
        " VALUES (%s, %s, %s, %s, %s)",
        [(tenant_id, run_id, *ranked) for ranked in found],
    )


def _page_of_leaders(
    tenant_id: int, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed] | None:
    """The page, if it lies among the leaders of the last run; None if it does not, or if a run
    has begun since and may have changed any record."""
    stored = db.row(
        "SELECT run_id, customer_ids, last_value FROM leaders WHERE tenant_id = %s"
        f" AND ranking = %s AND (SELECT COUNT(*) FROM ({_singles()} LIMIT %s) single) <= %s",
        (tenant_id, order.ranking, tenant_id, MOST_SINGLE + 1, MOST_SINGLE),
    )
    if stored is None:
        return None
    run_id, text, last_value = stored
    ids, last = json.loads(text), 0
    if after is not None:
        if _is_behind(after, (last_value, ids[-1]), order):
            return None
        last = ids.index(after[1]) + 1 if after[1] in ids else len(ids)
    # Twice as many as the page needs, since some may be elsewhere by now; then all.
    for number in sorted({min(last + 2 * limit, len(ids)), len(ids)}):
        found = _page_of(ids[:number], tenant_id, run_id, order, after, limit)
        if len(found) == limit:
            return found
    return None


def _page_of(
    first: list[str],
    tenant_id: int,
    run_id: int,
    order: Order,
    after: tuple[Any, str] | None,
    limit: int,
) -> list[Listed]:
    """The part of a page that is not behind the first customers of a ranking.

    Of these, those whom a run computed are where they were. Up to the last one of them there is
    nobody else, but for the customers computed singly since.
    """
    value, backwards = SORTS[order.by], "ASC" if order.descending else "DESC"
    leading = f"tenant_id = %s AND {is_one_of('customer_id')}"
    condition = (
        # In the statement that reads the page: a run may begin at any moment.
        "%s = (SELECT MAX(id) FROM run WHERE tenant_id = %s AND started_ms IS NOT NULL)"
        f" AND r.tenant_id = %s AND {_is_one_of_these_or_single()}"
        f" AND ({value}, r.customer_id) {'>' if order.descending else '<'}="
        f" (SELECT {value}, customer_id FROM clv_record WHERE {leading} AND run_id IS NOT NULL"
        f" ORDER BY {value} {backwards}, customer_id {backwards} LIMIT 1)"
    )
    ids = several(first)
    params = [run_id, tenant_id, tenant_id, ids, tenant_id, tenant_id, ids]
    return _page(condition, params, order, after, limit)


def _is_behind(entry: tuple[Any, str], other: tuple[Any, str], order: Order) -> bool:
    return entry < other if order.descending else entry > other


def _is_one_of_these_or_single() -> str:
    """The condition that a record's customer is one of ``several``, or was computed singly."""
    if db.is_sqlite():
        return f"r.customer_id IN (SELECT value FROM json_each(%s) UNION {_singles()})"
    return f"r.customer_id = ANY(CAST(%s AS text[]) || ARRAY({_singles()}))"


def _singles() -> str:
    """The query of the customers computed singly since the last run."""
    # Left alone, SQLite reads all of the tenant's records for them.
    index = " INDEXED BY clv_record_computed_singly" if db.is_sqlite() else ""
    return f"SELECT customer_id FROM clv_record{index} WHERE tenant_id = %s AND run_id IS NULL"


def _page(
    condition: str, params: list, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    direction = "DESC" if order.descending else "ASC"
    value = SORTS.get(order.by, "r.customer_id")
    if after is not None:
        condition += f" AND ({value}, r.customer_id) {'<' if order.descending else '>'} (%s, %s)"
        params = [*params, *after]
    found = db.rows(
        f"SELECT value, run.job_id, {_COLUMNS}"
        f" FROM (SELECT {value} AS value, r.* FROM clv_record r WHERE {condition}"
        f" ORDER BY {value} {direction}, r.customer_id {direction} LIMIT %s) r"
        " LEFT JOIN run ON run.id = r.run_id"
        f" ORDER BY value {direction}, r.customer_id {direction}",
        (*params, limit),
    )
    return [Listed(Scores(*scores), value, job_id) for value, job_id, *scores in found]


def _matching(tenant_id: int, wanted: Filter) -> tuple[str, list[Any]]:
    conditions, params = ["r.tenant_id = %s"], list[Any]([tenant_id])
    for name, condition in _CONDITIONS.items():
        limit = getattr(wanted, name)
        if limit is not None:
            conditions.append(condition)
            params.append(limit)
    if wanted.customer_ids is not None:
        conditions.append(f"r.customer_id IN ({', '.join(['%s'] * len(wanted.customer_ids))})")
        params.extend(wanted.customer_ids)
    return " AND ".join(conditions), params
