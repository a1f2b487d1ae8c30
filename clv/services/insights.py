"""What a tenant's scores say beyond one customer: overviews of its runs, and changes."""

from dataclasses import dataclass, replace

from clv.db.clock import now_ms
from clv.db.dialect import MANY_ROWS, analyze
from clv.domain import overview
from clv.domain.calendar import FUTURE_TOLERANCE_MS
from clv.domain.overview import Overview
from clv.domain.units import DAY_MS, HOUR_MS
from clv.prediction.choice import Calibration
from clv.store import changes, model_changes, rankings, removals, rfm, runs, snapshots, tenants
from clv.store.cells import cells as cells_of
from clv.store.changes import Change
from clv.store.model_changes import ModelChange
from clv.store.runs import Run
from clv.store.tenants import Tenant

# Changes of models that are told at once. Each takes three full runs with `auto`.
MODEL_CHANGES = 20
# With fewer customers a rank says little.
MEANINGFUL_CUSTOMERS = 20
# The age of the scores after one nightly run has failed.
STALE_MS = 36 * HOUR_MS


@dataclass(frozen=True, slots=True)
class LatestOverview:
    """A tenant's customers as of the last finished run, and how far that can be trusted.

    :param customers: with summaries, now
    :param overview: of that run, which may have been one of a segment; None before the first one
    :param job_id: of that run
    :param last_full_run_ms: the time as of which the last finished full run computed
    :param stale: the last full run is older than 36 h, or than the data
    :param settings_changed: since the last full run, or since one of a segment after it
    """

    customers: int
    currency: str
    overview: Overview | None
    job_id: str | None
    data_updated_ms: int | None
    last_full_run_ms: int | None
    stale: bool
    settings_changed: bool

    @property
    def listed_customers(self) -> int:
        """Customers with a score; before the first run those with summaries."""
        return self.customers if self.overview is None else self.overview.everyone.customers

    @property
    def message(self) -> str | None:
        """What to know about the figures, if there is something."""
        if self.overview is None:
            return "No run has finished yet: POST /api/v1/clv/compute starts one."
        if self.overview.everyone.customers < MEANINGFUL_CUSTOMERS:
            return f"With fewer than {MEANINGFUL_CUSTOMERS} customers, scores mean little yet."
        return None


@dataclass(frozen=True, slots=True)
class Point:
    """A finished run with its overview."""

    run: Run
    overview: Overview


def latest_overview(tenant: Tenant) -> LatestOverview:
    """The overview that the tenant's last finished run stored; nothing is computed."""
    stored = runs.last_overview(tenant.id)
    last = None if stored is None else _point(*stored)
    full = history(tenant, None, 1)
    last_full_ms = full[0].overview.as_of_ms if full else None
    points = full if last is None else [last, *full]
    return LatestOverview(
        customers=tenant.customers,
        currency=tenant.currency,
        overview=None if last is None else last.overview,
        job_id=None if last is None else last.run.job_id,
        data_updated_ms=tenant.data_updated_ms,
        last_full_run_ms=last_full_ms,
        stale=is_stale(tenant, last_full_ms),
        settings_changed=any(point.overview.settings != tenant.settings for point in points),
    )


def history(tenant: Tenant, before_id: int | None, limit: int) -> list[Point]:
    """The finished full runs, the latest first, before the one with this internal id."""
    return [_point(*stored) for stored in runs.overviews(tenant.id, before_id, limit)]


def page_of_changes(
    tenant: Tenant,
    to_segment: str | None,
    since_ms: int | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Change]:
    """How the tenant's customers moved, the latest first.

    :param to_segment: only customers who came into this segment
    :param since_ms: None for all that is kept
    :param before: time and customer id of the last row of the page before
    """
    return changes.page(tenant.id, to_segment, since_ms or 0, before, limit)


def newest_model_changes(tenant: Tenant, since_ms: int | None) -> list[ModelChange]:
    """When another model began to predict revenue or churn, the latest first.

    :param since_ms: None for all that is kept
    """
    return model_changes.newest(tenant.id, since_ms or 0, MODEL_CHANGES)


def overview_of_run(run: Run) -> Overview:
    """All records of a run's tenant, added up as the run ends."""
    tenant = tenants.tenant_by_id(run.tenant_id)
    snapshot = None if run.snapshot_id is None else snapshots.load(run.snapshot_id)
    settings = tenant.settings if snapshot is None else snapshot.settings
    days, at_risk_days = run.suggested_days, settings.at_risk_days
    starts = None if snapshot is None else rfm.starts_of(snapshot)
    cells = cells_of(tenant.id, at_risk_days, days or at_risk_days, starts)
    if snapshot is None:
        # There was nobody to score. Customers who came since the run began are not in it.
        as_of_ms = run.started_ms or run.created_ms
        return overview.add_up(cells, as_of_ms, settings, None, days)
    spread = snapshot.distribution
    percentiles = (spread.p25, spread.p75)
    total = overview.add_up(cells, spread.as_of_ms, settings, percentiles, days)
    return _predicted(total, snapshot.serving(settings))


def is_stale(tenant: Tenant, last_full_ms: int | None) -> bool:
    """Whether what a full run found is older than 36 h, or than the data.

    :param last_full_ms: the time as of which it computed; None before the first one
    """
    if last_full_ms is None:
        return tenant.customers > 0
    return (
        now_ms() - last_full_ms > STALE_MS
        or tenant.data_updated_ms is not None
        and tenant.data_updated_ms > last_full_ms
    )


def tidy_up(run: Run) -> None:
    """After a run's end, while nobody waits: store the leaders of each ranking, and delete the
    rows of histories that are too old, or ahead of the clock. If the worker is killed before that,
    lists read all records and these rows stay until the next run ends."""
    if run.computed >= MANY_ROWS:
        analyze("clv_record")
    since = removals.last(run.tenant_id)
    rankings.save_leaders(run.tenant_id, run.id, rankings.leaders(run.tenant_id), since)
    before_ms = now_ms() - changes.KEPT_DAYS * DAY_MS
    latest_ms = now_ms() + FUTURE_TOLERANCE_MS
    changes.prune(run.tenant_id, before_ms)
    changes.prune_ahead(run.tenant_id, latest_ms)
    model_changes.prune(run.tenant_id, before_ms, latest_ms)


def _predicted(total: Overview, serving: Calibration) -> Overview:
    """An overview with what predicted."""
    revenue, churn = serving.revenue, serving.churn
    return replace(
        total,
        model=revenue.name,
        model_reason=revenue.reason,
        model_since_ms=revenue.since_ms,
        churn_model=churn.name,
        churn_model_reason=churn.reason,
        churn_model_since_ms=churn.since_ms,
    )


def _point(run: Run, stored: str) -> Point:
    return Point(run, overview.from_json(stored))
