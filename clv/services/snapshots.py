"""A tenant's distribution: its current snapshot, and the scan of all customers that makes one."""

import math
import time
from dataclasses import dataclass, field

import numpy as np

from clv import db
from clv.db.clock import now_ms
from clv.domain.distribution import Distribution
from clv.domain.scoring import distribution_of
from clv.domain.settings import ScoreSettings
from clv.errors import Unavailable, Unscorable
from clv.prediction import choice
from clv.prediction.choice import Calibration
from clv.services import ahead
from clv.store import removals, snapshots, tenants, totals
from clv.store.snapshots import Snapshot
from clv.store.tenants import Tenant

# A snapshot serves single computations until the number of customers has changed by this share.
DRIFT = 0.10
# How long a request waits while another one builds the tenant's first snapshot. A build for a
# million customers with 16 requests waiting takes 5 s, more on a busy machine; a 503 would only
# make the client ask again. Common routers give up after 30 s.
BUILD_WAIT_SECONDS = 25.0
BUILD_POLL_SECONDS = 0.1
# A scan keeps every 1,000th customer id: shards may begin after these.
BOUND_EVERY = 1_000
MIN_SHARDS = 8
# Size of the customer sample. Thinning halves it.
MAX_SAMPLE = 12_500


@dataclass(frozen=True, slots=True)
class CustomerScan:
    """What one pass over all of a tenant's customers yields.

    :param distribution: None without any scorable customer
    :param bound_ids: every n-th customer id, ascending; n is ``bound_every``
    :param sample: ids of customers who represent all: at most 12,500, evenly spread
    :param removals: the tenant's latest removal before
    """

    distribution: Distribution | None
    customers: int
    bound_ids: list[str]
    bound_every: int
    sample: list[str]
    removals: int = 0

    def shard_bounds(self, max_customers: int) -> list[str]:
        """The last customer id of each shard but the last one, which is open. The shards are of
        equal size, and none has more customers than this."""
        size = min(max_customers, max(BOUND_EVERY, math.ceil(self.customers / MIN_SHARDS)))
        step = max(1, size // self.bound_every)
        return self.bound_ids[step - 1 :: step]


def serving(tenant: Tenant) -> Calibration:
    """Which models serve the tenant's single computations now, and why."""
    return choice.serving(tenant.settings, snapshots.current_calibration(tenant.id))


def current_snapshot(tenant: Tenant) -> Snapshot:
    """The tenant's current snapshot, built if there is none or if it no longer fits.

    :raises Unavailable: when another request is still building the first one
    """
    deadline = time.monotonic() + BUILD_WAIT_SECONDS
    while True:
        snapshot = snapshots.current(tenant.id)
        if snapshot is not None and _fits(snapshot, tenant):
            return snapshot
        if snapshots.is_leased_ahead(tenant.id):
            ahead.report(tenant.id, ["lease"])
        lease = snapshots.take_lease(tenant.id)
        if lease is not None:
            built = _build_with_lease(tenant, lease, snapshot)
            if built is not None:
                return built
        elif snapshot is not None:
            return snapshot
        else:
            _pause_until(deadline)


def rebuild(tenant: Tenant) -> bool:
    """Build the tenant's current snapshot anew, or drop it if nobody can be scored any more; False
    if another request is building it, or has."""
    current = snapshots.current_id(tenant.id)
    lease = snapshots.take_lease(tenant.id)
    if lease is None:
        return False
    try:
        if snapshots.current_id(tenant.id) != current:
            return False
        _build_snapshot(tenant)
    except Unscorable:
        snapshots.drop_current(tenant.id)
    finally:
        snapshots.give_lease_back(tenant.id, lease)
    return True


def scan_customers(
    tenant_id: int,
    settings: ScoreSettings,
    as_of_ms: int,
    bound_every: int = BOUND_EVERY,
) -> CustomerScan:
    """Read all customers once."""
    before = removals.last(tenant_id)
    ids = _Ids(bound_every)
    pages: list[np.ndarray] = []
    for page in totals.stream_totals(tenant_id):
        ids.add([row[0] for row in page])
        pages.append(np.array([row[1:4] for row in page], dtype=np.float64))
    if not ids.count:
        return CustomerScan(None, 0, [], bound_every, [], removals=before)
    frequency, monetary, last_ms = np.concatenate(pages).T
    del pages
    distribution = distribution_of(frequency, monetary, last_ms, settings, as_of_ms)
    return CustomerScan(distribution, ids.count, ids.bounds, bound_every, ids.sample, before)


@dataclass(slots=True)
class _Ids:
    """What a scan keeps of the customers' ids."""

    bound_every: int
    count: int = 0
    bounds: list[str] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    sample_every: int = 1

    def add(self, ids: list[str]) -> None:
        first_bound = self.bound_every - 1 - self.count % self.bound_every
        self.bounds.extend(ids[first_bound :: self.bound_every])
        self.sample.extend(ids[-self.count % self.sample_every :: self.sample_every])
        if len(self.sample) > MAX_SAMPLE:
            self.sample, self.sample_every = self.sample[::2], self.sample_every * 2
        self.count += len(ids)


def _fits(snapshot: Snapshot, tenant: Tenant) -> bool:
    changed = abs(tenant.customers - snapshot.tenant_customers)
    return (
        snapshot.settings.weights == tenant.settings.weights
        and snapshot.settings.time_zone == tenant.settings.time_zone
        and changed <= DRIFT * snapshot.tenant_customers
    )


def _build_with_lease(tenant: Tenant, lease: int, known: Snapshot | None) -> Snapshot | None:
    """Build a snapshot and give the lease back; None if another request has built one after
    ``known`` was read and before the lease was taken."""
    try:
        if snapshots.current_id(tenant.id) != (known and known.id):
            return None
        return _build_snapshot(tenant)
    finally:
        snapshots.give_lease_back(tenant.id, lease)


def _build_snapshot(tenant: Tenant) -> Snapshot:
    with db.within(db.LONG_SECONDS):
        scan = scan_customers(tenant.id, tenant.settings, now_ms())
    if scan.distribution is None:
        raise Unscorable("No customer of this tenant can be scored.")
    with db.transaction():
        _, customers = tenants.lock_tenant(tenant.id)
        return snapshots.insert(
            tenant.id, customers, scan.distribution, tenant.settings, scan.removals
        )


def _pause_until(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Unavailable("The tenant's distribution is being built. Try again shortly.")
    db.release()
    time.sleep(BUILD_POLL_SECONDS)
