"""The use cases of batch runs: start, watch, wait, cancel, list, and keep them going.

The API, the page, the command line and the workers call the same functions. How a run is carried
out is in ``clv.services.batch``; what may happen to one is decided in ``clv.store.runs``.
"""

import contextlib
import logging
import time
import uuid
from dataclasses import dataclass
from typing import Protocol

from clv import db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.calendar import FUTURE_TOLERANCE_MS
from clv.domain.units import DAY_MS
from clv.errors import Conflict, NotFound, RunFailed, Unavailable
from clv.queue import Queue
from clv.services import ahead
from clv.services.job import Job, job_of
from clv.store import due, runs, tenants
from clv.store.ahead import LONGEST_LEASE_MS
from clv.store.runs import Run
from clv.store.tenants import Tenant

# How often a waiting request looks: quickly at first, because many runs take no time.
FIRST_POLL_SECONDS = 0.02
LAST_POLL_SECONDS = 0.2

NO_WORKER = "No worker is running: the run starts when one does."


class Seats(Protocol):
    """Limits how many callers wait at once."""

    def take(self) -> bool:
        """Take a seat if one is free."""
        ...

    def leave(self) -> None:
        """Give the seat back."""


@dataclass(frozen=True, slots=True)
class CustomerError:
    """A customer that a run could not compute."""

    customer_id: str
    message: str


def start(
    tenant_id: int, segment: str | None, requested_by: str, settings: Settings, queue: Queue
) -> Job:
    """Join the tenant's queued run or create one, and ring for a worker.

    :raises Unavailable: when the queue can't be reached. A run that this call created is closed
        then, so that a doorbell that arrives late does nothing.
    """
    run, created = runs.join_or_create(tenant_id, segment, requested_by, settings.run_deadline_ms)
    db.release()
    try:
        queue.ring(tenant_id)
    except Unavailable:
        if created:
            runs.close(run.id, "failed", "The queue could not be reached.")
        raise
    return job_of(run, now_ms(), message=waits_for(run, queue))


def start_nightly(settings: Settings, queue: Queue, as_of_ms: int) -> int:
    """Start the nightly runs that are due; returns how many.

    The tenant's row holds the time of its last nightly run, and the transaction that creates the
    run changes it. So concurrent calls are harmless, a missed night is caught up, and a crash
    leaves the other tenants to the next call.
    """
    due_ms = last_due_ms(settings.nightly_at, as_of_ms)
    latest_ms = as_of_ms + FUTURE_TOLERANCE_MS
    ahead.report_nightly(latest_ms)
    started = due.start_nightly(due_ms, latest_ms, settings.run_deadline_ms)
    for tenant_id in started:
        queue.ring(tenant_id)
    if started:
        logs.event("nightly.started", runs=len(started))
    return len(started)


def last_due_ms(nightly_at: str, as_of_ms: int) -> int:
    """The latest moment at this UTC time of day (``02:00``) that is not after ``as_of_ms``."""
    hours, minutes = map(int, nightly_at.split(":"))
    offset = (hours * 60 + minutes) * 60_000
    return (as_of_ms - offset) // DAY_MS * DAY_MS + offset


def watch(
    tenant_id: int, job_id: str, queue: Queue, seconds: float = 0.0, seats: Seats | None = None
) -> Job:
    """A run as it is now; if it lacks a worker, ring for one. Waits for its end like :func:`wait`.

    :raises NotFound: when the tenant has no such run
    """
    run = _find(tenant_id, job_id)
    if run.is_active:
        with contextlib.suppress(Unavailable), db.tolerated():
            sweep(queue, run.id)
    return _as_of_now(_wait(run, seconds, seats) or run, queue)


def active_of_tenant(tenant_id: int) -> tuple[Tenant, Job] | None:
    """The tenant and its running run, or else its queued one; None if it has neither."""
    run_id = runs.active_of_tenant(tenant_id)
    try:
        return None if run_id is None else (tenants.tenant_by_id(tenant_id), as_stored(run_id))
    except NotFound:
        # Deleted in between.
        return None


def as_stored(run_id: int) -> Job:
    """A run as the database has it.

    :raises NotFound: when it was deleted meanwhile
    """
    return job_of(runs.by_id(run_id), now_ms())


def wait(job: Job, seconds: float, queue: Queue, seats: Seats | None = None) -> Job:
    """The run when it has ended, or after this many seconds. No connection is held meanwhile.

    :param seats: who waits takes one; when none is free, the job is returned at once
    """
    run = _wait(job, seconds, seats)
    return job if run is None else _as_of_now(run, queue)


def waits_for(run: Run | Job, queue: Queue) -> str | None:
    """What a queued run waits for, if that is a worker."""
    return NO_WORKER if run.status == "queued" and not queue.has_workers() else None


