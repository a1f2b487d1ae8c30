"""Schemas of API keys."""

from marshmallow import fields, validate

from clv.api.schemas.base import Input, Output, PageQuery, Pagination, PlainText, Time, Word
from clv.auth.principal import ROLES


class NewKey(Input):
    """What a new key is for."""

    role = Word(ROLES, required=True)
    label = PlainText(load_default="", metadata={"example": "nightly job"})
    expires_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 36_500),
        metadata={"description": "Left out: it never expires"},
    )


class KeyQuery(PageQuery):
    """Which page of the keys. By default as many as fit: who does not know pages sees all keys of
    most tenants."""

    limit = fields.Integer(
        load_default=100,
        validate=validate.Range(1, 100),
        metadata={"description": "Entries a page, at most 100"},
    )


class Key(Output):
    """An API key, without its secret."""

    id = fields.String(
        attribute="public",
        required=True,
        metadata={"description": "The token's public part"},
    )
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    label = fields.String(required=True)
    created_at = Time(attribute="created_ms", required=True)
    expires_at = Time(attribute="expires_ms", required=True, allow_none=True)
    revoked_at = Time(attribute="revoked_ms", required=True, allow_none=True)
    last_used_at = Time(
        attribute="last_used_ms",
        required=True,
        allow_none=True,
        metadata={"description": "To the minute"},
    )


class CreatedKey(Key):
    """A new API key with its token, which is shown this once."""

    token = fields.String(required=True)


class KeyList(Output):
    """A tenant's API keys, oldest first."""

    data = fields.List(fields.Nested(Key), required=True)
    pagination = fields.Nested(Pagination, required=True)
