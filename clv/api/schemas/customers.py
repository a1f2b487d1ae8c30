"""Schemas of one customer: scores and their explanation."""

from functools import lru_cache
from json.encoder import encode_basestring_ascii

from marshmallow import fields, validate

from clv.api.schemas.base import (
    Amount,
    Exact,
    Input,
    Money,
    Output,
    Probability,
    Time,
)
from clv.api.schemas.groups import EXPLAINED
from clv.api.schemas.included import Forecast, HorizonDays
from clv.api.schemas.settings import TenantSettings
from clv.domain.calendar import iso
from clv.domain.explanation import DIMENSIONS
from clv.domain.scoring import SEGMENTS, Scores
from clv.domain.settings import MODEL_NAMES

SOURCES = ("cached", "computed", "recomputed")


class Clv(Output):
    """A customer's lifetime value."""

    customer_id = fields.String(required=True, metadata={"example": "CUST-001"})
    clv_score = fields.Integer(
        required=True,
        metadata={"description": "Composite score", "minimum": 0, "maximum": 100, "example": 72},
    )
    predicted_revenue = Amount(
        required=True,
        metadata={
            "description": "Revenue so far, projected at its run rate over the lifespan; by the"
            " calibrated model the revenue to be expected over the lifespan",
            "minimum": 0,
            "example": 1440.0,
        },
    )
    churn_probability = Probability(
        required=True,
        metadata={
            "description": "Probability of churn from recency; by the calibrated model that no"
            " conversion comes within the churn horizon",
            "minimum": 0,
            "maximum": 1,
            "example": 0.119,
        },
    )
    rfm_recency = fields.Integer(
        attribute="recency_days",
        required=True,
        metadata={"description": "Days since the last interaction", "minimum": 0, "example": 5},
    )
    rfm_frequency = fields.Integer(
        attribute="frequency",
        required=True,
        metadata={"description": "Interactions", "minimum": 0, "example": 48},
    )
    rfm_monetary = Amount(
        attribute="monetary",
        required=True,
        metadata={"description": "Total conversion value", "example": 360.0},
    )
    segment = fields.String(
        required=True, validate=validate.OneOf(SEGMENTS), metadata={"example": "high"}
    )
    computed_at = Time(
        attribute="computed_ms", required=True, metadata={"example": "2026-04-03T10:30:00.000Z"}
    )
    source = fields.String(
        required=True, validate=validate.OneOf(SOURCES), metadata={"example": "cached"}
    )


# The JSON of a Clv. Only the id needs escaping; all else are numbers and words of our own.
_CLV = (
    '{"customerId":%s,"clvScore":%d,"predictedRevenue":%r,"churnProbability":%r,"rfmRecency":%d,'
    '"rfmFrequency":%d,"rfmMonetary":%r,"segment":"%s","computedAt":"%s","source":"%s"}\n'
)
# All records of a run have the same time, so few different ones are formatted.
_iso = lru_cache(maxsize=256)(iso)


def clv_json(scores: Scores, source: str) -> str:
    """A :class:`Clv` as JSON, for the single GET.

    In ``tests.bench.get`` the schema and Flask's encoder, which make the same text, take 80 µs more
    of processor time on SQLite and 120 µs on PostgreSQL; a whole GET takes 360 and 520 µs.
    """
    return _CLV % (
        encode_basestring_ascii(scores.customer_id),
        scores.score + 0.5,
        _cents(scores.predicted_revenue),
        _thousandths(scores.churn_probability),
        scores.recency_days,
        scores.frequency,
        _cents(scores.monetary),
        scores.segment,
        _iso(scores.computed_ms),
        source,
    )


def _cents(amount: int) -> float:
    """An amount in 1/10,000, rounded half up (away from zero) to cents: 14,400,050 is 1440.01."""
    cents = (abs(amount) + 50) // 100
    return (cents if amount > 0 else -cents) / 100


def _thousandths(probability: float) -> float:
    """A probability, rounded half up to 3 decimals: 0.0625 is 0.063. ``round`` would round half to
    even; in binary only sixteenths lie exactly halfway between two thousandths."""
    if probability * 16 % 1:
        return round(probability, 3)
    return int(probability * 1000 + 0.5) / 1000


class Contribution(Output):
    """What one dimension adds to the score."""

    dimension = fields.String(required=True, validate=validate.OneOf(DIMENSIONS))
    value = Money(
        attribute="value_in_units",
        required=True,
        metadata={"description": "Days since the last contact, interactions, or money"},
    )
    norm = Exact(
        required=True,
        metadata={
            "description": "Customers who are worse, of those who are worse or better",
            "minimum": 0,
            "maximum": 1,
        },
    )
    weight = Exact(required=True)
    points = Exact(required=True, metadata={"description": "100 · weight · norm"})


class Thresholds(Output):
    """Where the segments begin."""

    p25 = Exact(required=True)
    p75 = Exact(required=True)
    at_risk_days = fields.Integer(attribute="settings.at_risk_days", required=True)