def check_success(job: Job) -> None:
    """Check that a run that has ended did what was asked.

    :raises Conflict: when it was cancelled
    :raises RunFailed: when it failed
    """
    if job.status == "cancelled":
        raise Conflict(f"The run was cancelled meanwhile: job {job.job_id}.")
    if job.status == "failed":
        raise RunFailed(f"The run failed: {job.message} It is job {job.job_id}.")


def page(tenant_id: int, before_id: int | None, limit: int, queue: Queue) -> list[Job]:
    """The tenant's runs, newest first, older than the one with this internal id."""
    return [_as_of_now(run, queue) for run in runs.page(tenant_id, before_id, limit)]


def errors_page(tenant_id: int, job_id: str, after: str, limit: int) -> list[CustomerError]:
    """The customers that a run could not compute, ordered by id, after this id.

    :raises NotFound: when the tenant has no such run
    """
    rows = runs.errors_page(_find(tenant_id, job_id).id, after, limit)
    return [CustomerError(*row) for row in rows]


def cancel(tenant_id: int, job_id: str, by: str, queue: Queue) -> Job:
    """Cancel an active run: no chunk of it is written from now on. Its doorbell is taken back.

    :raises NotFound: when the tenant has no such run
    :raises Conflict: when it has ended already
    """
    run = _find(tenant_id, job_id)
    if not runs.close(run.id, "cancelled", f"Cancelled by {by}."):
        raise Conflict(f"The run has ended already: it is {_find(tenant_id, job_id).status}.")
    logs.event("run.cancelled", run=run.id)
    with contextlib.suppress(Unavailable):
        _take_doorbell_back(tenant_id, queue)
    return _as_of_now(_find(tenant_id, job_id), queue)


def fail(run_id: int, reason: str, queue: Queue) -> None:
    """End a run as failed unless it has ended already."""
    if runs.close(run_id, "failed", reason):
        logs.event("run.failed", logging.ERROR, run=run_id, reason=reason)
        ring_for_next(runs.by_id(run_id).tenant_id, queue)


def ring_for_next(tenant_id: int, queue: Queue) -> None:
    """Ring for the tenant's queued run, which may start now that another one has ended."""
    if runs.queued_of_tenant(tenant_id) is not None:
        queue.ring(tenant_id)


def sweep(queue: Queue, run_id: int | None = None, lease_ms: int = LONGEST_LEASE_MS) -> None:
    """Fail every run that is past its deadline, and ring for every run that needs a worker, even
    if only to be finished, and whose tenant has no doorbell in the queue.

    :param run_id: look at this run alone
    :param lease_ms: how long leases are; those that lie further ahead are dropped
    """
    fail_dated_ahead(queue, run_id)
    for overdue in due.overdue(run_id):
        fail(overdue, "The run did not end before its deadline.", queue)
    ahead.drop_leases(lease_ms, run_id)
    for forgotten, tenant_id in due.needing_work(run_id):
        if not queue.waiting(tenant_id):
            logs.event("run.rung_again", run=forgotten)
            queue.ring(tenant_id)


def fail_dated_ahead(queue: Queue, run_id: int | None = None) -> None:
    """Fail every active run that began while the clock was ahead: what it computed would be dated
    ahead as well.

    :param run_id: look at this run alone
    """
    for wrong in due.dated_ahead(run_id):
        ahead.report(runs.by_id(wrong).tenant_id, ["run"])
        fail(wrong, "The run began while the database's clock was ahead. Start another one.", queue)


def stored_id(public_id: str, missing: str) -> str:
    """The public id of a run or a backtest, a UUID in any spelling, as it is stored.

    :raises NotFound: with the message ``missing`` when it is not a UUID
    """
    try:
        return str(uuid.UUID(public_id))
    except ValueError:
        raise NotFound(missing) from None


def _take_doorbell_back(tenant_id: int, queue: Queue) -> None:
    """Take the tenant's doorbell back unless another run of it is active."""
    if runs.active_of_tenant(tenant_id) is None:
        queue.take_back(tenant_id)
    # Who created a run in between may have seen the doorbell and left it at that.
    if runs.active_of_tenant(tenant_id) is not None:
        queue.ring(tenant_id)


def _find(tenant_id: int, job_id: str) -> Run:
    return runs.by_job_id(tenant_id, stored_id(job_id, runs.NO_SUCH_JOB))


def _as_of_now(run: Run, queue: Queue) -> Job:
    live = queue.live_progress(run.job_id) if run.status == "running" else None
    return job_of(run, now_ms(), live)


def _wait(run: Run | Job, seconds: float, seats: Seats | None) -> Run | None:
    """The run after the wait; None when there is nothing to wait for, or no seat."""
    if seconds <= 0 or not run.is_active:
        return None
    if seats is None:
        return _poll(run.id, seconds)
    if not seats.take():
        return None
    try:
        return _poll(run.id, seconds)
    finally:
        seats.leave()


def _poll(run_id: int, seconds: float) -> Run:
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
