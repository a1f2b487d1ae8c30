"""Schemas of what a tenant's scores say: the summary, its history, and how customers moved."""

from typing import Any

from marshmallow import fields, validate

from clv.api.schemas.base import (
    Amount,
    Exact,
    Output,
    PageQuery,
    Pagination,
    Probability,
    Time,
    TimeInQuery,
    Word,
)
from clv.api.schemas.groups import ABOUT_GRID, Group, RfmCell, RfmGroups, SegmentGroups, about
from clv.domain import activity
from clv.domain.overview import BINS, NEW_DAYS
from clv.domain.scoring import SEGMENTS
from clv.domain.settings import MODEL_NAMES
from clv.prediction.choice import PREDICTIONS
from clv.services.insights import MODEL_CHANGES


class Bin(Output):
    """The customers with a score from ``from`` up to, but not including, ``to``."""

    start = fields.Integer(required=True, data_key="from")
    end = fields.Integer(
        data_key="to",
        required=True,
        metadata={"description": "The last bin includes 100", "example": 5},
    )
    customers = fields.Integer(required=True)


class AtRiskSuggestion(Output):
    """At-risk days from the tenant's own data."""

    at_risk_days = fields.Integer(
        attribute="days",
        required=True,
        metadata={"description": "90 % of the returning customers come back within so many days"},
    )
    share_at_risk_now = Probability(
        attribute="share_now",
        required=True,
        metadata={
            "description": "Of the customers with interactions, those at risk",
            "minimum": 0,
            "maximum": 1,
        },
    )
    share_at_risk_then = Probability(
        attribute="share_then",
        required=True,
        metadata={"description": "The same with the suggested days", "minimum": 0, "maximum": 1},
    )


def _of_overview(attribute: str) -> dict[str, Any]:
    """What a field takes of a summary's overview; null while there is none."""
    return {
        "attribute": f"overview.{attribute}",
        "dump_default": None,
        "required": True,
        "allow_none": True,
    }


class ClvSummary(Output):
    """A tenant's customers as of the last finished run; null where there was none."""

    customers = fields.Integer(
        attribute="listed_customers",
        required=True,
        metadata={"description": "With scores; before the first run: with summaries"},
    )
    mean_score = Exact(**_of_overview("everyone.mean_score"))
    revenue = Amount(**_of_overview("everyone.revenue"), metadata={"description": "To date"})
    predicted_revenue = Amount(**_of_overview("everyone.predicted_revenue"))
    revenue_at_risk = Amount(
        **_of_overview("everyone.revenue_at_risk"),
        metadata={"description": "Σ predicted revenue × churn probability"},
    )
    segments = fields.Nested(SegmentGroups, **_of_overview("segments"))
    new_customers = fields.Nested(
        Group,
        **_of_overview("new"),
        metadata={"description": f"First contact less than {NEW_DAYS} days ago"},
    )
    slipping = fields.Nested(Group, **_of_overview("slipping"), metadata=about(activity.SLIPPING))
    lost = fields.Nested(Group, **_of_overview("lost"), metadata=about(activity.LOST))
    rfm_groups = fields.Nested(RfmGroups, **_of_overview("rfm_groups"))
    rfm_grid = fields.List(
        fields.Nested(RfmCell), **_of_overview("rfm_grid"), metadata={"description": ABOUT_GRID}
    )
    p25 = Exact(**_of_overview("p25"), metadata={"description": "25th percentile of the score"})
    p75 = Exact(**_of_overview("p75"), metadata={"description": "75th percentile of the score"})
    histogram = fields.List(
        fields.Nested(Bin), **_of_overview("bins"), validate=validate.Length(equal=BINS)
    )
    customers_without_interaction = fields.Integer(**_of_overview("silent"))
    suggestion = fields.Nested(
        AtRiskSuggestion,
        **_of_overview("suggestion"),
        metadata={"description": "Null when nobody has come back on another day"},
    )
    model = fields.String(
        **_of_overview("model"),
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": "What predicted revenue in that run"},
    )
    model_reason = fields.String(
        **_of_overview("model_reason"), metadata={"description": "Why this model served"}
    )
    model_since = Time(
        **_of_overview("model_since_ms"),
        metadata={"description": "The full run since which it serves; null: unknown"},
    )
    churn_model = fields.String(
        **_of_overview("churn_model"),
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": "What predicted churn in that run"},
    )
    churn_model_reason = fields.String(
        **_of_overview("churn_model_reason"), metadata={"description": "Why this model served"}
    )
    churn_model_since = Time(
        **_of_overview("churn_model_since_ms"),
        metadata={"description": "The full run since which it serves; null: unknown"},
    )
    currency = fields.String(required=True, metadata={"example": "USD"})
    as_of = Time(**_of_overview("as_of_ms"), metadata={"description": "The run's time"})
    job_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "The run, which may have been one of a segment"},
    )
    data_updated_at = Time(
        attribute="data_updated_ms",
        required=True,
        allow_none=True,
        metadata={"description": "When an upload or an erasure changed something last"},
    )
    last_full_run_at = Time(
        attribute="last_full_run_ms",
        required=True,
        allow_none=True,
        metadata={"description": "The time as of which the last full run computed"},
    )
    stale = fields.Boolean(
        required=True,
        metadata={"description": "The last full run is older than 36 hours, or than the data"},
    )
    settings_changed = fields.Boolean(data_key="settingsChangedSinceLastRun", required=True)
    message = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What to know about the figures, if there is something"},
    )


