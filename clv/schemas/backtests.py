"""Backtests."""

from marshmallow import fields, validate

from clv.schemas.base import Input, Output, Pagination, Time

STATUSES = ("queued", "running", "finished", "failed")


class BacktestRequest(Input):
    """What to hold out."""

    holdoutDays = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 3650),
        metadata={"description": "x"},
    )


class Backtest(Output):
    """A backtest."""

    backtestId = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    holdoutDays = fields.Integer(required=True, allow_none=True)
    requestedBy = fields.String(required=True)
    createdAt = Time(required=True)
    startedAt = Time(required=True, allow_none=True)
    finishedAt = Time(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    result = fields.Dict(required=True, allow_none=True)


class BacktestList(Output):
    """Backtests, newest first."""

    data = fields.List(fields.Nested(Backtest), required=True)
    pagination = fields.Nested(Pagination, required=True)
