"""What other settings would change: segments and sums before and after; nothing is stored."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clv import db
from clv.db.clock import now_ms
from clv.domain.distribution import Distribution
from clv.domain.scoring import SEGMENTS, Scores, Totals, distribution_of
from clv.domain.settings import ScoreSettings
from clv.errors import Unavailable
from clv.prediction.calibrated import score_customers
from clv.prediction.choice import Calibration
from clv.services import snapshots
from clv.services.settings import changed_settings
from clv.store import totals
from clv.store.tenants import Tenant

# With more customers, a sample is computed.
MAX_COMPUTED = 50_000
# A fixed seed: the same data give the same answer.
SEED = 20_130_527
# Customers that are scored at once; scores take more memory than what is kept of them.
PAGE_CUSTOMERS = 5_000

# Of one customer: revenue, predicted revenue, revenue at risk.
_Amounts = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Sums:
    """Customers of one segment, and their amounts in 1/10,000; scaled up from a sample."""

    customers: int
    revenue: int
    predicted_revenue: int
    revenue_at_risk: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What some settings make of a tenant's customers; the percentiles are None without any."""

    p25: float | None
    p75: float | None
    segments: dict[str, Sums]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Two outcomes as of one time, of the same customers.

    :param customers: all that the tenant has
    :param computed: how many of them were computed; the others can't be scored, or are not in the
        sample
    :param exact: whether all who can be scored were computed
    """

    as_of_ms: int
    customers: int
    computed: int
    exact: bool
    settings: ScoreSettings
    before: Outcome
    after: Outcome

    @property
    def message(self) -> str | None:
        """What to know about the figures, if there is something."""
        if self.exact:
            return None
        return f"Estimated from {self.computed} of {self.customers} customers."


def simulate(
    tenant: Tenant, changes: Mapping[str, Any], max_computed: int = MAX_COMPUTED
) -> Simulation:
    """Compute the tenant's customers with its own settings and with some of them changed, as a
    batch would now, by the models that serve now, as the last full run fitted them.

    :param changes: names and values of ``ScoreSettings``
    :param max_computed: with more customers, every n-th is computed, from a start that the seed
        and the tenant decide
    :raises Invalid: naming each setting that is out of its range
    :raises Unavailable: when there are more customers by now than were counted
    """
    settings = changed_settings(tenant, changes)
    every = max(1, math.ceil(tenant.customers / max_computed))
    as_of_ms = now_ms()
    with db.within(db.LONG_SECONDS):
        serving = snapshots.serving(tenant)
        customers = _sample(tenant, every, max_computed, serving.fitted is not None)
    return Simulation(
        as_of_ms=as_of_ms,
        customers=tenant.customers,
        computed=len(customers),
        exact=every == 1,
        settings=settings,
        before=outcome(customers, tenant.settings, as_of_ms, every, serving),
        after=outcome(customers, settings, as_of_ms, every, serving),
    )


def outcome(
    customers: Sequence[Totals],
    settings: ScoreSettings,
    as_of_ms: int,
    scale: int = 1,
    serving: Calibration | None = None,
) -> Outcome:
    """What a batch with these settings would make of these customers.

    :param scale: how many customers each of them stands for
    :param serving: what predicts; None for rfm
    """
    if not customers:
        return Outcome(None, None, {name: _sums([], scale) for name in SEGMENTS})
    spread = _distribution(customers, settings, as_of_ms)
    by_segment: dict[str, list[_Amounts]] = {name: [] for name in SEGMENTS}
    for scores in _scored(customers, spread, settings, as_of_ms, serving):
        amounts = (scores.monetary, scores.predicted_revenue, scores.revenue_at_risk)
        by_segment[scores.segment].append(amounts)
    segments = {name: _sums(amounts, scale) for name, amounts in by_segment.items()}
    return Outcome(spread.p25, spread.p75, segments)


def _sample(tenant: Tenant, every: int, most: int, with_purchases: bool) -> Sequence[Totals]:
    first = random.Random(f"{SEED} {tenant.id}").randint(1, every)
    customers = totals.sample_totals(tenant.id, every, first, most + 1, with_purchases)
    if len(customers) > most:
        raise Unavailable("Customers are being added. Try again shortly.")
    return customers


def _distribution(
    customers: Sequence[Totals], settings: ScoreSettings, as_of_ms: int
) -> Distribution:
    columns = zip(*((c.frequency, c.monetary, c.last_contact_ms) for c in customers), strict=True)
    frequency, monetary, last_ms = (np.array(column, dtype=np.float64) for column in columns)
    return distribution_of(frequency, monetary, last_ms, settings, as_of_ms)


def _scored(
    customers: Sequence[Totals],
    spread: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    serving: Calibration | None,
) -> Iterator[Scores]:
    for start in range(0, len(customers), PAGE_CUSTOMERS):
        page = customers[start : start + PAGE_CUSTOMERS]
        yield from score_customers(page, spread, settings, as_of_ms, serving)


def _sums(customers: Sequence[_Amounts], scale: int) -> Sums:
    # fsum rounds once, so the sum does not depend on the order.
    return Sums(
        customers=scale * len(customers),
        revenue=scale * sum(revenue for revenue, _, _ in customers),
        predicted_revenue=scale * sum(predicted for _, predicted, _ in customers),
        revenue_at_risk=scale * math.fsum(at_risk for _, _, at_risk in customers),
    )
