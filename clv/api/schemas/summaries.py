"""Interaction summaries."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from clv.api.schemas.base import (
    Amount,
    Count,
    CustomerId,
    Input,
    Output,
    PeriodKey,
    PeriodType,
    PlainText,
    StoredAmount,
    Time,
    checked,
)
from clv.domain import calendar, values
from clv.store.summaries import Summary

MAX_ROWS = 1_000


class SummaryRow(Input):
    """What one customer did in one period."""

    customerId = CustomerId(required=True, metadata={"example": "CUST-001"})
    periodType = PeriodType(required=True, metadata={"example": "daily"})
    periodKey = PeriodKey(
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

    @post_load
    def _to_row(self, data: dict[str, Any], **kwargs: Any) -> tuple[str, Summary]:
        period_type, last = data["periodType"], data["lastContactAt"]
        start = checked(calendar.period_start_ms, period_type, data["periodKey"], field="periodKey")
        first = checked(
            *(calendar.first_contact_ms, period_type, start, last, data.get("firstContactAt")),
            field="firstContactAt",
        )
        row = Summary(
            data["customerId"],
            data["periodKey"],
            data["offerId"] or "",
            data["creativeId"] or "",
            data["channelId"] or "",
            data.get("impressions", data["converts"]),
            data["converts"],
            data["totalValue"],
            first,
            last,
        )
        return period_type, row


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


class SummaryQuery(Input):
    """Whose summaries to read, and which."""

    customerId = CustomerId(required=True)
    periodType = PeriodType(load_default=None)
    offerId = PlainText(load_default=None)
    channelId = PlainText(load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class StoredSummary(Output):
    """What one customer did in one period, as stored."""

    customerId = fields.String(required=True)
    periodType = PeriodType(required=True)
    periodKey = fields.String(required=True)
    offerId = fields.String(required=True)
    creativeId = fields.String(required=True)
    channelId = fields.String(required=True)
    impressions = fields.Integer(required=True)
    converts = fields.Integer(required=True)
    totalValue = StoredAmount(required=True)
    lastContactAt = Time(required=True)
    firstContactAt = Time(required=True)


class SummaryList(Output):
    """A customer's summaries, the latest period first."""

    data = fields.List(fields.Nested(StoredSummary), required=True)
    total = fields.Integer(required=True, metadata={"description": "Rows in all, beyond the limit"})
