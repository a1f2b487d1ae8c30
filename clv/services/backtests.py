"""The use cases of backtests: start, watch, list, and carry one out.

``clv.services.fitting`` does the measuring; who works on a backtest is decided in
``clv.store.backtests``. As with a run, the database is the truth, and a job is only a doorbell.
What may go wrong, and what happens then:

- A work-horse is killed or runs out of memory: its lease expires and the sweep rings again, up to
  3 attempts.
- A worker is told to stop, or fails: it frees the backtest, which is not tried again before 1, 4
  and 15 s have passed.
- A worker was only paused: its attempt is no longer the latest one, and its result is refused.
- Anything else: a backtest past its deadline fails.
"""

import contextlib
import logging
from dataclasses import dataclass

from clv import db, logs
from clv.config import Settings
from clv.errors import Conflict, Invalid, NotFitted, NotFound, Unavailable
from clv.prediction import backtest_result
from clv.prediction.backtest_result import BacktestResult
from clv.queue import Queue
from clv.services import fitting
from clv.services.runs import stored_id
from clv.store import backtests, tenants
from clv.store.backtests import Backtest
from clv.store.tenants import Tenant

NO_WORKER = "No worker is running: the backtest starts when one does."


@dataclass(frozen=True, slots=True)
class BacktestDetails:
    """A backtest as its callers see it.

    :param holdout_days: None until it is known, if it was not given
    :param message: why it failed, or what it waits for
    :param result: None until it has finished
    """

    id: int
    backtest_id: str
    status: str
    is_active: bool
    holdout_days: int | None
    requested_by: str
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    message: str | None
    result: BacktestResult | None


def start(
    tenant: Tenant,
    holdout_days: int | None,
    requested_by: str,
    settings: Settings,
    queue: Queue,
) -> BacktestDetails:
    """Create a backtest, and ring for a worker.

    :param holdout_days: the last days of the history, which the models don't see; None for half
        of the history
    :raises Conflict: while another one of the tenant is active, or without daily summaries
    :raises Unavailable: when the queue can't be reached; the backtest is closed then
    """
    created = _create(tenant, holdout_days, requested_by, settings)
    db.release()
    try:
        queue.ring_backtest(created.id)
    except Unavailable:
        backtests.fail(created.id, "The queue could not be reached.")
        raise
    return _details(created, None if queue.has_workers() else NO_WORKER)


def measure_now(
    tenant: Tenant, holdout_days: int | None, requested_by: str, settings: Settings
) -> BacktestDetails:
    """Create a backtest and carry it out here, without a queue; the arguments are those of
    :func:`start`.

    :raises Conflict: as :func:`start`
    """
    created = _create(tenant, holdout_days, requested_by, settings)
    try:
        work(created.id, settings)
    finally:
        # This has no effect on a backtest that has ended.
        fail(created.id, "The command was interrupted.")
    return _details(backtests.by_id(created.id))


def watch(tenant_id: int, backtest_id: str, queue: Queue) -> BacktestDetails:
    """A backtest as it is now; if it lacks a worker, ring for one.

    :raises NotFound: when the tenant has no such backtest
    """
    stored = stored_id(backtest_id, backtests.NO_SUCH_BACKTEST)
    return _look_after(backtests.by_backtest_id(tenant_id, stored), queue)


def newest(tenant_id: int, queue: Queue) -> BacktestDetails | None:
    """The tenant's newest backtest, whatever its status, watched like :func:`watch`."""
    rows = backtests.page(tenant_id, None, 1)
    return _look_after(rows[0], queue) if rows else None


def newest_result(tenant_id: int) -> BacktestDetails | None:
    """The tenant's newest backtest that has finished."""
    rows = backtests.page(tenant_id, None, 1, "finished")
    return _details(rows[0]) if rows else None


def page(tenant_id: int, before_id: int | None, limit: int) -> list[BacktestDetails]:
    """The tenant's backtests, newest first, older than the one with this internal id."""
    return [_details(backtest) for backtest in backtests.page(tenant_id, before_id, limit)]


def work(internal_id: int, settings: Settings) -> None:
    """Claim a backtest and carry it out; do nothing if there is nothing to claim."""
    lease_ms = settings.lease_ms
    attempt = backtests.claim(internal_id, lease_ms)
    if attempt is None:
        return
    if attempt > backtests.MAX_ATTEMPTS:
        fail(internal_id, "The backtest could not be done in 3 attempts.")
        return
    try:
        _measure(internal_id, attempt, lease_ms)
    except NotFound:
        # The tenant was deleted, and its backtests with it.
        return
    finally:
        # This has no effect on a backtest that has ended.
        backtests.leave(internal_id, attempt)


def sweep(queue: Queue, internal_id: int | None = None) -> None:
    """Fail every backtest that is past its deadline, and ring for every one that lacks a worker.

    :param internal_id: look at this backtest alone
    """
    for overdue in backtests.overdue(internal_id):
        fail(overdue, "The backtest did not end before its deadline.")
    for due in backtests.needing_work(internal_id):
        queue.ring_backtest(due)


def fail(internal_id: int, reason: str) -> None:
    """End a backtest as failed unless it has ended already."""
    if backtests.fail(internal_id, reason):
        logs.event("backtest.failed", logging.WARNING, backtest=internal_id, reason=reason)


def _create(
    tenant: Tenant, holdout_days: int | None, requested_by: str, settings: Settings
) -> Backtest:
    if tenant.period_type not in (None, "daily"):
        raise Conflict(
            f"A backtest needs daily summaries, and the tenant's are {tenant.period_type}."
        )
    return backtests.create(tenant.id, holdout_days, requested_by, settings.run_deadline_ms)


def _look_after(backtest: Backtest, queue: Queue) -> BacktestDetails:
    if not backtest.is_active:
        return _details(backtest)
    with contextlib.suppress(Unavailable), db.tolerated():
        sweep(queue, backtest.id)
    return _details(backtests.by_id(backtest.id))


def _details(backtest: Backtest, message: str | None = None) -> BacktestDetails:
    """A backtest with its result.

    :param message: used when the backtest has no message of its own
    """
    result = backtest.result
    return BacktestDetails(
        id=backtest.id,
        backtest_id=backtest.backtest_id,
        status=backtest.status,
        is_active=backtest.is_active,
        holdout_days=backtest.holdout_days,
        requested_by=backtest.requested_by,
        created_ms=backtest.created_ms,
        started_ms=backtest.started_ms,
        finished_ms=backtest.finished_ms,
        message=backtest.message or message,
        result=None if result is None else backtest_result.from_json(result),
    )


def _measure(internal_id: int, attempt: int, lease_ms: int) -> None:
    backtest = backtests.by_id(internal_id)
    tenant = tenants.tenant_by_id(backtest.tenant_id)
    logs.event("backtest.started", backtest=internal_id, attempt=attempt)
    try:
        result = fitting.backtest_tenant(
            tenant, backtest.holdout_days, lambda: backtests.renew(internal_id, attempt, lease_ms)
        )
    except (Invalid, NotFitted) as error:
        fail(internal_id, error.message)
        return
    stored = backtest_result.to_json(result)
    if backtests.finish(internal_id, attempt, result.holdout_days, stored):
        logs.event("backtest.finished", backtest=internal_id)
