"""Lists of the scored customers."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from clv.api.schemas.base import (
    Amount,
    AmountText,
    CustomerId,
    Output,
    PageQuery,
    Pagination,
    Probability,
    Time,
)
from clv.domain.scoring import MODELS, SEGMENTS
from clv.domain.units import MAX_STORED_INTEGER
from clv.files.writer import SORTS

MAX_CUSTOMERS = 100
INCLUDED = ("model",)


class _Score(fields.Float):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=None, validate=validate.Range(0, 100), **kwargs)


class _Whole(fields.Integer):
    def __init__(self, **kwargs: Any) -> None:
        limits = validate.Range(0, MAX_STORED_INTEGER)
        super().__init__(load_default=None, validate=limits, **kwargs)


class RecordsQuery(PageQuery):
    """Which scored customers, in which order; the page is that of a JSON answer."""

    segment = fields.String(
        load_default=None,
        validate=validate.OneOf(SEGMENTS, error=f"Must be one of: {', '.join(SEGMENTS)}."),
    )
    customerId = fields.List(
        CustomerId(),
        load_default=None,
        validate=validate.Length(1, MAX_CUSTOMERS),
        metadata={"description": "Only these customers: may be given up to 100 times"},
    )
    minScore = _Score(metadata={"description": "Of the unrounded score"})
    maxScore = _Score(metadata={"description": "Of the unrounded score"})
    minRecency = _Whole(metadata={"description": "Days since the last interaction"})
    maxRecency = _Whole(metadata={"description": "Days since the last interaction"})
    minFrequency = _Whole(metadata={"description": "Interactions"})
    minRevenue = AmountText(load_default=None, metadata={"description": "Of the predicted revenue"})
    minTenureDays = _Whole(metadata={"description": "Days since the first interaction"})
    computedAfter = Time(
        load_default=None, may_be_ahead=True, metadata={"description": "Later than this time"}
    )
    computedBefore = Time(
        load_default=None, may_be_ahead=True, metadata={"description": "Earlier than this time"}
    )
    sort = fields.String(
        load_default="customerId",
        validate=validate.OneOf(tuple(SORTS), error=f"Must be one of: {', '.join(SORTS)}."),
        metadata={
            "description": "`-`: descending; customers who tie are in the order of their ids,"
            " backwards in a descending list"
        },
    )
    include = fields.String(
        load_default=None,
        validate=validate.OneOf(INCLUDED, error=f"Must be one of: {', '.join(INCLUDED)}."),
        metadata={"description": "model: by which model and version each was predicted"},
    )
    count = fields.Boolean(
        load_default=False, metadata={"description": "Count the total, whatever it costs"}
    )

    @validates_schema
    def _check_ranges(self, data: dict[str, Any], **kwargs: Any) -> None:
        for least, most in (("minScore", "maxScore"), ("minRecency", "maxRecency")):
            if _both(data, least, most) and data[least] > data[most]:
                raise ValidationError(f"Must not be more than {most}.", least)
        after, before = "computedAfter", "computedBefore"
        if _both(data, after, before) and data[after] >= data[before]:
            raise ValidationError(f"Must be earlier than {before}.", after)


class Record(Output):
    """A scored customer."""

    customerId = fields.String(required=True, metadata={"example": "CUST-001"})
    clvScore = fields.Integer(required=True, metadata={"minimum": 0, "maximum": 100, "example": 72})
    predictedRevenue = Amount(required=True, metadata={"minimum": 0, "example": 1440.0})
    churnProbability = Probability(
        required=True, metadata={"minimum": 0, "maximum": 1, "example": 0.119}
    )
    revenueAtRisk = Amount(
        required=True,
        metadata={
            "description": "Predicted revenue × churn probability",
            "minimum": 0,
            "example": 171.7,
        },
    )
    rfmRecency = fields.Integer(required=True, metadata={"minimum": 0, "example": 5})
    rfmFrequency = fields.Integer(required=True, metadata={"minimum": 0, "example": 48})
    rfmMonetary = Amount(required=True, metadata={"example": 360.0})
    segment = fields.String(
        required=True, validate=validate.OneOf(SEGMENTS), metadata={"example": "high"}
    )
    computedAt = Time(required=True, metadata={"example": "2026-04-03T10:30:00.000Z"})
    jobId = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "The batch that computed it; null after a single computation"},
    )
    model = fields.String(
        validate=validate.OneOf(MODELS), metadata={"description": "With `include=model`"}
    )


class RecordPagination(Pagination):
    """Where a list of customers goes on."""

    total = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "Of all pages: with `count`; or unfiltered, or by segment alone, then"
            " for a tenant of more than 10,000 customers as of its last finished batch. Else null"
        },
    )


class RecordList(Output):
    """Scored customers."""

    data = fields.List(fields.Nested(Record), required=True)
    pagination = fields.Nested(RecordPagination, required=True)


def _both(data: dict[str, Any], first: str, second: str) -> bool:
    return data[first] is not None and data[second] is not None
