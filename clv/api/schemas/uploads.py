"""Schemas of uploaded files."""

from marshmallow import fields

from clv.api.schemas.base import Input, Output


class UploadQuery(Input):
    """How to take a file."""

    strict = fields.Boolean(
        load_default=False, metadata={"description": "Keep nothing if a line is bad"}
    )
    replace = fields.Boolean(
        load_default=False,
        metadata={"description": "Remove what the file does not have; the period type may change"},
    )


class BadLine(Output):
    """A line that could not be read."""

    line = fields.Integer(required=True)
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
