"""Schemas of uploaded files."""

from dataclasses import fields as fields_of
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from clv.api.schemas.base import Amount, Input, Output
from clv.api.schemas.choices import ChoicesQuery
from clv.services.loading import Options


class UploadQuery(Input):
    """How to take a file."""

    skip_bad_lines = fields.Boolean(
        metadata={
            "description": "Load the good lines, where otherwise one bad line keeps the whole file"
            " out; not with replace"
        }
    )
    replace = fields.Boolean(
        metadata={"description": "Remove what the file does not have; the period type may change"},
    )
    strict = fields.Boolean(
        metadata={
            "description": "The opposite of skipBadLines, of an older version: true, or left out",
            "deprecated": True,
        }
    )

    @validates_schema
    def _check_together(self, data: dict[str, Any], **kwargs: Any) -> None:
        if not data.get("strict", True):
            raise ValidationError(
                "Must be true or left out: files are strict now. To load a file's good lines, use"
                " skipBadLines=true.",
                "strict",
            )
        if data.get("skip_bad_lines") and data.get("replace"):
            raise ValidationError(
                "Must not be used with replace: what stands on the bad lines would be removed.",
                "skipBadLines",
            )

    @post_load
    def _options(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        data.pop("strict", None)
        chosen = {one.name: data.pop(one.name) for one in fields_of(Options) if one.name in data}
        return {"options": Options(**chosen), **data}


class TransactionsQuery(ChoicesQuery, UploadQuery):
    """How to read and to take a file of transactions."""


class PreviewQuery(ChoicesQuery):
    """How to read a file of transactions that is not stored."""

    is_partial = fields.Boolean(
        data_key="partial",
        load_default=False,
        metadata={"description": "The body is only the first part of a file"},
    )


class BadLine(Output):
    """A line that could not be read."""

    line = fields.Integer(required=True)
    message = fields.String(required=True)


class BadReason(Output):
    """Lines that could not be read, for one reason."""

    message = fields.String(required=True)
    count = fields.Integer(required=True, metadata={"description": "Lines"})
    lines = fields.List(fields.Integer(), required=True, metadata={"description": "The first five"})


class LeftOut(Output):
    """Rows that don't count, for one reason."""

    reason = fields.String(required=True)
    rows = fields.Integer(required=True)
    total = Amount(required=True, metadata={"description": "Their amounts, where they have any"})
    lines = fields.List(fields.Integer(), required=True, metadata={"description": "The first five"})


class Warned(Output):
    """What a person should look at."""

    code = fields.String(required=True, metadata={"example": "one_order_each"})
    message = fields.String(required=True)


class UploadResult(Output):
    """What an upload did: lines received, and interaction summaries changed by them."""

    received = fields.Integer(required=True, metadata={"description": "Good lines"})
    rejected = fields.Integer(required=True, metadata={"description": "Bad lines"})
    inserted = fields.Integer(attribute="merged.inserted", required=True)
    updated = fields.Integer(attribute="merged.updated", required=True)
    unchanged = fields.Integer(attribute="merged.unchanged", required=True)
    deleted = fields.Integer(attribute="merged.deleted", required=True)
    errors = fields.List(
        fields.Nested(BadLine),
        required=True,
        metadata={"description": "The first 100 bad lines"},
    )
    left_out = fields.List(
        fields.Nested(LeftOut),
        required=True,
        metadata={"description": "Rows that don't count, by reason"},
    )


class SummariesResult(UploadResult):
    """What a file of interaction summaries did."""

    reasons = fields.List(
        fields.Nested(BadReason), required=True, metadata={"description": "The bad lines by reason"}
    )


class TransactionsResult(UploadResult):
    """What a file of transactions did."""

    lowered = fields.Integer(
        attribute="merged.lowered",
        required=True,
        metadata={
            "description": "Days of customers that have fewer interactions or a lower value than"
            " before: what a file of half a day does"
        },
    )
    days_kept = fields.Integer(
        required=True,
        metadata={
            "description": "Days of customers that were left as they were, because a bad line"
            " names them"
        },
    )
    reasons = fields.List(
        fields.Nested(BadReason), required=True, metadata={"description": "The bad lines by reason"}
    )
    warnings = fields.List(fields.Nested(Warned), required=True)
    profile = fields.String(
        attribute="preview.profile",
        required=True,
        allow_none=True,
        metadata={"description": "The known layout that the file has"},
    )
