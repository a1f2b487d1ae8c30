"""A tenant's cohorts: added up by full runs, and by maintenance after an erasure; read with the
tenant's margin and acquisition cost."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from clv.db.clock import now_ms
from clv.domain import cohorts
from clv.domain.calendar import key_of, month_of
from clv.domain.cohort_tally import Tally
from clv.domain.cohorts import GRANULARITIES, Cohort, CohortTotals, Earlier, Sums
from clv.errors import NotFound
from clv.services.insights import is_stale
from clv.store import cohorts as cohort_store
from clv.store import removals, tenants
from clv.store.runs import Run
from clv.store.tenants import Tenant

# Weeks belong to two months, and all time to none.
PERIOD_TYPES = ("daily", "monthly")
# Data that had been left alone for this long when they were read.
QUIET_MS = 1_000
NO_RUN = "No full run has added up the cohorts yet: POST /api/v1/clv/compute starts one."

# The latest cohorts, those before, and the revenue of customers without any conversion.
_Totals = tuple[list[CohortTotals], Earlier, int]


@dataclass(frozen=True, slots=True)
class CohortReport:
    """A tenant's cohorts as of the last full run.

    :param by: ``month`` or ``quarter``
    :param as_of_ms: the time as of which that run computed; None before the first
    :param stale: that run is older than 36 h, or than the data
    :param cohorts: the latest 36, ascending
    :param earlier: those before, all together; None before the first run
    :param unconverted_revenue: of customers without any conversion; likewise
    """

    by: str
    currency: str
    time_zone: str
    as_of_ms: int | None
    stale: bool
    gross_margin: float
    acquisition_cost: int | None
    cohorts: list[Cohort]
    earlier: Earlier | None
    unconverted_revenue: int | None
    message: str | None


@dataclass(frozen=True, slots=True)
class AddedUp:
    """All summaries of a tenant, added up.

    :param sums: by each granularity; none if the summaries have no months
    :param removals: the tenant's latest removal before they were read
    """

    sums: list[Sums]
    removals: int


def report(tenant: Tenant, by: str, acquisition_cost: int | None) -> CohortReport:
    """The cohorts that the tenant's last full run stored; nothing is added up.

    :param acquisition_cost: of a customer, in 1/10,000; None for that of the tenant's settings
    """
    cost = tenant.acquisition_cost if acquisition_cost is None else acquisition_cost
    sums = None if _why_none(tenant) else _stored(tenant, by)
    as_of_ms = None if sums is None else sums.as_of_ms
    return CohortReport(
        by=by,
        currency=tenant.currency,
        time_zone=tenant.settings.time_zone if sums is None else sums.time_zone,
        as_of_ms=as_of_ms,
        stale=is_stale(tenant, as_of_ms),
        gross_margin=tenant.gross_margin,
        acquisition_cost=cost,
        cohorts=[] if sums is None else cohorts.cohorts(sums, tenant.gross_margin, cost),
        earlier=None if sums is None else sums.earlier,
        unconverted_revenue=None if sums is None else sums.unconverted_revenue,
        message=_message(tenant, sums),
    )


def add_up_run(run: Run) -> AddedUp:
    """A full run's tenant as the run ends. Nothing is read again if no data have changed since the
    last full run."""
    return _add_up(run.tenant_id, run.as_of_ms or run.started_ms or run.created_ms)


def save(tenant_id: int, added_up: AddedUp) -> None:
    """Store what was added up, in the transaction that ends its run."""
    stored = [(sums.granularity, cohorts.to_json(sums)) for sums in added_up.sums]
    cohort_store.replace(tenant_id, added_up.removals, stored)


def add_up_again() -> int:
    """Add up the tenants anew in whose sums a customer may be who was erased since; return their
    number."""
    found = cohort_store.tenants_to_add_up_again()
    for tenant_id in found:
        # Without the tenant there are no sums.
        with suppress(NotFound):
            added_up = _add_up(tenant_id, now_ms())
            with tenants.locked(tenant_id):
                save(tenant_id, added_up)
    return len(found)


def _add_up(tenant_id: int, as_of_ms: int) -> AddedUp:
    # In this order: what changes meanwhile is then read, too, or known to have changed.
    removed = removals.last(tenant_id)
    tenant = tenants.tenant_by_id(tenant_id)
    if _why_none(tenant):
        return AddedUp([], removed)
    known = _unchanged(tenant) or _read(tenant_id)
    return AddedUp([_dated(tenant, as_of_ms, by, *totals) for by, totals in known.items()], removed)


def _unchanged(tenant: Tenant) -> dict[str, _Totals] | None:
    """What the last full run added up, if no data have changed since. It would come out again."""
    known = [_stored(tenant, by) for by in GRANULARITIES]
    if not all(sums is not None and _is_of_the_data(sums, tenant) for sums in known):
        return None
    return {
        sums.granularity: (sums.cohorts, sums.earlier, sums.unconverted_revenue)
        for sums in known
        if sums is not None
    }


def _is_of_the_data(sums: Sums, tenant: Tenant) -> bool:
    changed_ms = tenant.data_updated_ms
    return (
        changed_ms is not None
        and changed_ms == sums.data_updated_ms
        # Else a second change within the same millisecond would have the same time.
        and changed_ms < sums.as_of_ms - QUIET_MS
    )


def _read(tenant_id: int) -> dict[str, _Totals]:
    tally = Tally()
    with _without_collector():
        for page in cohort_store.stream(tenant_id):
            tally.add(page)
    return {by: tally.totals(by) for by in GRANULARITIES}


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's cyclic garbage collector switched off: millions of rows set it off again and again,
    which takes a third of the time, and none of them is in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _dated(
    tenant: Tenant,
    as_of_ms: int,
    by: str,
    listed: list[CohortTotals],
    earlier: Earlier,
    unconverted_revenue: int,
) -> Sums:
    # Of what came after the last change, nothing is loaded.
    known_ms = min(as_of_ms, tenant.data_updated_ms or as_of_ms)
    month = month_of(key_of(tenant.settings.zone.day(known_ms)))
    assert month is not None
    return Sums(
        granularity=by,
        as_of_ms=as_of_ms,
        data_updated_ms=tenant.data_updated_ms,
        time_zone=tenant.settings.time_zone,
        current=month // GRANULARITIES[by],
        cohorts=listed,
        earlier=earlier,
        unconverted_revenue=unconverted_revenue,
    )


def _stored(tenant: Tenant, by: str) -> Sums | None:
    stored = cohort_store.sums(tenant.id, by)
    return None if stored is None else cohorts.from_json(stored)


def _why_none(tenant: Tenant) -> str | None:
    """Why there can be no cohorts, if there can't."""
    if tenant.period_type is None or tenant.period_type in PERIOD_TYPES:
        return None
    return f"Cohorts need daily or monthly summaries, and the tenant's are {tenant.period_type}."


def _message(tenant: Tenant, sums: Sums | None) -> str | None:
    if sums is None:
        return _why_none(tenant) or NO_RUN
    return None
