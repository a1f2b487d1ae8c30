"""The scores of one customer: pure arithmetic on totals, a distribution, settings and a time.

Amounts are integers of 1/10,000 of the tenant's currency, times are integers of milliseconds
since 1970-01-01 UTC, and a day is such a time divided by 86,400,000: whole UTC calendar days, so
that all computations of one UTC day agree. No function reads the clock.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from clv.domain.settings import ScoreSettings
from clv.domain.units import (
    DAY_MS,
    MAX_STORED_INTEGER,
    MONTH_DAYS_DENOMINATOR,
    MONTH_DAYS_NUMERATOR,
)
from clv.errors import Unscorable

# At the at-risk threshold the churn probability is 0.5; with 30 days, 5 days give 0.119.
CHURN_STEEPNESS = 2.4
SEGMENTS = ("high", "medium", "low", "at_risk")
# Whenever the same data would give other scores, the score's formula gets another version.
FORMULA_VERSION = 1
# The models that predict revenue and churn, with their versions, by the number that is stored with
# a record: new ones only at the end.
MODELS = ("rfm/1", "calibrated/1")
RFM, CALIBRATED = range(2)


class Prediction(NamedTuple):
    """What a model predicts of one customer.

    :param revenue: over the lifespan, in 1/10,000
    :param churn: a probability
    :param model: its number of :data:`MODELS`
    """

    revenue: int
    churn: float
    model: int


class Purchases(NamedTuple):
    """One customer's days with conversions, of daily summaries; days since 1970.

    :param days: how many
    :param value: Σ totalValue on these days in 1/10,000
    """

    days: int
    first_day: int
    last_day: int
    value: int


@dataclass(frozen=True, slots=True)
class Totals:
    """One customer's interaction summaries, summed up.

    :param frequency: Σ impressions
    :param monetary: Σ totalValue in 1/10,000, negative after more refunds than sales
    :param first_contact_ms: earliest contact
    :param last_contact_ms: latest contact
    :param purchases: None without any, and wherever no calibrated model asked for them
    """

    customer_id: str
    frequency: int
    monetary: int
    first_contact_ms: int
    last_contact_ms: int
    purchases: Purchases | None = None


class Scores(NamedTuple):
    """One customer's scores: ``score`` and ``churn_probability`` unrounded, money in 1/10,000. A
    tuple, because a batch makes a million of them, and each read of a record one.

    :param tenure_days: whole UTC calendar days since the first contact
    :param model: the number of what predicted revenue and churn, of :data:`MODELS`
    """

    customer_id: str
    score: float
    predicted_revenue: int
    churn_probability: float
    recency_days: int
    frequency: int
    monetary: int
    segment: str
    computed_ms: int
    tenure_days: int
    model: int = RFM

    @property
    def clv_score(self) -> int:
        """The score as it is shown."""
        return rounded(self.score)

    @property
    def versioned_model(self) -> str:
        """The entry of :data:`MODELS` that predicted."""
        return MODELS[self.model]

    @property
    def revenue_at_risk(self) -> float:
        """Predicted revenue × churn probability, in 1/10,000."""
        return self.predicted_revenue * self.churn_probability


def rounded(score: float) -> int:
    """A score rounded half up: 71.5 is 72."""
    return int(score + 0.5)


class Dimension(Protocol):
    """Where values stand among the tenant's customers: 0 is the worst, 1 the best."""

    def norms(self, values: np.ndarray) -> np.ndarray: ...


class Norms(Protocol):
    """A tenant's distribution: its dimensions, and the percentiles of the score."""

    @property
    def recency(self) -> Dimension: ...
    @property
    def frequency(self) -> Dimension: ...
    @property
    def monetary(self) -> Dimension: ...
    @property
    def p25(self) -> float: ...
    @property
    def p75(self) -> float: ...
    def norms(self, day: int, frequency: int, monetary: int) -> tuple[float, float, float]: ...


def score_customer(
    totals: Totals,
    distribution: Norms,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None = None,
) -> Scores:
    """All scores of one customer.

    :param distribution: the tenant's snapshot
    :param as_of_ms: the time as of which days are counted; it becomes ``computed_ms``
    :param prediction: another model's; None for rfm
    :raises Unscorable: with the reason, where a total is missing or out of its range
    """
    check(totals)
    last_day = min(totals.last_contact_ms, as_of_ms) // DAY_MS
    norms = distribution.norms(last_day, totals.frequency, max(0, totals.monetary))
    score = composite(*norms, settings)
    return _scores(totals, score, distribution, settings, as_of_ms, prediction)


