"""A whole tenant: start a batch run, watch it, read what went wrong."""

import contextlib
from typing import Any, NamedTuple

from flask import current_app, request, url_for
from flask.views import MethodView

from clv.api.paging import Position, paginated
from clv.api.schemas.runs import (
    ComputeRequest,
    ComputeResult,
    CustomerErrorList,
    Job,
    JobList,
    JobQuery,
)
from clv.auth.principal import Role
from clv.errors import Conflict, RunFailed, Unavailable
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import batch, runs
from clv.store.runs import Run

blp = ClvBlueprint("compute", __name__, url_prefix="/api/v1", description="A whole tenant")

_JOB_ID = {
    "in": "path",
    "name": "jobId",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_PREFER = {
    "in": "header",
    "name": "Prefer",
    "required": False,
    "schema": {"type": "string"},
    "example": "respond-async",
    "description": "respond-async: answer 202 at once (RFC 7240)",
}


RUN_POSITION = Position({"id": int})
ERROR_POSITION = Position({"customerId": str})


class CustomerError(NamedTuple):
    """A customer that a run could not compute, and why."""

    customerId: str
    message: str


@blp.route("/clv/compute")
class Compute(MethodView):
    """Batch runs of the tenant."""

    @blp.access(Role.ADMIN, 400, 409, 413, 415, headers=[_PREFER])
    @blp.arguments(ComputeRequest, required=False)
    @blp.response(200, ComputeResult)
    @blp.alt_response(
        202,
        schema=Job,
        success=True,
        description="Still going: the job",
        headers={
            "Location": {"required": True, "schema": {"type": "string"}},
            "Preference-Applied": {
                "schema": {"type": "string"},
                "example": "respond-async",
                "description": "When the request preferred it",
            },
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Compute all customers, or one segment

        Waits up to 25 seconds for the run. A 200 implies that all that was ingested before the
        request was scored. A run of a segment covers its present members and everybody who was
        never scored; only a full run finds who became one. 409: the run was cancelled meanwhile.
        """
        run, message = start(body["segment"])
        if "respond-async" in _preferences():
            return _accepted(run, {"Preference-Applied": "respond-async"}, message)
        if message:
            return _accepted(run, message=message)
        settings = components().settings
        return _outcome(_wait(run, settings.compute_wait_seconds))


@blp.route("/clv/jobs")
class Jobs(MethodView):
    """The tenant's runs."""

    @blp.access(Role.VIEWER, 400)
    @paginated(blp, JobList, RUN_POSITION, show=lambda run: job(run))
    def get(self, before: int | None, limit: int) -> list[Run]:
        """List the batch runs, newest first"""
        return runs.page(principal().tenant_id, before, limit)


@blp.route("/clv/jobs/<jobId>", parameters=[_JOB_ID])
class JobById(MethodView):
    """One run."""

    @blp.access(Role.VIEWER, 400, 404)
    @blp.arguments(JobQuery, location="query")
    @blp.response(200, Job)
    def get(self, query: dict[str, Any], jobId: str) -> dict[str, Any]:
        """Read a batch run and its progress

        With wait=N the answer comes when the run ends, or after N seconds.
        """
        run = _wait(look_after(jobId), query["wait"])
        return job(run)

    @blp.access(Role.ADMIN, 404, 409)
    @blp.response(202, Job)
    def delete(self, jobId: str) -> dict[str, Any]:
        """Cancel a batch run

        What was computed stays. 409: the run has ended already.
        """
        return job(cancel(jobId))


@blp.route("/clv/jobs/<jobId>/errors", parameters=[_JOB_ID])
class JobErrors(MethodView):
    """What went wrong in a run."""

    @blp.access(Role.VIEWER, 400, 404)
    @paginated(blp, CustomerErrorList, ERROR_POSITION)
    def get(self, after: str | None, limit: int, jobId: str) -> list[CustomerError]:
        """List the customers that a run could not compute"""
        return errors_page(_run(jobId), after, limit)


def errors_page(run: Run, after: str | None, limit: int) -> list[CustomerError]:
    """Customers that a run could not compute, by id."""
    return [CustomerError(*error) for error in runs.errors_page(run, after or "", limit)]


def start(segment: str | None) -> tuple[Run, str | None]:
    """Start a run of the principal's tenant, or join one; and what to say about it, if anything.

    :raises Unavailable: when the queue can't be reached
    """
    settings, queue = components().settings, components().queue
    who = f"key {principal().key}"
    run = runs.start(principal().tenant.id, segment, who, settings.run_deadline_hours, queue.ring)
    return run, None if queue.has_workers() else runs.NO_WORKER


def look_after(job_id: str) -> Run:
    """A run of the principal's tenant; what it waits for is rung for.

    :raises NotFound: when there is none
    """
    run = _run(job_id)
    if run.is_active:
        with contextlib.suppress(Unavailable):
            batch.sweep(components().queue, run.id)
    return run


def cancel(job_id: str) -> Run:
    """Cancel a run of the principal's tenant.

    :raises NotFound: when there is none
    :raises Conflict: when it has ended already
    """
    run = _run(job_id)
    if not runs.cancel(run.id, f"key {principal().key}", components().queue):
        raise Conflict(f"The run has ended already: it is {_run(job_id).status}.")
    return _run(job_id)


def job(run: Run, message: str | None = None) -> dict[str, Any]:
    """A run as the API shows it, with its live progress."""
    live = None
    if run.status == "running":
        live = components().queue.live_progress(run.job_id)
    return runs.job(run, live, message)


def _outcome(run: Run) -> Any:
    if run.is_active:
        return _accepted(run)
    if run.status == "cancelled":
        raise Conflict(f"The run was cancelled meanwhile: job {run.job_id}.")
    if run.status == "failed":
        raise RunFailed(f"The run failed: {run.message} It is job {run.job_id}.")
    result = {
        "success": True,
        "computed": run.computed,
        "errors": run.errors,
        "segment": run.segment or "all",
    }
    return current_app.json.response(ComputeResult().dump(result))


def _accepted(run: Run, headers: dict[str, str] | None = None, message: str | None = None) -> Any:
    response = current_app.json.response(Job().dump(job(run, message)))
    response.status_code = 202
    response.headers.update(headers or {})
    response.headers["Location"] = url_for("compute.JobById", jobId=run.job_id)
    return response


def _run(job_id: str) -> Run:
    return runs.find(principal().tenant_id, job_id)


def _wait(run: Run, seconds: float) -> Run:
    """The run when it has ended, or after so many seconds; at once when no seat is free."""
    room = components().waiting_room
    if seconds <= 0 or not run.is_active or not room.take():
        return run
    try:
        return runs.wait(run.id, seconds)
    finally:
        room.leave()


def _preferences() -> set[str]:
    """The preferences of the request without their parameters (RFC 7240)."""
    listed = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return {preference.partition(";")[0].strip() for preference in listed}
