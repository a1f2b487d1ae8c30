"""Batch runs as a blueprint or the command line asks for them: start one, wait for it, show it.

How a run is worked off is in ``clv.services.batch``.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping

from clv import db, logs
from clv.db.clock import now_ms
from clv.errors import NotFound, Unavailable
from clv.queue import Queue
from clv.store import runs
from clv.store.runs import Run

# How often a waiting request looks: quickly at first, for the many runs that take no time.
FIRST_POLL_SECONDS = 0.02
LAST_POLL_SECONDS = 0.2

NO_WORKER = "No worker is running: the run starts when one does."


def start(
    tenant_id: int,
    segment: str | None,
    requested_by: str,
    deadline_hours: float,
    ring: Callable[[int], None],
) -> Run:
    """Join the tenant's queued run or create one, and ring for a worker.

    :raises Unavailable: when the queue can't be reached; a run that this call created is closed
        then, so that a doorbell which arrives late does nothing
    """
    run, created = runs.join_or_create(
        tenant_id, segment, requested_by, int(deadline_hours * 3_600_000)
    )
    db.release()
    try:
        ring(run.id)
    except Unavailable:
        if created:
            runs.close(run.id, "failed", "The queue could not be reached.")
        raise
    return run


def wait(run_id: int, seconds: float) -> Run:
    """The run when it has ended, or after so many seconds. No connection is held meanwhile."""
    deadline = time.monotonic() + seconds
    pause = FIRST_POLL_SECONDS
    while True:
        run = runs.by_id(run_id)
        remaining = deadline - time.monotonic()
        if not run.is_active or remaining <= 0:
            return run
        db.release()
        time.sleep(min(pause, remaining))
        pause = min(pause * 1.5, LAST_POLL_SECONDS)


def find(tenant_id: int, job_id: str) -> Run:
    """
    :raises NotFound: when the tenant has no such run, or the id is none
    """
    try:
        canonical = str(uuid.UUID(job_id))
    except ValueError:
        raise NotFound(runs.NO_SUCH_JOB) from None
    return runs.by_job_id(tenant_id, canonical)


def page(tenant_id: int, before_id: int | None, limit: int) -> list[Run]:
    """The tenant's runs, newest first, older than the one with this internal id."""
    return runs.page(tenant_id, before_id, limit)


def errors_page(run: Run, after: str, limit: int) -> list[tuple[str, str]]:
    """Customers that a run could not compute, by id, with the reasons."""
    return runs.errors_page(run.id, after, limit)


def job(run: Run, live: Mapping[str, int] | None = None, message: str | None = None) -> dict:
    """A run as the API shows it.

    :param live: the counters of Redis while it runs; without them the database's are shown
    :param message: shown where the run has none of its own
    """
    counters = live if live is not None and run.is_active else None
    computed = counters["computed"] if counters else run.computed
    errors = counters["errors"] if counters else run.errors
    processed = computed + errors
    rate = _rate(run, processed)
    return {
        "jobId": run.job_id,
        "status": run.status,
        "success": run.status == "finished",
        "segment": run.segment or "all",
        "total": run.total,
        "processed": processed,
        "computed": computed,
        "errors": errors,
        "percent": _percent(run, processed),
        "customersPerSecond": rate,
        "etaSeconds": _eta(run, processed, rate),
        "requestedBy": run.requested_by,
        "createdAt": run.created_ms,
        "startedAt": run.started_ms,
        "finishedAt": run.finished_ms,
        "message": run.message or message,
    }


def _percent(run: Run, processed: int) -> float:
    if run.status == "finished":
        return 100.0
    if not run.total:
        return 0.0
    # The total is an estimate: only the end of the run is 100.
    return min(99.9, int(1000 * processed / run.total) / 10)


def _rate(run: Run, processed: int) -> float | None:
    if run.started_ms is None or not processed:
        return None
    seconds = ((run.finished_ms or now_ms()) - run.started_ms) / 1000
    return round(processed / seconds, 1) if seconds > 0 else None


def _eta(run: Run, processed: int, rate: float | None) -> float | None:
    if not run.is_active or not rate or run.total is None:
        return None
    return round(max(0, run.total - processed) / rate, 1)


def cancel(run_id: int, by: str, queue: Queue) -> bool:
    """Cancel an active run: no chunk of it is written from now on. False when it had ended."""
    if not runs.close(run_id, "cancelled", f"Cancelled by {by}."):
        return False
    logs.event("run.cancelled", run=run_id)
    with contextlib.suppress(Unavailable):
        _ring_for_next(runs.by_id(run_id).tenant_id, queue)
    return True


def fail(run_id: int, reason: str, queue: Queue) -> None:
    """End the run as failed, and ring for the tenant's next one."""
    if runs.close(run_id, "failed", reason):
        logs.event("run.failed", logging.ERROR, run=run_id, reason=reason)
        _ring_for_next(runs.by_id(run_id).tenant_id, queue)


def _ring_for_next(tenant_id: int, queue: Queue) -> None:
    following = runs.queued_of_tenant(tenant_id)
    if following is not None:
        queue.ring(following)
