"""What a tenant's customers brought in each day, week or month."""

from dataclasses import dataclass

from clv import db
from clv.budgets import MAX_PERIODS
from clv.db.clock import now_ms
from clv.domain import periods, revenue
from clv.domain.periods import DAY
from clv.domain.revenue import Figures, Period
from clv.domain.time_zone import time_zone
from clv.errors import Conflict, Invalid, Unavailable
from clv.store import revenue as kept
from clv.store.revenue import Kept
from clv.store.tenants import Tenant

# A calculation begins again when the data have changed meanwhile.
CALCULATIONS = 3
_CHANGING = "The revenue is being added up, and the data go on changing. Try again shortly."


@dataclass(frozen=True, slots=True)
class Revenue:
    """A tenant's revenue by period.

    :param kind: of the periods
    :param as_of_ms: when the data last changed; the figures have all of it
    :param first_day: of the first period; None without periods
    :param last_day: of the last one
    """

    kind: str
    currency: str
    time_zone: str
    as_of_ms: int | None
    first_day: int | None
    last_day: int | None
    periods: list[Period]
    total: Figures


def is_due(tenant: Tenant) -> bool:
    """Whether the sums have to be made before :func:`revenue_by` can answer: after an update of the
    service, once."""
    return not kept.is_current(tenant.id)


def calculate(tenant: Tenant) -> None:
    """Make the sums anew from all summaries.

    :raises Unavailable: when these go on changing
    """
    with db.within(db.LONG_SECONDS):
        for _ in range(CALCULATIONS):
            if kept.calculate(tenant.id):
                return
    raise Unavailable(_CHANGING)


def revenue_by(tenant: Tenant, kind: str | None, start: int | None, end: int | None) -> Revenue:
    """What came in, in order of time.

    :param kind: of the periods; None: the shortest that the tenant's summaries tell of
    :param start: a day of the first period; None: chosen by what there is
    :param end: a day of the last period, likewise
    :raises Conflict: when the tenant's summaries don't tell of such periods
    :raises Invalid: when there are too many
    """
    stored = kept.read(tenant.id)
    if not stored.is_current:
        raise Unavailable(_CHANGING)
    own = _own_kind(stored)
    kind = kind or own
    _check_kind(stored, own, kind)
    today = time_zone(stored.days_time_zone).day(now_ms())
    known = revenue.known_days(stored.sums, own)
    shown = revenue.days_shown(kind, start, end, known, today)
    firsts = [] if shown is None else periods.firsts(kind, *shown, MAX_PERIODS + 1)
    if len(firsts) > MAX_PERIODS:
        raise Invalid(
            f"from: There are more than {MAX_PERIODS:,} periods until then: ask for fewer at once.",
            {"query": {"from": [f"Must be at most {MAX_PERIODS:,} periods before the last one."]}},
        )
    figures = revenue.by_first_day(stored.sums, own, kind)
    total = Figures()
    if firsts:
        total = revenue.total(stored.sums, own, firsts[0], periods.last_day(kind, firsts[-1]))
    return Revenue(
        kind=kind,
        currency=stored.currency,
        time_zone=stored.days_time_zone,
        as_of_ms=stored.data_updated_ms,
        first_day=None if shown is None else shown[0],
        last_day=None if shown is None else shown[1],
        periods=[revenue.period(figures, kind, first, known, today) for first in firsts],
        total=total,
    )


def _own_kind(stored: Kept) -> str:
    if stored.period_type is None:
        return DAY
    own = periods.KIND_OF_TYPE.get(stored.period_type)
    if own is None:
        raise Conflict(
            "This tenant's summaries are of all time, which tells nothing of days, weeks or"
            " months. Load daily ones to see the revenue of each."
        )
    return own


def _check_kind(stored: Kept, own: str, kind: str) -> None:
    if kind not in periods.ADDED_UP_BY[own]:
        raise Conflict(
            f"This tenant's summaries are {stored.period_type}: ask for them by={own}. Days, weeks"
            " and months can all be had of daily ones."
        )
