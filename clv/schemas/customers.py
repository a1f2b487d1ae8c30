"""One customer."""

from marshmallow import fields, validate

from clv.schemas.base import Amount, Output, Probability, Time
from clv.scoring import SEGMENTS

SOURCES = ("cached", "computed", "recomputed")


class Clv(Output):
    """A customer's lifetime value."""

    customerId = fields.String(required=True, metadata={"example": "CUST-001"})
    clvScore = fields.Integer(
        required=True,
        metadata={"description": "Composite score", "minimum": 0, "maximum": 100, "example": 72},
    )
    predictedRevenue = Amount(
        required=True,
        metadata={
            "description": "Revenue so far, projected at its run rate over the lifespan",
            "minimum": 0,
            "example": 1440.0,
        },
    )
    churnProbability = Probability(
        required=True,
        metadata={
            "description": "Probability of churn from recency",
            "minimum": 0,
            "maximum": 1,
            "example": 0.119,
        },
    )
    rfmRecency = fields.Integer(
        required=True,
        metadata={"description": "Days since the last interaction", "minimum": 0, "example": 5},
    )
    rfmFrequency = fields.Integer(
        required=True, metadata={"description": "Interactions", "minimum": 0, "example": 48}
    )
    rfmMonetary = Amount(
        required=True, metadata={"description": "Total conversion value", "example": 360.0}
    )
    segment = fields.String(
        required=True, validate=validate.OneOf(SEGMENTS), metadata={"example": "high"}
    )
    computedAt = Time(required=True, metadata={"example": "2026-04-03T10:30:00.000Z"})
    source = fields.String(
        required=True, validate=validate.OneOf(SOURCES), metadata={"example": "cached"}
    )
