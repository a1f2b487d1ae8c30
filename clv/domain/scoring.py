"""The scores of a customer: what goes in, what comes out, and the scoring between them, by
:mod:`clv.domain.formulas`.

Pure: nothing here reads the clock or a database. Units are those of :mod:`clv.domain.units`. Days
are whole calendar days in the tenant's time zone, so that all computations on one such day agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clv.domain.distribution import Distribution, dimension, percentiles
from clv.domain.formulas import (
    churn_probability,
    composite,
    predicted_revenue,
    recency_days,
    segment,
)
from clv.domain.settings import ScoreSettings
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import Unscorable

SEGMENTS = ("high", "medium", "low", "at_risk")
# Raise it whenever the same data would give other scores.
FORMULA_VERSION = 2
# What predicted revenue and what predicted churn: models with their versions. A record stores the
# index: append only.
MODELS = (
    ("rfm/1", "rfm/1"),
    ("calibrated/1", "calibrated/1"),
    ("calibrated/2", "calibrated/2"),
    ("calibrated/2", "rfm/1"),
    ("rfm/1", "calibrated/2"),
)
# The pairs as text: one model for both as it is, else that of revenue first.
VERSIONED_MODELS = tuple(
    revenue if revenue == churn else f"{revenue}; churn {churn}" for revenue, churn in MODELS
)
RFM = 0
# What a record says that a newer version has stored, which runs beside this one during a deploy.
UNKNOWN_MODEL = "unknown/0"
ANSWERED_MODELS = (*VERSIONED_MODELS, UNKNOWN_MODEL)


class Predictor(NamedTuple):
    """A model, and its version."""

    name: str
    version: int


class Prediction(NamedTuple):
    """What the calibrated model predicts for one customer.

    :param revenue: over the lifespan, in 1/10,000; None where rfm predicts it
    :param churn: a probability; None where rfm predicts it
    :param model: the index in :data:`MODELS` of what predicts the two
    """

    revenue: int | None
    churn: float | None
    model: int


_BY_RFM = Prediction(None, None, RFM)


class Purchases(NamedTuple):
    """One customer's conversion days, from daily summaries.

    :param keys: their keys, joined by commas, in any order and perhaps more than once; at least one
    :param value: Σ totalValue on these days, net of corrections, in 1/10,000
    """

    keys: str
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
    :param purchases: None without a conversion, and where no calibrated model is in use
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
    :param model: index in :data:`MODELS` of what predicted revenue and churn
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
        """What predicted, as text: ``calibrated/2``, or ``calibrated/2; churn rfm/1`` if not the
        same model predicted both."""
        return VERSIONED_MODELS[self.model] if self._is_known else UNKNOWN_MODEL

    @property
    def revenue_by(self) -> Predictor:
        """What predicted the revenue."""
        return _predictor(MODELS[self.model][0] if self._is_known else UNKNOWN_MODEL)

    @property
    def churn_by(self) -> Predictor:
        """What predicted churn."""
        return _predictor(MODELS[self.model][1] if self._is_known else UNKNOWN_MODEL)

    @property
    def _is_known(self) -> bool:
        return self.model < len(MODELS)

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
    :param prediction: of the calibrated model; None for rfm
    :raises Unscorable: with the reason, if a total is missing or out of range
    """
    check(totals)
    zone = settings.zone
    last_day = zone.day(min(totals.last_contact_ms, as_of_ms))
    norms = distribution.norms(last_day, totals.frequency, max(0, totals.monetary))
    score = composite(*norms, settings)
    recency = recency_days(totals.last_contact_ms, as_of_ms, zone)
    tenure = recency_days(totals.first_contact_ms, as_of_ms, zone)
    return _scores(totals, score, recency, tenure, distribution, settings, as_of_ms, prediction)


def score_customers(
    customers: Sequence[Totals],
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    predictions: Sequence[Prediction | None] | None = None,
) -> list[Scores]:
    """:func:`score_customer` for many customers that passed :func:`check`: the same results to the
    last bit, in a fraction of the time."""
    last_ms = np.array([totals.last_contact_ms for totals in customers], dtype=np.int64)
    first_ms = np.array([totals.first_contact_ms for totals in customers], dtype=np.int64)
    frequency = np.array([totals.frequency for totals in customers], dtype=np.float64)
    monetary = np.array([totals.monetary for totals in customers], dtype=np.float64)
    zone, today = settings.zone, settings.zone.day(as_of_ms)
    scores = composite(
        distribution.recency.norms(zone.days(np.minimum(last_ms, as_of_ms)).astype(np.float64)),
        distribution.frequency.norms(frequency),
        distribution.monetary.norms(np.maximum(monetary, 0.0)),
        settings,
    )
    columns = (
        scores.tolist(),
        np.maximum(today - zone.days(last_ms), 0).tolist(),
        np.maximum(today - zone.days(first_ms), 0).tolist(),
        predictions or [None] * len(customers),
    )
    return [
        _scores(totals, score, recency, tenure, distribution, settings, as_of_ms, prediction)
        for totals, score, recency, tenure, prediction in zip(customers, *columns, strict=True)
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
    :param settings: give the time zone, and the weights of the scores that P25 and P75 are taken
        from
    """
    days = settings.zone.days(np.minimum(last_ms, as_of_ms))
    monetary = np.maximum(monetary, 0.0)
    r, f, m = (dimension(values) for values in (days, frequency, monetary))
    scores = composite(r.norms(days), f.norms(frequency), m.norms(monetary), settings)
    p25, p75 = percentiles(np.minimum(scores, 100.0))
    return Distribution(as_of_ms, len(days), r, f, m, p25, p75)


def _predictor(versioned: str) -> Predictor:
    name, _, version = versioned.partition("/")
    return Predictor(name, int(version))


def _scores(
    totals: Totals,
    score: float,
    recency: int,
    tenure: int,
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None,
) -> Scores:
    # Weights may sum to a little more than 1 in binary.
    score = min(score, 100.0)
    name = segment(recency, totals.frequency, score, distribution.p25, distribution.p75, settings)
    revenue, churn, model = prediction or _BY_RFM
    if revenue is None:
        revenue = predicted_revenue(totals.monetary, tenure, settings)
    if churn is None:
        churn = churn_probability(recency, settings.at_risk_days)
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
