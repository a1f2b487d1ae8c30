"""The scores of a customer: the formulas first, then their input and output, then the scoring.

Pure: nothing here reads the clock or a database. Units are those of :mod:`clv.domain.units`. Days
are whole UTC calendar days, so that all computations on one UTC day agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from clv.domain.distribution import Distribution, dimension, percentiles
from clv.domain.settings import ScoreSettings
from clv.domain.units import (
    DAY_MS,
    MAX_STORED_INTEGER,
    MONTH_DAYS_DENOMINATOR,
    MONTH_DAYS_NUMERATOR,
)
from clv.errors import Unscorable

SEGMENTS = ("high", "medium", "low", "at_risk")
# Slope of the churn curve: with 30 at-risk days, 5 days without contact give 0.119.
CHURN_STEEPNESS = 2.4
# Raise it whenever the same data would give other scores.
FORMULA_VERSION = 2
# The prediction models with their versions. A record stores the index: append only.
MODELS = ("rfm/1", "calibrated/1")
RFM, CALIBRATED = range(2)


def segment(
    recency: int, frequency: int, score: float, p25: float, p75: float, settings: ScoreSettings
) -> str:
    """The first segment that matches:

    - at_risk: R ≥ at_risk_days and F > 0
    - high: s ≥ P75 and s > P25
    - medium: s ≥ P25
    - low: the others

    Without an interaction nobody is at risk. If all customers are equal, or there is only one,
    then s = P25 = P75: medium. 30 days without contact are at_risk with 30 at-risk days, 29 are
    not.
    """
    if recency >= settings.at_risk_days and frequency > 0:
        return "at_risk"
    if score >= p75 and score > p25:
        return "high"
    return "medium" if score >= p25 else "low"


def recency_days(last_contact_ms: int, as_of_ms: int) -> int:
    """R: calendar days since the last contact; 0 if that is in the future.

    From 23:59:59.999 to midnight is 1 day, from midnight to 23:59:59.999 is 0 days.
    """
    return max(0, as_of_ms // DAY_MS - last_contact_ms // DAY_MS)


def composite(recency: Any, frequency: Any, monetary: Any, settings: ScoreSettings) -> Any:
    """s = 100 · (w_R·norm_R + w_F·norm_F + w_M·norm_M), of floats or of numpy arrays.

    Norms are from 0 to 1, and so s is from 0 to 100. Norms of 1, 0.5 and 0 give
    100 · (0.35 + 0.175) = 52.5. A single score and the percentiles of all use this same expression:
    both round alike, and a tie stays a tie.
    """
    return 100.0 * (
        settings.weight_recency * recency
        + settings.weight_frequency * frequency
        + settings.weight_monetary * monetary
    )


def churn_probability(recency: int, at_risk_days: int) -> float:
    """Logistic curve 1 / (1 + e^(−2.4·(R − D)/D)), with R and D in days.

    At R = D it is 0.5; with D = 30, 5 days give 0.119 and 60 days 0.917.
    """
    return 1.0 / (1.0 + math.exp(-CHURN_STEEPNESS * (recency - at_risk_days) / at_risk_days))


def predicted_revenue(monetary: int, tenure_days: int, settings: ScoreSettings) -> int:
    """Run rate: max(0, M) / max(tenure, min_tenure) · lifespan, in months of 30.4375 days.

    An amount of 360.00 earned in up to 6 months gives 1,440.00 over 24 months. All in integers of
    1/10,000 and truncated, so that rounding to cents happens only once, at the edge. At most
    ``MAX_STORED_INTEGER``.
    """
    months_scaled = max(
        max(0, tenure_days) * MONTH_DAYS_DENOMINATOR,
        settings.min_tenure_months * MONTH_DAYS_NUMERATOR,
    )
    value = max(0, monetary) * settings.lifespan_months * MONTH_DAYS_NUMERATOR // months_scaled
    return min(value, MAX_STORED_INTEGER)


class Prediction(NamedTuple):
    """What a model predicts for one customer.

    :param revenue: over the lifespan, in 1/10,000
    :param churn: a probability
    :param model: its index in :data:`MODELS`
    """

    revenue: int
    churn: float
    model: int


class Purchases(NamedTuple):
    """One customer's days with conversions, from daily summaries; days since 1970.

    :param days: number of days with a conversion
    :param value: Σ totalValue on these days, net of corrections, in 1/10,000
    """

    days: int
    first_day: int
    last_day: int
    value: int


@dataclass(frozen=True, slots=True)
class Totals:
    """One customer's interaction summaries, summed up.

    A row with neither impressions nor converts is a correction and counts in M alone; a customer
    who has nothing else has its contact times.

    :param frequency: F = Σ impressions
    :param monetary: M = Σ totalValue in 1/10,000; negative if refunds exceed sales
    :param first_contact_ms: earliest contact
    :param last_contact_ms: latest contact
    :param purchases: None without a conversion, and when no calibrated model is in use
    """

    customer_id: str
    frequency: int
    monetary: int
    first_contact_ms: int
    last_contact_ms: int
    purchases: Purchases | None = None


class Scores(NamedTuple):
    """One customer's scores; score and churn probability are unrounded, money is in 1/10,000.

    A tuple, because a batch makes a million of them and each read of a record makes one.

    :param tenure_days: calendar days since the first contact
    :param model: index in :data:`MODELS` of the model that predicted revenue and churn
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


