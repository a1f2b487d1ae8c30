"""Schemas of what other settings would change."""

from marshmallow import fields

from clv.api.schemas.base import Amount, Exact, Output, Time
from clv.api.schemas.settings import ScoreSettingsOut


class SegmentSums(Output):
    """The customers of a segment."""

    customers = fields.Integer(required=True)
    revenue = Amount(required=True, metadata={"description": "To date"})
    predicted_revenue = Amount(required=True)
    revenue_at_risk = Amount(required=True)


class SimulatedSegments(Output):
    """The four segments."""

    high = fields.Nested(SegmentSums, required=True)
    medium = fields.Nested(SegmentSums, required=True)
    low = fields.Nested(SegmentSums, required=True)
    at_risk = fields.Nested(SegmentSums, required=True, data_key="at_risk")


class Outcome(Output):
    """What settings make of the customers."""

    p25 = Exact(required=True, allow_none=True)
    p75 = Exact(required=True, allow_none=True)
    segments = fields.Nested(SimulatedSegments, required=True)


class Simulation(Output):
    """The customers with the present settings and with others, as a batch would compute them."""

    as_of = Time(attribute="as_of_ms", required=True)
    customers = fields.Integer(required=True, metadata={"description": "All of the tenant's"})
    computed = fields.Integer(
        required=True, metadata={"description": "All who can be scored, or those of the sample"}
    )
    exact = fields.Boolean(required=True, metadata={"description": "False: from a sample"})
    message = fields.String(required=True, allow_none=True)
    settings = fields.Nested(ScoreSettingsOut, required=True)
    before = fields.Nested(Outcome, required=True)
    after = fields.Nested(Outcome, required=True)