class ModelParameters(Output):
    """What was fitted to the tenant's history: BG/NBD (r, alpha, a, b; times in days) and
    Gamma-Gamma (p, q, v; v in the tenant's currency)."""

    r = Exact(required=True)
    alpha = Exact(required=True)
    a = Exact(required=True)
    b = Exact(required=True)
    p = Exact(required=True)
    q = Exact(required=True)
    v = Exact(required=True)


class RevenueInterval(Output):
    """Between which amounts one customer's revenue over the lifespan lies with a probability."""

    level = Probability(required=True, metadata={"description": "The probability", "example": 0.8})
    low = Amount(required=True)
    high = Amount(required=True)
    coverage = Probability(
        required=True,
        allow_none=True,
        metadata={
            "description": "In the backtest, share of the customers whose revenue was in it",
            "example": 0.81,
        },
    )
    note = fields.String(required=True, metadata={"description": "Why not to add it up"})


class Computed(Output):
    """What a computation gives now."""

    clv_score = fields.Integer(required=True)
    score = Exact(required=True, metadata={"description": "Unrounded"})
    segment = fields.String(required=True, validate=validate.OneOf(SEGMENTS))
    predicted_revenue = Amount(required=True)
    churn_probability = Probability(required=True)
    rfm_recency = fields.Integer(attribute="recency_days", required=True)
    rfm_frequency = fields.Integer(attribute="frequency", required=True)
    rfm_monetary = Amount(attribute="monetary", required=True)
    as_of = Time(attribute="computed_ms", required=True)


def _predictor(prediction: str) -> tuple[fields.String, fields.Integer, fields.String]:
    """A model, its version, and why it serves."""
    by = f"scores.{prediction}_by"
    name = fields.String(
        attribute=f"{by}.name",
        required=True,
        validate=validate.OneOf((*MODEL_NAMES, "unknown")),
        metadata={"description": f"What predicted {prediction}; unknown: a newer version"},
    )
    version = fields.Integer(attribute=f"{by}.version", required=True)
    why = {"description": "Why this model serves"}
    return (
        name,
        version,
        fields.String(attribute=f"serving.{prediction}.reason", required=True, metadata=why),
    )


class ExplanationQuery(Input):
    """Which forecasts an explanation has."""

    horizon_days = HorizonDays("Without it, 90 and 365 days and the lifespan")


class Explanation(Output):
    """Why a customer's score is what it is. Scores and points are unrounded."""

    class Meta(Output.Meta):
        include = EXPLAINED

    customer_id = fields.String(attribute="scores.customer_id", required=True)
    score = Exact(
        attribute="scores.score",
        required=True,
        metadata={"description": "The record's: the sum of the points"},
    )
    clv_score = fields.Integer(attribute="scores.clv_score", required=True)
    segment = fields.String(
        attribute="scores.segment", required=True, validate=validate.OneOf(SEGMENTS)
    )
    reason = fields.String(
        attribute="explanation.reason",
        required=True,
        metadata={"description": "Why this segment"},
    )
    contributions = fields.List(
        fields.Nested(Contribution), attribute="explanation.contributions", required=True
    )
    corrections = Amount(
        required=True,
        metadata={
            "description": "The sum of the corrections (refunds) now, which the monetary value"
            " contains; 0 without any",
            "example": -20.0,
        },
    )
    thresholds = fields.Nested(Thresholds, attribute="explanation", required=True)
    days_until_at_risk = fields.Integer(
        attribute="explanation.days_until_at_risk",
        required=True,
        allow_none=True,
        metadata={"description": "At silence since asOf; null without any interaction"},
    )
    as_of = Time(
        attribute="scores.computed_ms",
        required=True,
        metadata={"description": "The record's computedAt"},
    )
    would_change = fields.Nested(
        Computed,
        required=True,
        allow_none=True,
        metadata={
            "description": "What a computation gives now, if it differs: for new summaries, other"
            " customers, other settings or another day; else null"
        },
    )
    message = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "What to know about the explanation: that there is no stored record,"
            " that what it was computed with is no longer kept (the contributions are by the"
            " current distribution then), or that a computation would fail now"
        },
    )
    settings = fields.Nested(TenantSettings, required=True)
    formula_version = fields.Integer(required=True, metadata={"description": "Of the score"})
    model, model_version, model_reason = _predictor("revenue")
    churn_model, churn_model_version, churn_model_reason = _predictor("churn")
    parameters = fields.Nested(
        ModelParameters,
        required=True,
        allow_none=True,
        metadata={"description": "Of the calibrated model, as the last full run fitted it"},
    )
    predicted_revenue = Amount(attribute="scores.predicted_revenue", required=True)
    churn_probability = Probability(attribute="scores.churn_probability", required=True)
    predicted_revenue_interval = fields.Nested(
        RevenueInterval,
        attribute="interval",
        required=True,
        allow_none=True,
        metadata={
            "description": "By the calibrated model, of who has had a conversion; null when the"
            " summaries have changed since"
        },
    )
    forecasts = fields.List(
        fields.Nested(Forecast),
        required=True,
        metadata={
            "description": "From asOf on, of the summaries and by the settings and the model as"
            " they are now: for 90 and 365 days and the lifespan, or for the horizon asked for"
        },
    )
