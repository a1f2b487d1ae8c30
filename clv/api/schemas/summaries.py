"""Schemas of interaction summaries."""

import dataclasses
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from clv.api.schemas.base import (
    Amount,
    Count,
    CustomerId,
    Input,
    Items,
    Output,
    PageQuery,
    Pagination,
    PeriodKey,
    PeriodType,
    PlainText,
    StoredAmount,
    Time,
    checked,
)
from clv.budgets import MAX_ROWS
from clv.domain import calendar, values
from clv.store.summaries import Chosen, Summary


class SummaryRow(Input):
    """What one customer did in one period."""

    customer_id = CustomerId(required=True, metadata={"example": "CUST-001"})
    period_type = PeriodType(required=True, metadata={"example": "daily"})
    period_key = PeriodKey(
        required=True,
        metadata={
            "description": "2026-04-30, 2026-W18, 2026-04 or alltime",
            "example": "2026-04-30",
        },
    )
    offer_id = PlainText(load_default="", allow_none=True)
    creative_id = PlainText(load_default="", allow_none=True)
    channel_id = PlainText(load_default="", allow_none=True)
    impressions = Count(
        metadata={"description": "Interactions; left out: as many as converts", "example": 3}
    )
    converts = Count(load_default=0, metadata={"description": "Conversions", "example": 1})
    total_value = Amount(
        load_default=0,
        metadata={
            "description": "Value of the conversions. A row with neither impressions nor converts"
            " is a correction, such as a refund: it changes the customer's revenue alone",
            "minimum": -values.MAX_AMOUNT,
            "maximum": values.MAX_AMOUNT,
            "example": 42.5,
        },
    )
    last_contact_at = Time(
        attribute="last_contact_ms",
        required=True,
        metadata={"example": "2026-04-30T09:15:00.000Z"},
    )
    first_contact_at = Time(
        attribute="first_contact_ms",
        metadata={
            "description": "Left out: the earlier of the period's start, in the tenant's time zone,"
            " and lastContactAt; required for alltime"
        },
    )

    @post_load
    def _to_row(self, data: dict[str, Any], **kwargs: Any) -> tuple[str, Summary]:
        period_type = data.pop("period_type")
        data |= {name: data[name] or "" for name in ("offer_id", "creative_id", "channel_id")}
        data.setdefault("impressions", data["converts"])
        data.setdefault("first_contact_ms", None)
        _check_first_contact(period_type, data)
        return period_type, Summary(**data)


def _check_first_contact(period_type: str, data: dict[str, Any]) -> None:
    last, first = data["last_contact_ms"], data["first_contact_ms"]
    start = checked(calendar.period_start_ms, period_type, data["period_key"], field="periodKey")
    checked(calendar.first_contact_ms, period_type, start, last, first, field="firstContactAt")


class SummaryRows(Input):
    """Interaction summaries to insert or replace."""

    data = Items(fields.Nested(SummaryRow), 1, MAX_ROWS, required=True)

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


class SummaryQuery(PageQuery):
    """Whose summaries to read, and which."""

    customer_id = CustomerId(
        load_default=None, metadata={"description": "Left out: all, but only as a file"}
    )
    period_type = PeriodType(load_default=None)
    offer_id = PlainText(load_default=None)
    channel_id = PlainText(load_default=None)
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, 200),
        metadata={"description": "Entries a page, at most 200"},
    )

    @post_load
    def _collect_filters(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        chosen = {field.name: data.pop(field.name) for field in dataclasses.fields(Chosen)}
        return {**data, "chosen": Chosen(**chosen)}


class StoredSummary(Output):
    """What one customer did in one period, as stored."""

    customer_id = fields.String(attribute="row.customer_id", required=True)
    period_type = PeriodType(required=True)
    period_key = fields.String(attribute="row.period_key", required=True)
    offer_id = fields.String(attribute="row.offer_id", required=True)
    creative_id = fields.String(attribute="row.creative_id", required=True)
    channel_id = fields.String(attribute="row.channel_id", required=True)
    impressions = fields.Integer(attribute="row.impressions", required=True)
    converts = fields.Integer(attribute="row.converts", required=True)
    total_value = StoredAmount(attribute="row.total_value", required=True)
    last_contact_at = Time(attribute="row.last_contact_ms", required=True)
    first_contact_at = Time(attribute="row.first_contact_ms", required=True)


class SummaryList(Output):
    """A customer's summaries, the latest period first."""

    data = fields.List(fields.Nested(StoredSummary), required=True)
    total = fields.Integer(
        attribute="pagination.total", required=True, metadata={"description": "Rows of all pages"}
    )
    pagination = fields.Nested(Pagination, required=True)