def score_customer(
    totals: Totals,
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None = None,
) -> Scores:
    """All scores of one customer.

    :param distribution: of the tenant's customers
    :param as_of_ms: the time that days are counted to; becomes ``computed_ms``
    :param prediction: of another model; None for rfm
    :raises Unscorable: with the reason, if a total is missing or out of range
    """
    check(totals)
    last_day = min(totals.last_contact_ms, as_of_ms) // DAY_MS
    norms = distribution.norms(last_day, totals.frequency, max(0, totals.monetary))
    score = composite(*norms, settings)
    return _scores(totals, score, distribution, settings, as_of_ms, prediction)


def score_customers(
    customers: Sequence[Totals],
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    predictions: Sequence[Prediction | None] | None = None,
) -> list[Scores]:
    """:func:`score_customer` for many customers that passed :func:`check`: the same results to the
    last bit, in a fraction of the time."""
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
    """Check that a customer can be scored.

    :raises Unscorable: with the reason, if a total is missing or out of range
    """
    if totals.first_contact_ms is None or totals.last_contact_ms is None:
        raise Unscorable("A contact time is missing in the interaction summaries.")
    if totals.frequency < 0:
        raise Unscorable("A count in the interaction summaries is negative.")
    if totals.frequency > MAX_STORED_INTEGER or abs(totals.monetary) > MAX_STORED_INTEGER:
        raise Unscorable("The sum of the interaction summaries is too large.")


def distribution_of(
    frequency: np.ndarray,
    monetary: np.ndarray,
    last_ms: np.ndarray,
    settings: ScoreSettings,
    as_of_ms: int,
) -> Distribution:
    """The distribution of at least one customer, from arrays with one value per customer.

    :param monetary: in 1/10,000
    :param settings: give the weights of the scores that P25 and P75 are taken from
    """
    days = np.minimum(last_ms, as_of_ms) // DAY_MS
    monetary = np.maximum(monetary, 0.0)
    r, f, m = (dimension(values) for values in (days, frequency, monetary))
    scores = composite(r.norms(days), f.norms(frequency), m.norms(monetary), settings)
    p25, p75 = percentiles(np.minimum(scores, 100.0))
    return Distribution(as_of_ms, len(days), r, f, m, p25, p75)


def _scores(
    totals: Totals,
    score: float,
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None,
) -> Scores:
    recency = recency_days(totals.last_contact_ms, as_of_ms)
    tenure = max(0, as_of_ms // DAY_MS - totals.first_contact_ms // DAY_MS)
    # Weights may sum to a little more than 1 in binary.
    score = min(score, 100.0)
    name = segment(recency, totals.frequency, score, distribution.p25, distribution.p75, settings)
    revenue, churn, model = prediction or _rfm(totals.monetary, recency, tenure, settings)
    return Scores(
        customer_id=totals.customer_id,
        score=score,
        predicted_revenue=revenue,
        churn_probability=churn,
        recency_days=recency,
        frequency=totals.frequency,
        monetary=totals.monetary,
        segment=name,
        computed_ms=as_of_ms,
        tenure_days=tenure,
        model=model,
    )


def _rfm(
    monetary: int, recency: int, tenure: int, settings: ScoreSettings
) -> tuple[int, float, int]:
    # A plain tuple: making a Prediction would cost as much as computing it.
    revenue = predicted_revenue(monetary, tenure, settings)
    return revenue, churn_probability(recency, settings.at_risk_days), RFM
