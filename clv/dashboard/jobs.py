"""The pages of batch runs (jobs): start one, watch it, cancel it, and read what went wrong."""

from flask import Response, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from clv.api.paging import BY_CUSTOMER, BY_ID, read_page
from clv.auth.principal import Role
from clv.dashboard.blueprint import blp, is_part, needs, page
from clv.domain.scoring import SEGMENTS
from clv.errors import Invalid
from clv.http.access import principal
from clv.http.application import components
from clv.services import runs

PAGE = 20


@blp.get("/jobs")
def jobs() -> str:
    """The runs, newest first, and the form that starts one."""
    cursor, queue = request.args.get("cursor"), components().queue
    listed = read_page(
        lambda before, limit: runs.page(principal().tenant_id, before, limit, queue),
        BY_ID,
        PAGE,
        cursor,
    )
    return page("jobs.html", listed=listed, is_first=cursor is None, segments=SEGMENTS)


@blp.post("/jobs")
@needs(Role.ADMIN)
def job_start() -> BaseResponse:
    """Start a run, or join the one that waits already, and lead to it."""
    segment = request.form.get("segment") or None
    if segment is not None and segment not in SEGMENTS:
        raise Invalid(f"The segment must be one of: {', '.join(SEGMENTS)}.")
    settings, queue, me = components().settings, components().queue, principal()
    job = runs.start(me.tenant.id, segment, me.name, settings, queue)
    return _to_job(job.job_id)


@blp.get("/jobs/<job_id>")
def job_page(job_id: str) -> str:
    """A run with its progress and its errors."""
    tenant_id, queue = principal().tenant_id, components().queue
    job = runs.watch(tenant_id, job_id, queue)
    errors = read_page(
        lambda after, limit: runs.errors_page(tenant_id, job_id, after or "", limit),
        BY_CUSTOMER,
        PAGE,
        request.args.get("cursor"),
    )
    return page("job.html", job=job, errors=errors, message=runs.waits_for(job, queue))


@blp.get("/jobs/<job_id>/progress")
def job_progress(job_id: str) -> Response:
    """How far a run is, as a part of its page; the page is loaded anew when the run has ended."""
    queue = components().queue
    job = runs.watch(principal().tenant_id, job_id, queue)
    response = make_response(page("job_progress.html", job=job, message=runs.waits_for(job, queue)))
    if not job.is_active and is_part():
        response.headers["HX-Refresh"] = "true"
    return response


@blp.post("/jobs/<job_id>/cancel")
@needs(Role.ADMIN)
def job_cancel(job_id: str) -> BaseResponse:
    """Cancel a run."""
    me = principal()
    return _to_job(runs.cancel(me.tenant_id, job_id, me.name, components().queue).job_id)


def _to_job(job_id: str) -> BaseResponse:
    return redirect(url_for("dashboard.job_page", job_id=job_id), 303)
