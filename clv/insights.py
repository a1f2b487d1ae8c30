"""What a tenant's scores say beyond one customer: the summary, its history, lists, changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clv import calibrated, db, overview, service
from clv.errors import NotFound
from clv.overview import Overview, Suggestion
from clv.scoring import DAY_MS, MODEL_NAMES
from clv.service import NO_SUCH_CUSTOMER, Survey
from clv.store import (
    MANY_ROWS,
    analyze,
    changes,
    listing,
    now_ms,
    records,
    runs,
    snapshots,
    summaries,
    tenants,
)
from clv.store.changes import Change
from clv.store.listing import Filter, Listed, Order
from clv.store.runs import Run
from clv.store.tenants import Tenant

# Among fewer customers a rank says little.
MEANINGFUL_CUSTOMERS = 20
# A nightly run that failed once makes the scores this old.
STALE_MS = 36 * 3_600_000
# Customers a page of a file by customer id; sorted otherwise, each page is a pass over all records.
EXPORTED_AT_ONCE = 2_000
SORTED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Summary:
    """A tenant's customers as of the last finished run, and how far that can be trusted.

    :param customers: with summaries, now
    :param found: by that run, which may have been one of a segment; None before the first one
    :param job_id: of that run
    :param last_full_run_ms: the time as of which the last finished full run computed
    :param stale: the last full run is older than 36 h, or than the data
    :param settings_changed: since the last full run, or since one of a segment after it
    """

    customers: int
    found: Overview | None
    job_id: str | None
    data_updated_ms: int | None
    last_full_run_ms: int | None
    stale: bool
    settings_changed: bool

    @property
    def message(self) -> str | None:
        """What whoever reads the figures should know, if there is something."""
        if self.found is None:
            return "No run has finished yet: POST /api/v1/clv/compute starts one."
        if self.found.everyone.customers < MEANINGFUL_CUSTOMERS:
            return f"With fewer than {MEANINGFUL_CUSTOMERS} customers, scores mean little yet."
        return None


@dataclass(frozen=True, slots=True)
class Point:
    """What one finished run found."""

    run: Run
    found: Overview


def summary(tenant: Tenant) -> Summary:
    """A tenant's summary, from what its runs stored; nothing is computed."""
    stored = runs.last_overview(tenant.id)
    last = None if stored is None else _point(*stored)
    full = history(tenant, None, 1)
    last_full_ms = full[0].found.as_of_ms if full else None
    points = full if last is None else [last, *full]
    return Summary(
        customers=tenant.customers,
        found=None if last is None else last.found,
        job_id=None if last is None else last.run.job_id,
        data_updated_ms=tenant.data_updated_ms,
        last_full_run_ms=last_full_ms,
        stale=_is_stale(tenant, last_full_ms),
        settings_changed=any(point.found.settings != tenant.settings for point in points),
    )


def history(tenant: Tenant, before_id: int | None, limit: int) -> list[Point]:
    """What the finished full runs found, the latest first, before the one with this internal id."""
    return [_point(*stored) for stored in runs.overviews(tenant.id, before_id, limit)]


def customer_history(
    tenant: Tenant, customer_id: str, before_ms: int | None, limit: int
) -> list[Change]:
    """How a customer's segment and score moved, the latest first, before this time; nothing when
    there are summaries, but were never any scores.

    :raises NotFound: without a record and without summaries
    """
    before = runs.LAST_ID if before_ms is None else before_ms
    found = changes.of_customer(tenant.id, customer_id, before, limit)
    if not found and not _is_customer(tenant, customer_id):
        raise NotFound(NO_SUCH_CUSTOMER)
    return found


def page_of_changes(
    tenant: Tenant,
    to_segment: str | None,
    since_ms: int | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Change]:
    """How the tenant's customers moved, the latest first.

    :param to_segment: only who came into this segment
    :param since_ms: None for all that is kept
    :param before: time and customer id of the last row of the page before
    """
    return changes.page(tenant.id, to_segment, since_ms or 0, before, limit)


def page_of_records(
    tenant: Tenant, wanted: Filter, order: Order, after: tuple[Any, str] | None, limit: int
) -> list[Listed]:
    """The next records of a list; sorted by customer id, a walk meets each one once, whatever is
    computed meanwhile."""
    return listing.page(tenant.id, wanted, order, after, limit)