def score_customers(
    customers: Sequence[Totals],
    distribution: Norms,
    settings: ScoreSettings,
    as_of_ms: int,
    predictions: Sequence[Prediction | None] | None = None,
) -> list[Scores]:
    """:func:`score_customer` of many who passed :func:`check`, bit by bit the same, and in a
    fraction of the time."""
    last_ms = np.array([totals.last_contact_ms for totals in customers], dtype=np.float64)
    frequency = np.array([totals.frequency for totals in customers], dtype=np.float64)
    monetary = np.array([totals.monetary for totals in customers], dtype=np.float64)
    scores = composite(
        distribution.recency.norms(np.minimum(last_ms, as_of_ms) // DAY_MS),
        distribution.frequency.norms(frequency),
        distribution.monetary.norms(np.maximum(monetary, 0.0)),
        settings,
    )
    predictions = predictions or [None] * len(customers)
    return [
        _scores(totals, score, distribution, settings, as_of_ms, prediction)
        for totals, score, prediction in zip(customers, scores.tolist(), predictions, strict=True)
    ]


def check(totals: Totals) -> None:
    """
    :raises Unscorable: with the reason, where a total is missing or out of its range
    """
    if totals.first_contact_ms is None or totals.last_contact_ms is None:
        raise Unscorable("A contact time is missing in the interaction summaries.")
    if totals.frequency < 0:
        raise Unscorable("A count in the interaction summaries is negative.")
    if totals.frequency > MAX_STORED_INTEGER or abs(totals.monetary) > MAX_STORED_INTEGER:
        raise Unscorable("The sum of the interaction summaries is too large.")


def recency_days(last_contact_ms: int, as_of_ms: int) -> int:
    """R: whole UTC calendar days from the last contact to ``as_of_ms``, never negative."""
    return max(0, as_of_ms // DAY_MS - last_contact_ms // DAY_MS)


def composite(recency: Any, frequency: Any, monetary: Any, settings: ScoreSettings) -> Any:
    """s = 100 · (w_R·normR + w_F·normF + w_M·normM), for floats and for numpy arrays alike.

    One expression serves the single score and the percentiles of all, so that both round alike
    and a tie stays a tie. Norms of 1, 0.5 and 0 give 100 · (0.35 + 0.175) = 52.5.
    """
    return 100.0 * (
        settings.weight_recency * recency
        + settings.weight_frequency * frequency
        + settings.weight_monetary * monetary
    )


def segment(
    recency: int, frequency: int, score: float, p25: float, p75: float, settings: ScoreSettings
) -> str:
    """The first that matches: at_risk, high, medium, low.

    at_risk if R ≥ D and F > 0; high if s ≥ P75 and s > P25; medium if s ≥ P25; else low. A tenant
    of one customer, or of equals, is medium.
    """
    if recency >= settings.at_risk_days and frequency > 0:
        return "at_risk"
    if score >= p75 and score > p25:
        return "high"
    return "medium" if score >= p25 else "low"


def churn_probability(recency: int, at_risk_days: int) -> float:
    """1 / (1 + e^(−2.4·(R − D)/D)), R and D in days: 5 days of 30 give 0.119, 30 give 0.5."""
    return 1.0 / (1.0 + math.exp(-CHURN_STEEPNESS * (recency - at_risk_days) / at_risk_days))


def predicted_revenue(monetary: int, tenure_days: int, settings: ScoreSettings) -> int:
    """max(0, M) / max(tenureMonths, shortest) · lifespan: a run rate, not a forecast.

    360 earned in up to 6 months projects to 1440 over 24. In integers of 1/10,000, cut off (not
    rounded) there, so that rounding to cents afterwards rounds only once.
    """
    months_scaled = max(
        max(0, tenure_days) * MONTH_DAYS_DENOMINATOR,
        settings.min_tenure_months * MONTH_DAYS_NUMERATOR,
    )
    value = max(0, monetary) * settings.lifespan_months * MONTH_DAYS_NUMERATOR // months_scaled
    return min(value, MAX_STORED_INTEGER)


def _scores(
    totals: Totals,
    score: float,
    distribution: Norms,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None,
) -> Scores:
    recency = recency_days(totals.last_contact_ms, as_of_ms)
    tenure = max(0, as_of_ms // DAY_MS - totals.first_contact_ms // DAY_MS)
    score = min(score, 100.0)
    # Not a Prediction of our own: it would cost as much as what it holds.
    revenue, churn, model = prediction or (
        predicted_revenue(totals.monetary, tenure, settings),
        churn_probability(recency, settings.at_risk_days),
        RFM,
    )
    return Scores(
        customer_id=totals.customer_id,
        score=score,
        predicted_revenue=revenue,
        churn_probability=churn,
        recency_days=recency,
        frequency=totals.frequency,
        monetary=totals.monetary,
        segment=segment(
            recency, totals.frequency, score, distribution.p25, distribution.p75, settings
        ),
        computed_ms=as_of_ms,
        tenure_days=tenure,
        model=model,
    )
