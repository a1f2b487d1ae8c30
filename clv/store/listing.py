"""Lists of the stored scores: filtered, sorted, in pages.

The first pages of a list that is sorted but not filtered are read among the leaders of its ranking
(:mod:`clv.store.rankings`). Every other list is one pass over the tenant's records.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from clv import db
from clv.domain.activity import NONE, recency_of
from clv.domain.groups import RfmShown
from clv.domain.scoring import Scores
from clv.prediction.forecast import Forecast
from clv.store import records, rfm, searching
from clv.store.rankings import LEADERS, SORTS, Order, conditions_among_leaders

# Ids that are read at once.
IDS_AT_ONCE = 5_000
# Ids that a search looks at in their order, before it reads all records, in a few milliseconds.
SEARCHED_FIRST = 2_000


class Listed(NamedTuple):
    """An entry of a list.

    :param value: what the list is sorted by
    :param job_id: the run that computed the record; None after a single computation
    :param forecast: where the list is to include it (``clv.services.included``)
    :param rfm: likewise
    """

    scores: Scores
    value: Any
    job_id: str | None
    forecast: Forecast | None = None
    rfm: RfmShown | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records a list has; None means all. Money is in 1/10,000, times are in milliseconds
    since 1970. All limits are inclusive except ``computed_after`` and ``computed_before``.

    :param activity: one of :data:`clv.domain.activity.ACTIVITIES`. What it means depends on the
        tenant's settings: :meth:`with_at_risk_days` says it in days
    :param rfm_group: the name of an RFM group, by the tenant's current distribution
    :param search: a part of the customer's id, letters of either case
    """

    segment: str | None = None
    customer_ids: Sequence[str] | None = None
    search: str | None = None
    min_score: float | None = None
    max_score: float | None = None
    min_recency: int | None = None
    max_recency: int | None = None
    min_frequency: int | None = None
    max_frequency: int | None = None
    min_revenue: int | None = None
    min_tenure_days: int | None = None
    max_tenure_days: int | None = None
    computed_after: int | None = None
    computed_before: int | None = None
    activity: str | None = None
    rfm_group: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether every record passes."""
        return self == Filter()

    def with_at_risk_days(self, days: int) -> "Filter":
        """The same filter, with the activity said by recency and frequency."""
        if self.activity is None:
            return self
        least, most = recency_of(self.activity, days)
        silent = self.activity == NONE
        return replace(
            self,
            activity=None,
            min_recency=_narrower(max, self.min_recency, least),
            max_recency=_narrower(min, self.max_recency, most),
            min_frequency=_narrower(max, self.min_frequency, None if silent else 1),
            max_frequency=_narrower(min, self.max_frequency, 0 if silent else None),
        )

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
    "max_frequency": "r.frequency <= %s",
    "min_revenue": "r.predicted_revenue >= %s",
    "min_tenure_days": "r.tenure_days >= %s",
    "max_tenure_days": "r.tenure_days <= %s",
    "computed_after": "r.computed_ms > %s",
    "computed_before": "r.computed_ms < %s",
}
_COLUMNS = ", ".join(f"r.{name}" for name in records.COLUMNS.split(", "))


def page(
    tenant_id: int, matching: Filter, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    """The next records of a list.

    :param after: value and customer id of the last entry of the previous page; None for the first
    """
    if matching.is_open and order.by in SORTS and limit <= LEADERS:
        for condition, params in conditions_among_leaders(tenant_id, order, after, limit):
            entries = _page(condition, params, order, after, limit)
            if len(entries) == limit:
                return entries
    condition, params = _conditions(tenant_id, matching)
    if matching.search is None or after is not None or order.by in SORTS or db.is_sqlite():
        return _page(condition, params, order, after, limit)
    return _first_found(tenant_id, condition, params, order, limit)


def count(tenant_id: int, matching: Filter) -> int:
    """The number of records that pass a filter."""
    condition, params = _conditions(tenant_id, matching)
    return db.value(f"SELECT COUNT(*) FROM clv_record r WHERE {condition}", params)


def customer_ids(tenant_id: int, matching: Filter) -> Iterator[list[str]]:
    """The ids of all records that pass a filter, in no order, some thousands at a time."""
    condition, params = _conditions(tenant_id, matching)
    query = f"SELECT r.customer_id FROM clv_record r WHERE {condition}"
    for rows in db.stream(query, params, IDS_AT_ONCE):
        yield [customer_id for (customer_id,) in rows]


def _first_found(
    tenant_id: int, condition: str, params: list, order: Order, limit: int
) -> list[Listed]:
    """The first records by customer id that a search finds, on PostgreSQL. It would follow the
    index until the page is full. Where few records are found, that leads to all rows one by one,
    and takes four times as long as reading the table: so only the first ids are read that way.
    """
    first = (
        "(SELECT * FROM clv_record WHERE tenant_id = %s"
        f" ORDER BY customer_id {order.direction} LIMIT %s) r"
    )
    among_first = [tenant_id, SEARCHED_FIRST, *params]
    entries = _page(condition, among_first, order, None, limit, source=first)
    if len(entries) == limit:
        return entries
    return _page(condition, params, order, None, limit, by_index=False)


def _page(
    condition: str,
    params: list,
    order: Order,
    after: tuple[Any, str] | None,
    limit: int,
    *,
    source: str = "clv_record r",
    by_index: bool = True,
) -> list[Listed]:
    value, direction = SORTS.get(order.by, "r.customer_id"), order.direction
    # No index has the expression.
    sorted_by = value if by_index else f"({value} || '')"
    if after is not None:
        condition += f" AND ({value}, r.customer_id) {'<' if order.descending else '>'} (%s, %s)"
        params = [*params, *after]
    rows = db.rows(
        f"SELECT value, run.job_id, {_COLUMNS}"
        f" FROM (SELECT {value} AS value, r.* FROM {source} WHERE {condition}"
        f" ORDER BY {sorted_by} {direction}, r.customer_id {direction} LIMIT %s) r"
        " LEFT JOIN run ON run.id = r.run_id"
        f" ORDER BY value {direction}, r.customer_id {direction}",
        (*params, limit),
    )
    return [Listed(Scores(*scores), value, job_id) for value, job_id, *scores in rows]


def _narrower(which: Callable[..., int], given: int | None, limit: int | None) -> int | None:
    limits = [one for one in (given, limit) if one is not None]
    return which(limits) if limits else None


def _conditions(tenant_id: int, matching: Filter) -> tuple[str, list[Any]]:
    if matching.activity is not None:
        raise ValueError("The filter has an activity, which has to be said in days.")
    conditions, params = ["r.tenant_id = %s"], list[Any]([tenant_id])
    for name, condition in _CONDITIONS.items():
        limit = getattr(matching, name)
        if limit is not None:
            conditions.append(condition)
            params.append(limit)
    if matching.rfm_group is not None:
        conditions.append(rfm.in_group(tenant_id, matching.rfm_group))
    if matching.customer_ids is not None:
        conditions.append(f"r.customer_id IN ({', '.join(['%s'] * len(matching.customer_ids))})")
        params.extend(matching.customer_ids)
    if matching.search is not None:
        condition, parts = searching.contains("r.customer_id", matching.search)
        conditions.append(condition)
        params.extend(parts)
    return " AND ".join(conditions), params