def all_records(tenant: Tenant, wanted: Filter, order: Order) -> Iterator[list[Listed]]:
    """All records of a list in pages. Between them no connection is held: whoever takes a page
    may be slow."""
    at_once = SORTED_AT_ONCE if order.by in listing.SORTS else EXPORTED_AT_ONCE
    after = None
    while True:
        with db.within(db.LONG_SECONDS):
            page = listing.page(tenant.id, wanted, order, after, at_once)
        if page:
            yield page
        if len(page) < at_once:
            return
        after = (page[-1].value, page[-1].scores.customer_id)


def total_of_records(tenant: Tenant, wanted: Filter, counted: bool) -> int | None:
    """How many records a list has, where that is cheap: of few customers; or of all or of a
    segment, as of the last finished run.

    :param counted: count in any case
    """
    if counted or (wanted.is_segment and tenant.customers <= listing.FEW_RECORDS):
        return listing.count(tenant.id, wanted)
    last = runs.last_overview(tenant.id) if wanted.is_segment else None
    if last is None:
        return None
    found = overview.from_json(last[1])
    group = found.everyone if wanted.segment is None else found.segments[wanted.segment]
    return group.customers


def overview_of_run(run: Run) -> Overview:
    """What a run that is about to end has found: all records of its tenant, added up."""
    tenant = tenants.tenant_by_id(run.tenant_id)
    snapshot = None if run.snapshot_id is None else snapshots.load(run.snapshot_id)
    days = run.suggested_days
    overdue_days = days or tenant.settings.at_risk_days
    cells = records.cells(tenant.id, overview.NEW_DAYS, overview.BIN_WIDTH, overdue_days)
    if snapshot is None:
        # There was nobody to score. Who came since the run began is not in it.
        as_of_ms = run.started_ms or run.created_ms
        return overview.add_up(cells, as_of_ms, tenant.settings, None, days)
    spread = snapshot.distribution
    percentiles = (spread.p25, spread.p75)
    serving = calibrated.serving(snapshot.settings, snapshot.calibration)
    return overview.add_up(
        cells,
        spread.as_of_ms,
        snapshot.settings,
        percentiles,
        days,
        MODEL_NAMES[serving.model],
        serving.reason,
    )


def suggest_at_risk_days(tenant: Tenant) -> Suggestion | None:
    """At-risk days that fit the gaps between contacts, and what they would change. None when
    nobody returned, or when the summaries have no days (alltime)."""
    tenant = tenants.tenant_by_id(tenant.id)
    now, at_risk_days = now_ms(), tenant.settings.at_risk_days
    days = suggested_days(tenant, service.survey(tenant.id, tenant.settings, now))
    if days is None:
        return None
    share_now = summaries.share_at_risk(tenant.id, now, at_risk_days)
    return Suggestion(days, share_now, summaries.share_at_risk(tenant.id, now, days))


def suggested_days(tenant: Tenant, survey: Survey) -> int | None:
    """The days alone: those that a run finds with its survey, too."""
    if tenant.period_type in (None, "alltime"):
        return None
    return overview.suggested_days(summaries.contact_gaps(tenant.id, survey.sample))


def tidy_up(run: Run) -> None:
    """What a run's end brings with it and nobody waits for: store who leads each list, and delete
    what is older than histories are kept. Killed before that, lists read all records until the
    next run's end, and old rows stay until then."""
    if run.computed >= MANY_ROWS:
        analyze("clv_record")
    runs.save_leaders(run, listing.leaders(run.tenant_id))
    changes.prune(run.tenant_id, now_ms() - changes.KEPT_DAYS * DAY_MS)


def _point(run: Run, stored: str) -> Point:
    return Point(run, overview.from_json(stored))


def _is_stale(tenant: Tenant, last_full_ms: int | None) -> bool:
    if last_full_ms is None:
        return tenant.customers > 0
    return (
        now_ms() - last_full_ms > STALE_MS
        or tenant.data_updated_ms is not None
        and tenant.data_updated_ms > last_full_ms
    )


def _is_customer(tenant: Tenant, customer_id: str) -> bool:
    return records.record(tenant.id, customer_id) is not None or summaries.exist(
        tenant.id, customer_id
    )
