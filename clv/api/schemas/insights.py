"""What a tenant's scores say: the summary, its history, and how customers moved."""

from marshmallow import fields, validate

from clv.api.schemas.base import Amount, Output, PageQuery, Pagination, Time
from clv.domain.overview import BINS, NEW_DAYS
from clv.domain.scoring import SEGMENTS
from clv.domain.settings import MODEL_NAMES


class Group(Output):
    """Some customers."""

    customers = fields.Integer(required=True)
    meanScore = fields.Float(
        required=True, allow_none=True, metadata={"description": "Null without customers"}
    )
    revenue = Amount(required=True, metadata={"description": "To date"})
    predictedRevenue = Amount(
        required=True,
        metadata={"description": "Revenue so far, projected at its run rate over the lifespan"},
    )
    revenueAtRisk = Amount(
        required=True, metadata={"description": "Σ predicted revenue × churn probability"}
    )


class SegmentGroups(Output):
    """The customers of each segment."""

    high = fields.Nested(Group, required=True)
    medium = fields.Nested(Group, required=True)
    low = fields.Nested(Group, required=True)
    at_risk = fields.Nested(Group, required=True, data_key="at_risk")


class Bin(Output):
    """The customers with a score from ``from`` up to, but not including, ``to``."""

    from_ = fields.Integer(required=True, data_key="from")
    to = fields.Integer(
        required=True, metadata={"description": "The last bin includes 100", "example": 5}
    )
    customers = fields.Integer(required=True)


class AtRiskSuggestion(Output):
    """At-risk days from the tenant's own data."""

    atRiskDays = fields.Integer(
        required=True,
        metadata={"description": "90 % of the returning customers come back within so many days"},
    )
    shareAtRiskNow = fields.Float(
        required=True,
        metadata={
            "description": "Of the customers with interactions, those at risk",
            "minimum": 0,
            "maximum": 1,
        },
    )
    shareAtRiskThen = fields.Float(
        required=True,
        metadata={"description": "The same with the suggested days", "minimum": 0, "maximum": 1},
    )


class ClvSummary(Output):
    """A tenant's customers as of the last finished run; null where there was none."""

    customers = fields.Integer(
        required=True,
        metadata={"description": "With scores; before the first run: with summaries"},
    )
    meanScore = fields.Float(required=True, allow_none=True)
    revenue = Amount(required=True, allow_none=True, metadata={"description": "To date"})
    predictedRevenue = Amount(required=True, allow_none=True)
    revenueAtRisk = Amount(
        required=True,
        allow_none=True,
        metadata={"description": "Σ predicted revenue × churn probability"},
    )
    segments = fields.Nested(SegmentGroups, required=True, allow_none=True)
    newCustomers = fields.Nested(
        Group,
        required=True,
        allow_none=True,
        metadata={"description": f"First contact less than {NEW_DAYS} days ago"},
    )
    p25 = fields.Float(
        required=True, allow_none=True, metadata={"description": "25th percentile of the score"}
    )
    p75 = fields.Float(
        required=True, allow_none=True, metadata={"description": "75th percentile of the score"}
    )
    histogram = fields.List(
        fields.Nested(Bin), required=True, allow_none=True, validate=validate.Length(equal=BINS)
    )
    customersWithoutInteraction = fields.Integer(required=True, allow_none=True)
    suggestion = fields.Nested(
        AtRiskSuggestion,
        required=True,
        allow_none=True,
        metadata={"description": "Null when nobody has come back on another day"},
    )
    model = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": "What predicted revenue and churn in that run"},
    )
    modelReason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why this model served"}
    )
    currency = fields.String(required=True, metadata={"example": "USD"})
    asOf = Time(required=True, allow_none=True, metadata={"description": "The run's time"})
    jobId = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "The run, which may have been one of a segment"},
    )
    dataUpdatedAt = Time(
        required=True,
        allow_none=True,
        metadata={"description": "When an upload or an erasure changed something last"},
    )
    lastFullRunAt = Time(
        required=True,
        allow_none=True,
        metadata={"description": "The time as of which the last full run computed"},
    )
    stale = fields.Boolean(
        required=True,
        metadata={"description": "The last full run is older than 36 hours, or than the data"},
    )
    settingsChangedSinceLastRun = fields.Boolean(required=True)
    message = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What to know about the figures, if there is something"},
    )


class SummaryPoint(Output):
    """What a finished full run found."""

    jobId = fields.UUID(required=True)
    asOf = Time(required=True)
    finishedAt = Time(required=True)
    customers = fields.Integer(required=True)
    meanScore = fields.Float(required=True, allow_none=True)
    revenue = Amount(required=True)
    predictedRevenue = Amount(required=True)
    revenueAtRisk = Amount(required=True)
    segments = fields.Nested(SegmentGroups, required=True)
    newCustomers = fields.Nested(Group, required=True)
    p25 = fields.Float(required=True, allow_none=True)
    p75 = fields.Float(required=True, allow_none=True)
    model = fields.String(required=True, validate=validate.OneOf(MODEL_NAMES))


class SummaryHistory(Output):
    """Full runs, newest first."""

    data = fields.List(fields.Nested(SummaryPoint), required=True)
    pagination = fields.Nested(Pagination, required=True)


class ScoreChange(Output):
    """A customer's score when it had moved, or the segment changed."""

    at = Time(required=True, metadata={"description": "The computedAt of these scores"})
    clvScore = fields.Integer(required=True, metadata={"minimum": 0, "maximum": 100})
    score = fields.Float(required=True, metadata={"description": "Unrounded"})
    segment = fields.String(required=True, validate=validate.OneOf(SEGMENTS))
    previousSegment = fields.String(
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

    customerId = fields.String(required=True)


class CustomerChanges(Output):
    """How the customers' scores moved, newest first."""

    data = fields.List(fields.Nested(CustomerChange), required=True)
    pagination = fields.Nested(Pagination, required=True)


class ChangesQuery(PageQuery):
    """Which changes."""

    to = fields.String(
        load_default=None,
        validate=validate.OneOf(SEGMENTS, error=f"Must be one of: {', '.join(SEGMENTS)}."),
        metadata={"description": "Only customers who came into this segment then"},
    )
    since = Time(
        load_default=None,
        metadata={"description": "Left out: all that is kept, which is 400 days"},
    )
