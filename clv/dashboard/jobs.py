"""Batch runs: start one, watch it, cancel it, and read what went wrong."""

from functools import partial

from flask import Response, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from clv.api.paging import read_page
from clv.api.runs import (
    ERROR_POSITION,
    RUN_POSITION,
    cancel,
    errors_page,
    job,
    look_after,
    start,
)
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
    cursor = request.args.get("cursor")
    read = partial(runs.page, principal().tenant.id)
    listed = read_page(read, RUN_POSITION, PAGE, cursor, show=job)
    return page("jobs.html", listed=listed, is_first=cursor is None, segments=SEGMENTS)


@blp.post("/jobs")
@needs(Role.ADMIN)
def job_start() -> BaseResponse:
    """Start a run, or join the one that waits already, and lead to it."""
    segment = request.form.get("segment") or None
    if segment is not None and segment not in SEGMENTS:
        raise Invalid(f"The segment must be one of: {', '.join(SEGMENTS)}.")
    run, _ = start(segment)
    return redirect(url_for("dashboard.job_page", job_id=run.job_id), 303)


@blp.get("/jobs/<job_id>")
def job_page(job_id: str) -> str:
    """A run with its progress and its errors."""
    run = look_after(job_id)
    cursor = request.args.get("cursor")
    errors = read_page(partial(errors_page, run), ERROR_POSITION, PAGE, cursor)
    return page("job.html", job=job(run), errors=errors, message=_waits_for(run.status))


@blp.get("/jobs/<job_id>/progress")
def job_progress(job_id: str) -> Response:
    """How far a run is, as a part of its page; the page is loaded anew when the run has ended."""
    run = look_after(job_id)
    response = make_response(
        page("job_progress.html", job=job(run), message=_waits_for(run.status))
    )
    if not run.is_active and is_part():
        response.headers["HX-Refresh"] = "true"
    return response


@blp.post("/jobs/<job_id>/cancel")
@needs(Role.ADMIN)
def job_cancel(job_id: str) -> BaseResponse:
    """Cancel a run."""
    run = cancel(job_id)
    return redirect(url_for("dashboard.job_page", job_id=run.job_id), 303)


def _waits_for(status: str) -> str | None:
    """What a run waits for that has not begun."""
    has_workers = components().queue.has_workers
    return runs.NO_WORKER if status == "queued" and not has_workers() else None
