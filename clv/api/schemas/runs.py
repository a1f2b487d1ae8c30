"""Schemas of batch runs."""

from marshmallow import fields, validate

from clv.api.schemas.base import Input, Output, Pagination, Rounded, Time, Word
from clv.domain.scoring import SEGMENTS

RUN_STATUSES = ("queued", "running", "finished", "failed", "cancelled")


class ComputeRequest(Input):
    """Whom to compute: a segment, or everybody."""

    segment = Word(
        SEGMENTS,
        load_default=None,
        allow_none=True,
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

    job_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(RUN_STATUSES))
    success = fields.Boolean(required=True)
    segment = fields.String(required=True, validate=validate.OneOf(("all", *SEGMENTS)))
    total = fields.Integer(
        required=True, allow_none=True, metadata={"description": "An estimate until the end"}
    )
    processed = fields.Integer(required=True)
    computed = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    percent = Rounded(1, required=True, metadata={"minimum": 0, "maximum": 100})
    customers_per_second = Rounded(1, required=True, allow_none=True)
    eta_seconds = Rounded(1, required=True, allow_none=True)
    requested_by = fields.String(required=True)
    created_at = Time(required=True, attribute="created_ms")
    started_at = Time(required=True, allow_none=True, attribute="started_ms")
    as_of = Time(
        required=True,
        allow_none=True,
        attribute="as_of_ms",
        metadata={"description": "The computedAt of its records; null until it is planned"},
    )
    finished_at = Time(required=True, allow_none=True, attribute="finished_ms")
    message = fields.String(required=True, allow_none=True)


class JobQuery(Input):
    """How to read a job."""

    wait = fields.Float(
        load_default=0.0,
        validate=validate.Range(0, 25),
        metadata={"description": "Answer when the run ends, or after so many seconds"},
    )


class JobList(Output):
    """Runs, newest first."""

    data = fields.List(fields.Nested(Job), required=True)
    pagination = fields.Nested(Pagination, required=True)


class CustomerError(Output):
    """A customer that a run could not compute."""

    customer_id = fields.String(required=True)
    message = fields.String(required=True)


class CustomerErrorList(Output):
    """Customers that a run could not compute, by id."""

    data = fields.List(fields.Nested(CustomerError), required=True)
    pagination = fields.Nested(Pagination, required=True)
