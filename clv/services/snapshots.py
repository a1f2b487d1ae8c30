"""A tenant's distribution: the current snapshot, and the survey that makes one."""

import math
import time
from dataclasses import dataclass

import numpy as np

from clv import db
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.domain.distribution import Distribution
from clv.domain.scoring import distribution_of
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.errors import Unavailable, Unscorable
from clv.prediction import calibrated
from clv.prediction.calibrated import Calibration, History
from clv.store import snapshots, tenants, totals
from clv.store.snapshots import Snapshot
from clv.store.tenants import Tenant

# A snapshot serves single computations until the number of customers has changed by this share.
DRIFT = 0.10
# So long a request waits for another one that builds the tenant's first snapshot: at a million
# customers and with 16 waiting that takes some 5 s, on a busy machine more, and a 503 would only
# make the client ask again. Below the 30 s of common routers.
BUILD_WAIT_SECONDS = 25.0
BUILD_POLL_SECONDS = 0.1
# Shards begin at customers that were noted down in passing, one in so many.
MARK_EVERY = 1_000
MIN_SHARDS = 8
# What customers do is told by so many of them as well as by all; they are half as many at least.
MOST_SAMPLED = 12_500


@dataclass(frozen=True, slots=True)
class Survey:
    """One pass over all of a tenant's customers.

    :param distribution: None without any scorable customer
    :param marks: every so many-th customer id, ascending
    :param sample: the ids of customers that stand for all: up to 12,500, evenly spread
    :param history: of those with a conversion, if it was asked for
    """

    distribution: Distribution | None
    customers: int
    marks: list[str]
    mark_every: int
    sample: list[str]
    history: History | None = None

    def bounds(self, most: int) -> list[str]:
        """The last customer ids of shards of equal size, at most ``most`` customers each; the
        last shard has no end and so no bound."""
        size = min(most, max(MARK_EVERY, math.ceil(self.customers / MIN_SHARDS)))
        step = max(1, size // self.mark_every)
        return self.marks[step - 1 :: step]


def serving(tenant: Tenant) -> Calibration:
    """Which model serves the tenant's single computations now, and why."""
    if tenant.settings.model == "rfm":
        return calibrated.serving(tenant.settings, None)
    return calibrated.serving(tenant.settings, snapshots.current_calibration(tenant.id))


def current_snapshot(tenant: Tenant) -> Snapshot:
    """The tenant's current snapshot, built if there is none or if it no longer fits.

    :raises Unavailable: when another request is still building the first one
    """
    deadline = time.monotonic() + BUILD_WAIT_SECONDS
    while True:
        snapshot = snapshots.current(tenant.id)
        if snapshot is not None and _fits(snapshot, tenant):
            return snapshot
        lease = snapshots.take_lease(tenant.id)
        if lease is not None:
            try:
                # Else another one has built it between the look and the lease.
                if snapshots.current_id(tenant.id) == (snapshot and snapshot.id):
                    return _build_snapshot(tenant)
            finally:
                snapshots.give_lease_back(tenant.id, lease)
            continue
        if snapshot is not None:
            return snapshot
        if time.monotonic() > deadline:
            raise Unavailable("The tenant's distribution is being built. Try again shortly.")
        db.release()
        time.sleep(BUILD_POLL_SECONDS)


def survey(
    tenant_id: int,
    settings: ScoreSettings,
    as_of_ms: int,
    mark_every: int = MARK_EVERY,
    with_purchases: bool = False,
) -> Survey:
    """Read all customers once: their distribution, their number, where shards may begin, a
    sample, and the buyers' history if that is wanted."""
    marks: list[str] = []
    sample: list[str] = []
    pages: list[np.ndarray] = []
    purchases: list[np.ndarray] = []
    count, sample_every = 0, 1
    for page in totals.stream_totals(tenant_id, with_purchases):
        marks.extend(row[0] for row in page[mark_every - 1 - count % mark_every :: mark_every])
        sample.extend(row[0] for row in page[-count % sample_every :: sample_every])
        if len(sample) > MOST_SAMPLED:
            sample, sample_every = sample[::2], sample_every * 2
        pages.append(np.array([row[1:4] for row in page], dtype=np.float64))
        if with_purchases:
            purchases.append(_purchases(page))
        count += len(page)
    if not count:
        return Survey(None, 0, [], mark_every, [])
    frequency, monetary, last_ms = np.concatenate(pages).T
    del pages
    found = distribution_of(frequency, monetary, last_ms, settings, as_of_ms)
    history = None
    if with_purchases:
        days, first_day, last_day, value = np.concatenate(purchases).T
        history = calibrated.history(days, first_day, last_day, value, as_of_ms // DAY_MS)
    return Survey(found, count, marks, mark_every, sample, history)


def _purchases(page: list[tuple]) -> np.ndarray:
    """Of a page of the stream: number of days with conversions, the first, the last, value."""
    day_of = calendar.day_of
    found = [(days, day_of(first), day_of(last), value) for *_, days, first, last, value in page]
    buyers = np.array(found, dtype=np.float64)
    return buyers[~np.isnan(buyers).any(axis=1)]


def _fits(snapshot: Snapshot, tenant: Tenant) -> bool:
    changed = abs(tenant.customers - snapshot.tenant_customers)
    return (
        snapshot.settings.weights == tenant.settings.weights
        and changed <= DRIFT * snapshot.tenant_customers
    )


def _build_snapshot(tenant: Tenant) -> Snapshot:
    with db.within(db.LONG_SECONDS):
        found = survey(tenant.id, tenant.settings, now_ms()).distribution
    if found is None:
        raise Unscorable("No customer of this tenant can be scored.")
    with db.transaction():
        _, customers = tenants.lock_tenant(tenant.id)
        return snapshots.insert(tenant.id, customers, found, tenant.settings)
