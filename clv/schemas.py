"""What goes in and out of the API, as marshmallow schemas. No schema touches the database."""

import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from marshmallow import (
    EXCLUDE,
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from clv import fields as values
from clv.scoring import AMOUNT_SCALE, SEGMENTS
from clv.store.summaries import Summary

RUN_STATUSES = ("queued", "running", "finished", "failed", "cancelled")
SOURCES = ("cached", "computed", "recomputed")
MAX_ROWS = 1_000
CENT = Decimal("0.01")


class Count(fields.Integer):
    """An integer from 0 to a billion, given as an integer."""

    def __init__(self, **kwargs: Any) -> None:
        limits = validate.Range(0, values.MAX_COUNT)
        super().__init__(strict=True, validate=limits, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class Amount(fields.Number):
    """Money: a JSON number with at most 4 decimals in, rounded half up to cents out; stored as an
    integer of 1/10,000."""

    num_type = Decimal

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        cents = (Decimal(value) / AMOUNT_SCALE).quantize(CENT, ROUND_HALF_UP)
        return float(cents) + 0.0

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValidationError("Must be a number.")
        return _checked(values.amount, value)


class Probability(fields.Float):
    """A probability, rounded half up to 3 decimals."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return float(Decimal(value).quantize(Decimal("0.001"), ROUND_HALF_UP)) + 0.0


class Time(fields.DateTime):
    """A time: ISO 8601 in UTC with milliseconds; stored as milliseconds since 1970."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return values.iso(value)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        ms = _checked(values.time_ms, value)
        if ms > time.time() * 1000 + values.FUTURE_TOLERANCE_MS:
            raise ValidationError("Must not be in the future.")
        return ms


class PlainText(fields.String):
    """Text without control characters, lone surrogates or outer space; null means empty."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return _checked(values.plain_text, super()._deserialize(value, *args, **kwargs))


class CustomerId(fields.String):
    """A customer's id."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return _checked(values.customer_id, super()._deserialize(value, *args, **kwargs))


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class Input(Schema):
    """Base of what comes in: an unknown field is an error that names it."""

    class Meta:
        unknown = RAISE


class Output(Schema):
    """Base of what goes out."""

    class Meta:
        unknown = EXCLUDE


class ErrorBody(Output):
    """The one body of every error."""

    code = fields.Integer(required=True, metadata={"description": "The HTTP status"})
    status = fields.String(required=True, metadata={"description": "The name of the status"})
    message = fields.String(required=True, metadata={"description": "What would be right"})
    errors = fields.Dict(
        metadata={
            "description": "Where a field is to blame: location, field, messages",
            "example": {"json": {"segment": ["Must be one of: high, medium, low, at_risk."]}},
        }
    )


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


class ComputeRequest(Input):
    """Whom to compute: a segment, or everybody."""

    segment = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(SEGMENTS, error=f"Must be one of: {', '.join(SEGMENTS)}."),
        metadata={"description": "Only this segment; null or left out: everybody"},
    )


class ComputeResult(Output):
    """A batch that is done."""

    success = fields.Boolean(required=True)
    computed = fields.Integer(required=True, metadata={"example": 342})
    errors = fields.Integer(required=True, metadata={"example": 0})
    segment = fields.String(
        required=True, validate=validate.OneOf(("all", *SEGMENTS)), metadata={"example": "all"}
    )


class Job(Output):
    """A batch run and its progress."""

    jobId = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(RUN_STATUSES))
    success = fields.Boolean(required=True)
    segment = fields.String(required=True, validate=validate.OneOf(("all", *SEGMENTS)))
    total = fields.Integer(
        required=True, allow_none=True, metadata={"description": "An estimate until the end"}
    )
    processed = fields.Integer(required=True)
    computed = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    percent = fields.Float(required=True, metadata={"minimum": 0, "maximum": 100})
    customersPerSecond = fields.Float(required=True, allow_none=True)
    etaSeconds = fields.Float(required=True, allow_none=True)
    requestedBy = fields.String(required=True)
    createdAt = Time(required=True)
    startedAt = Time(required=True, allow_none=True)
    finishedAt = Time(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)


class JobQuery(Input):
    """How to read a job."""

    wait = fields.Float(
        load_default=0.0,
        validate=validate.Range(0, 25),
        metadata={"description": "Answer when the run ends, or after so many seconds"},
    )


class PageQuery(Input):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=20,
        validate=validate.Range(1, 100),
        metadata={"description": "Entries a page, at most 100"},
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "The cursor that the page before returned"}
    )


