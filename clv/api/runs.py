"""A whole tenant: start a batch run, watch it, read what went wrong."""

from typing import Any

from flask import current_app, request, url_for
from flask.views import MethodView

from clv.api.paging import BY_CUSTOMER, BY_ID, paginated
from clv.api.schemas.runs import (
    ComputeRequest,
    ComputeResult,
    CustomerErrorList,
    Job,
    JobList,
    JobQuery,
)
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import runs
from clv.services.job import Job as RunJob

blp = ClvBlueprint("compute", __name__, url_prefix="/api/v1", description="A whole tenant")

RESPOND_ASYNC = "respond-async"
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
    "example": RESPOND_ASYNC,
    "description": "respond-async: answer 202 at once (RFC 7240)",
}


@blp.route("/clv/compute")
class Compute(MethodView):
    """Batch runs of the tenant."""

    @blp.named("computeClv")
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
                "example": RESPOND_ASYNC,
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
        carried, me = components(), principal()
        job = runs.start(me.tenant.id, body["segment"], me.name, carried.settings, carried.queue)
        if RESPOND_ASYNC in _preferences():
            return _accepted(job, {"Preference-Applied": RESPOND_ASYNC})
        # Without a worker there is nothing to wait for, and the job has a message that says so.
        if not job.message:
            seconds = carried.settings.compute_wait_seconds
            seats = carried.waiting_room.seats_of(me.tenant_id)
            job = runs.wait(job, seconds, carried.queue, seats)
        return _accepted(job) if job.is_active else _result(job)


@blp.route("/clv/jobs")
class Jobs(MethodView):
    """The tenant's runs."""

    @blp.named("listJobs")
    @blp.access(Role.VIEWER, 400)
    @paginated(blp, JobList, BY_ID)
    def get(self, before: int | None, limit: int) -> list[RunJob]:
        """List the batch runs, newest first"""
        return runs.page(principal().tenant_id, before, limit, components().queue)


@blp.route("/clv/jobs/<jobId>", parameters=[_JOB_ID])
class JobById(MethodView):
    """One run."""

    @blp.named("getJob")
    @blp.access(Role.VIEWER, 400, 404)
    @blp.arguments(JobQuery, location="query")
    @blp.response(200, Job)
    def get(self, query: dict[str, Any], jobId: str) -> RunJob:
        """Read a batch run and its progress

        With wait=N the answer comes when the run ends, or after N seconds.
        """
        carried, tenant_id = components(), principal().tenant_id
        seats = carried.waiting_room.seats_of(tenant_id)
        return runs.watch(tenant_id, jobId, carried.queue, query["wait"], seats)

    @blp.named("cancelJob")
    @blp.access(Role.ADMIN, 404, 409)
    @blp.response(202, Job)
    def delete(self, jobId: str) -> RunJob:
        """Cancel a batch run

        What was computed stays. 409: the run has ended already.
        """
        return runs.cancel(principal().tenant_id, jobId, principal().name, components().queue)


@blp.route("/clv/jobs/<jobId>/errors", parameters=[_JOB_ID])
class JobErrors(MethodView):
    """What went wrong in a run."""

    @blp.named("listJobErrors")
    @blp.access(Role.VIEWER, 400, 404)
    @paginated(blp, CustomerErrorList, BY_CUSTOMER)
    def get(self, after: str | None, limit: int, jobId: str) -> list[runs.CustomerError]:
        """List the customers that a run could not compute"""
        return runs.errors_page(principal().tenant_id, jobId, after or "", limit)


def _accepted(job: RunJob, headers: dict[str, str] | None = None) -> Any:
    response = current_app.json.response(Job().dump(job))
    response.status_code = 202
    response.headers.update(headers or {})
    response.headers["Location"] = url_for("compute.JobById", jobId=job.job_id)
    return response


def _result(job: RunJob) -> Any:
    runs.check_success(job)
    return current_app.json.response(ComputeResult().dump(job))


def _preferences() -> set[str]:
    """The preferences of the request without their parameters (RFC 7240)."""
    listed = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return {preference.partition(";")[0].strip() for preference in listed}
