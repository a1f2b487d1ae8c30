"""Schemas of health and readiness."""

from marshmallow import fields, validate

from clv.api.schemas.base import Output


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
    unknown_migrations = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Migrations that a newer version of the service applied to the database;"
            " this version goes on serving",
            "example": [],
        },
    )