class SummaryPoint(Output):
    """What a finished full run found."""

    job_id = fields.UUID(attribute="run.job_id", required=True)
    as_of = Time(attribute="overview.as_of_ms", required=True)
    finished_at = Time(attribute="run.finished_ms", required=True)
    customers = fields.Integer(attribute="overview.everyone.customers", required=True)
    mean_score = Exact(attribute="overview.everyone.mean_score", required=True, allow_none=True)
    revenue = Amount(attribute="overview.everyone.revenue", required=True)
    predicted_revenue = Amount(attribute="overview.everyone.predicted_revenue", required=True)
    revenue_at_risk = Amount(attribute="overview.everyone.revenue_at_risk", required=True)
    segments = fields.Nested(SegmentGroups, attribute="overview.segments", required=True)
    new_customers = fields.Nested(Group, attribute="overview.new", required=True)
    slipping = fields.Nested(
        Group,
        attribute="overview.slipping",
        required=True,
        allow_none=True,
        metadata=about(activity.SLIPPING),
    )
    lost = fields.Nested(
        Group,
        attribute="overview.lost",
        required=True,
        allow_none=True,
        metadata=about(activity.LOST),
    )
    rfm_groups = fields.Nested(
        RfmGroups, attribute="overview.rfm_groups", required=True, allow_none=True
    )
    rfm_grid = fields.List(
        fields.Nested(RfmCell),
        attribute="overview.rfm_grid",
        required=True,
        allow_none=True,
        metadata={"description": ABOUT_GRID},
    )
    p25 = Exact(attribute="overview.p25", required=True, allow_none=True)
    p75 = Exact(attribute="overview.p75", required=True, allow_none=True)
    model = fields.String(
        attribute="overview.model",
        required=True,
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": "What predicted revenue"},
    )
    churn_model = fields.String(
        attribute="overview.churn_model", required=True, validate=validate.OneOf(MODEL_NAMES)
    )


class SummaryHistory(Output):
    """Full runs, newest first."""

    data = fields.List(fields.Nested(SummaryPoint), required=True)
    pagination = fields.Nested(Pagination, required=True)


class ScoreChange(Output):
    """A customer's score when it had moved, or the segment changed."""

    at = Time(
        attribute="at_ms",
        required=True,
        metadata={"description": "The computedAt of these scores"},
    )
    clv_score = fields.Integer(required=True, metadata={"minimum": 0, "maximum": 100})
    score = Exact(required=True, metadata={"description": "Unrounded"})
    segment = fields.String(required=True, validate=validate.OneOf(SEGMENTS))
    previous_segment = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(SEGMENTS),
        metadata={
            "description": "Until then; the same if only the score had moved; null in the"
            " customer's first row"
        },
    )


class ScoreHistory(Output):
    """How a customer's scores moved, newest first."""

    data = fields.List(fields.Nested(ScoreChange), required=True)
    pagination = fields.Nested(Pagination, required=True)


class CustomerChange(ScoreChange):
    """A customer's score when it had moved, or the segment changed."""

    customer_id = fields.String(required=True)


class ModelChange(Output):
    """A prediction that another model makes since a full run."""

    at = Time(attribute="at_ms", required=True, metadata={"description": "The run's asOf"})
    prediction = fields.String(required=True, validate=validate.OneOf(PREDICTIONS))
    from_model = fields.String(required=True, validate=validate.OneOf(MODEL_NAMES))
    to_model = fields.String(required=True, validate=validate.OneOf(MODEL_NAMES))
    reason = fields.String(required=True)


class CustomerChanges(Output):
    """How the customers' scores moved, newest first."""

    data = fields.List(fields.Nested(CustomerChange), required=True)
    pagination = fields.Nested(Pagination, required=True)
    model_changes = fields.List(
        fields.Nested(ModelChange),
        required=True,
        metadata={
            "description": "When another model began to predict revenue or churn: those since"
            f" `since`, newest first, at most {MODEL_CHANGES}, the same with each page. Scores and"
            " segments don't depend on the model"
        },
    )


class ChangesQuery(PageQuery):
    """Which changes."""

    to = Word(
        SEGMENTS,
        load_default=None,
        metadata={"description": "Only customers who came into this segment then"},
    )
    since = TimeInQuery(
        load_default=None,
        metadata={"description": "Left out: all that is kept, which is 400 days"},
    )