class Pagination(Output):
    """Where a list goes on."""

    cursor = fields.String(
        required=True, allow_none=True, metadata={"description": "Null on the last page"}
    )
    hasMore = fields.Boolean(required=True)


class JobList(Output):
    """Runs, newest first."""

    data = fields.List(fields.Nested(Job), required=True)
    pagination = fields.Nested(Pagination, required=True)


class CustomerError(Output):
    """A customer that a run could not compute."""

    customerId = fields.String(required=True)
    message = fields.String(required=True)


class CustomerErrorList(Output):
    """Customers that a run could not compute, by id."""

    data = fields.List(fields.Nested(CustomerError), required=True)
    pagination = fields.Nested(Pagination, required=True)


class SummaryRow(Input):
    """What one customer did in one period."""

    customerId = CustomerId(required=True, metadata={"example": "CUST-001"})
    periodType = fields.String(
        required=True, validate=validate.OneOf(values.PERIOD_TYPES), metadata={"example": "daily"}
    )
    periodKey = fields.String(
        required=True,
        metadata={
            "description": "2026-04-30, 2026-W18, 2026-04 or alltime",
            "example": "2026-04-30",
        },
    )
    offerId = PlainText(load_default="", allow_none=True)
    creativeId = PlainText(load_default="", allow_none=True)
    channelId = PlainText(load_default="", allow_none=True)
    impressions = Count(
        metadata={"description": "Interactions; left out: as many as converts", "example": 3}
    )
    converts = Count(load_default=0, metadata={"description": "Conversions", "example": 1})
    totalValue = Amount(
        load_default=0,
        metadata={
            "description": "Value of the conversions; negative after refunds",
            "minimum": -values.MAX_AMOUNT,
            "maximum": values.MAX_AMOUNT,
            "example": 42.5,
        },
    )
    lastContactAt = Time(required=True, metadata={"example": "2026-04-30T09:15:00.000Z"})
    firstContactAt = Time(
        metadata={
            "description": "Left out: the earlier of the period's start and lastContactAt;"
            " required for alltime"
        }
    )

    @validates_schema
    def _check_period(self, data: dict[str, Any], **kwargs: Any) -> None:
        try:
            values.period_start_ms(data["periodType"], data["periodKey"])
        except ValueError as error:
            raise ValidationError(str(error), "periodKey") from None
        if "firstContactAt" not in data:
            if data["periodType"] == "alltime":
                raise ValidationError("Is required for an alltime row.", "firstContactAt")
        elif data["firstContactAt"] > data["lastContactAt"]:
            raise ValidationError("Must not be after lastContactAt.", "firstContactAt")

    @post_load
    def _to_row(self, data: dict[str, Any], **kwargs: Any) -> tuple[str, Summary]:
        last = data["lastContactAt"]
        start = values.period_start_ms(data["periodType"], data["periodKey"])
        row = Summary(
            data["customerId"],
            data["periodKey"],
            data["offerId"] or "",
            data["creativeId"] or "",
            data["channelId"] or "",
            data.get("impressions", data["converts"]),
            data["converts"],
            data["totalValue"],
            data.get("firstContactAt", min(start, last)),
            last,
        )
        return data["periodType"], row


class SummaryRows(Input):
    """Interaction summaries to insert or replace."""

    data = fields.List(
        fields.Nested(SummaryRow), required=True, validate=validate.Length(1, MAX_ROWS)
    )

    @validates_schema
    def _check_together(self, data: dict[str, Any], **kwargs: Any) -> None:
        rows = data["data"]
        if len({period_type for period_type, _ in rows}) > 1:
            raise ValidationError("All rows must have the same periodType.", "data")
        seen: dict[tuple, int] = {}
        doubles = {}
        for number, (_, row) in enumerate(rows):
            first = seen.setdefault(row[:5], number)
            if first != number:
                doubles[number] = [f"Has the same key as row {first}."]
        if doubles:
            raise ValidationError({"data": doubles})


class MergeResult(Output):
    """What an upload did, in rows."""

    received = fields.Integer(required=True)
    inserted = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    deleted = fields.Integer(required=True)


class Health(Output):
    """The process is alive."""

    status = fields.String(required=True, metadata={"example": "ok"})


class Readiness(Output):
    """What the service depends on."""

    status = fields.String(
        required=True, validate=validate.OneOf(("ok", "degraded", "unavailable"))
    )
    database = fields.String(required=True, metadata={"example": "ok"})
    redis = fields.String(required=True, metadata={"example": "ok"})
    workers = fields.Integer(required=True, metadata={"description": "Workers alive"})
