"""What a blueprint, a job or the command line asks for about customers and their scores."""

import math
import re
import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from clv import calibrated, db, distribution
from clv.btyd import Parameters
from clv.calibrated import Calibration, History
from clv.distribution import Distribution
from clv.errors import Invalid, NotFound, Unavailable, Unscorable
from clv.scoring import (
    DAY_MS,
    Explanation,
    Prediction,
    Scores,
    ScoreSettings,
    Totals,
    check,
    composite,
    explain,
    score_customer,
)
from clv.store import now_ms, records, snapshots, staging, summaries, tenants
from clv.store.snapshots import Snapshot
from clv.store.staging import Merged
from clv.store.summaries import Summary
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
NO_SUCH_CUSTOMER = "There is no customer with this id."


class Explained(NamedTuple):
    """A customer's explanation.

    :param serving: the model that predicted, and why that one
    :param interval: of the predicted revenue, in 1/10,000, with the probability
        ``clv.calibrated.LEVEL``; None where rfm serves, and without any conversion
    """

    explanation: Explanation
    serving: Calibration
    interval: tuple[int, int] | None


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


def get_clv(
    tenant_id: int, customer_id: str, max_age_seconds: int | None = None
) -> tuple[Scores, str]:
    """A customer's scores and their source: ``cached`` or ``computed``. More of the tenant than
    its id is needed, and read, only to compute.

    :param max_age_seconds: a stored record that is older is computed again
    :raises NotFound: without a record and without summaries
    """
    max_age_ms = None if max_age_seconds is None else max_age_seconds * 1000
    stored = records.record(tenant_id, customer_id, max_age_ms)
    if stored is not None:
        return stored, "cached"
    return recompute_clv(tenants.tenant_by_id(tenant_id), customer_id), "computed"


def recompute_clv(tenant: Tenant, customer_id: str) -> Scores:
    """A customer's scores from the current summaries; they are stored.

    :raises NotFound: without summaries
    """
    while True:
        # Before the totals are read: the record of a later reading must win.
        as_of_ms = now_ms()
        totals = _totals(tenant, customer_id)
        snapshot, settings = current_snapshot(tenant), tenant.settings
        prediction = _prediction(totals, settings, as_of_ms, snapshot.parameters(settings))
        scores = score_customer(totals, snapshot.distribution, settings, as_of_ms, prediction)
        if records.save_if_customer_exists(tenant.id, scores):
            return scores


def explain_clv(tenant: Tenant, customer_id: str) -> Explained:
    """Why a customer's score is what it is, computed now; nothing is stored.

    :raises NotFound: without summaries
    """
    as_of_ms, settings = now_ms(), tenant.settings
    totals = _totals(tenant, customer_id)
    snapshot = current_snapshot(tenant)
    serving = calibrated.serving(settings, snapshot.calibration)
    prediction = _prediction(totals, settings, as_of_ms, serving.parameters)
    explanation = explain(totals, snapshot.distribution, settings, as_of_ms, prediction)
    interval = None
    if serving.parameters is not None:
        interval = calibrated.interval(totals, settings, as_of_ms, serving.parameters)
    return Explained(explanation, serving, interval)


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
    for page in summaries.stream_totals(tenant_id, with_purchases):
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


def distribution_of(
    frequency: np.ndarray,
    monetary: np.ndarray,
    last_ms: np.ndarray,
    settings: ScoreSettings,
    as_of_ms: int,
) -> Distribution:
    """The distribution of customers, from arrays of the same length of at least 1.

    :param monetary: in 1/10,000
    :param settings: what the percentiles of the score are made with
    """
    days = np.minimum(last_ms, as_of_ms) // DAY_MS
    monetary = np.maximum(monetary, 0.0)
    r, f, m = (distribution.dimension(values) for values in (days, frequency, monetary))
    scores = composite(r.norms(days), f.norms(frequency), m.norms(monetary), settings)
    p25, p75 = distribution.percentiles(np.minimum(scores, 100.0))
    return Distribution(as_of_ms, len(days), r, f, m, p25, p75)


def customer_summaries(
    tenant: Tenant,
    customer_id: str,
    period_type: str | None,
    offer_id: str | None,
    channel_id: str | None,
    limit: int,
) -> tuple[list[Summary], int]:
    """A customer's summaries, the latest period first, and how many there are in all."""
    if period_type not in (None, tenant.period_type):
        return [], 0
    return summaries.of_customer(tenant.id, customer_id, offer_id, channel_id, limit)


def add_summaries(tenant: Tenant, period_type: str, rows: list[Summary]) -> Merged:
    """Insert, replace or (all zero) delete interaction summaries, all or nothing.

    :raises Conflict: when the tenant has summaries of another period type
    """
    staging.stage_summaries(rows)
    return staging.merge(tenant.id, period_type)


def erase_customer(tenant: Tenant, customer_id: str) -> None:
    """Erase a customer's summaries, record and errors for good, whatever runs meanwhile.

    :raises NotFound: when there is nothing of this customer
    """
    if not summaries.erase_customer(tenant.id, customer_id):
        raise NotFound(NO_SUCH_CUSTOMER)


def change_settings(tenant: Tenant, changes: dict[str, Any]) -> Tenant:
    """Change some settings: the names of :class:`ScoreSettings`, and ``currency``. Stored scores
    change with their next computation. Returns the tenant as it is then.

    :raises Invalid: naming each setting that is out of its range
    """
    scores = {name: value for name, value in changes.items() if name != "currency"}
    with tenants.locked(tenant.id):
        # As they are now: two who each change one setting must not undo each other's.
        tenant = tenants.tenant_by_id(tenant.id)
        currency = changes.get("currency", tenant.currency)
        if not re.fullmatch("[A-Z]{3}", currency):
            raise Invalid("currency: Must be three capital letters of ISO 4217, such as USD.")
        tenants.save_settings(tenant.id, changed_settings(tenant, scores), currency)
    return tenants.tenant_by_id(tenant.id)


def changed_settings(tenant: Tenant, changes: dict[str, Any]) -> ScoreSettings:
    """The tenant's settings with changes; nothing is stored.

    :raises Invalid: naming each setting that is out of its range
    """
    settings = replace(tenant.settings, **changes)
    problems = settings.problems()
    if problems:
        raise Invalid(" ".join(f"{name}: {text}" for name, text in problems.items()))
    return settings


def _purchases(page: list[tuple]) -> np.ndarray:
    """Of a page of the stream: number of days with conversions, the first, the last, value."""
    day_of = summaries.day_of
    found = [(days, day_of(first), day_of(last), value) for *_, days, first, last, value in page]
    buyers = np.array(found, dtype=np.float64)
    return buyers[~np.isnan(buyers).any(axis=1)]


def _prediction(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, parameters: Parameters | None
) -> Prediction | None:
    check(totals)
    predictions = calibrated.predict([totals], settings, as_of_ms, parameters)
    return None if predictions is None else predictions[0]


def _totals(tenant: Tenant, customer_id: str) -> Totals:
    with_purchases = tenant.settings.model != "rfm"
    totals = summaries.totals(tenant.id, customer_id, with_purchases)
    if totals is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return totals


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
