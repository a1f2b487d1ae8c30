"""Schemas of the feed."""

from typing import Any

from marshmallow import fields, validate

from clv.api.schemas.base import Input, Output, Time
from clv.api.schemas.records import Record

KINDS = ("record", "removed")
_OF_BOTH = ("id", "kind")


class FeedQuery(Input):
    """Where to go on."""

    after = fields.String(
        load_default=None,
        metadata={"description": "The cursor that was returned last; without it, all records come"},
    )
    limit = fields.Integer(
        load_default=100,
        validate=validate.Range(1, 1_000),
        metadata={"description": "Entries a page, at most 1,000; only for JSON"},
    )


class FeedEntry(Record):
    """A record that was written, with its fields, or a customer who was removed."""

    id = fields.String(
        required=True,
        metadata={
            "description": "The same whenever the same version of a record, or the same removal,"
            " comes again",
            "example": "5f0c1e4b2a3d49687788990011223344",
        },
    )
    kind = fields.String(
        required=True, validate=validate.OneOf(KINDS), metadata={"example": "record"}
    )
    customer_hmac = fields.String(
        metadata={
            "description": "Of a removed customer: HMAC-SHA256 of the id, in hexadecimal, under"
            " the key `removalKey`"
        }
    )
    at = Time(attribute="at_ms", metadata={"description": "When the customer was removed"})

    class Meta(Output.Meta):
        exclude = ("model",)

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """An entry has the fields of its kind, so none but those of both is required."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name in _OF_BOTH


class FeedPagination(Output):
    """Where the feed goes on."""

    cursor = fields.String(
        required=True, metadata={"description": "For `after`, now or at any later time"}
    )
    has_more = fields.Boolean(
        required=True, metadata={"description": "Whether more may be there already"}
    )


class FeedPage(Output):
    """Entries of the feed."""

    data = fields.List(fields.Nested(FeedEntry), required=True)
    pagination = fields.Nested(FeedPagination, required=True)
    removal_key = fields.String(
        required=True,
        metadata={"description": "The key of `customerHmac`, in hexadecimal; it never changes"},
    )
