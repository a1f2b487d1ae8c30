"""API keys."""

from marshmallow import fields, validate

from clv.api.schemas.base import Input, Output, PlainText, Time

ROLES = ("admin", "editor", "viewer")


class NewKey(Input):
    """What a new key is for."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    label = PlainText(load_default="", metadata={"example": "nightly job"})
    expiresDays = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 36_500),
        metadata={"description": "Left out: it never expires"},
    )


class Key(Output):
    """An API key, without its secret."""

    id = fields.String(required=True, metadata={"description": "The token's public part"})
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    label = fields.String(required=True)
    createdAt = Time(required=True)
    expiresAt = Time(required=True, allow_none=True)
    revokedAt = Time(required=True, allow_none=True)
    lastUsedAt = Time(required=True, allow_none=True, metadata={"description": "To the minute"})


class CreatedKey(Key):
    """A new API key with its token, which is shown this once."""

    token = fields.String(required=True)


class KeyList(Output):
    """A tenant's API keys, oldest first."""

    data = fields.List(fields.Nested(Key), required=True)
