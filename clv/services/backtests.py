"""Backtests as a blueprint, the dashboard or the command line asks for them: start one, show it.

The doorbell that tells the workers is handed in.
"""

import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

from clv import db, logs
from clv.config import Settings
from clv.errors import Conflict, Invalid, NotFitted, NotFound, Unavailable
from clv.queue import Queue
from clv.services import fitting
from clv.store import backtests, tenants
from clv.store.backtests import Backtest
from clv.store.tenants import Tenant

NO_WORKER = "No worker is running: the backtest starts when one does."


def start(
    tenant: Tenant,
    holdout_days: int | None,
    requested_by: str,
    deadline_hours: float,
    ring: Callable[[int], None] | None,
) -> Backtest:
    """A new backtest, queued.

    :param holdout_days: the last days of the history, which the models don't see; None for the
        default, half of the history
    :param ring: tells the workers; None when the caller does the work
    :raises Conflict: while another one of the tenant is active, or without daily summaries
    :raises Unavailable: when the queue can't be reached; the backtest is closed then
    """
    if tenant.period_type not in (None, "daily"):
        raise Conflict(
            f"A backtest needs daily summaries, and the tenant's are {tenant.period_type}."
        )
    created = backtests.create(
        tenant.id, holdout_days, requested_by, int(deadline_hours * 3_600_000)
    )
    if ring is None:
        return created
    db.release()
    try:
        ring(created.id)
    except Unavailable:
        backtests.fail(created.id, "The queue could not be reached.")
        raise
    return created


def find(tenant_id: int, backtest_id: str) -> Backtest:
    """
    :raises NotFound: when the tenant has no such backtest, or the id is none
    """
    try:
        canonical = str(uuid.UUID(backtest_id))
    except ValueError:
        raise NotFound(backtests.NO_SUCH_BACKTEST) from None
    return backtests.by_backtest_id(tenant_id, canonical)


def page(tenant_id: int, before_id: int | None, limit: int) -> list[Backtest]:
    """The tenant's backtests, newest first, older than the one with this internal id."""
    return backtests.page(tenant_id, before_id, limit)


def newest(tenant_id: int) -> Backtest | None:
    """The tenant's newest backtest, whatever its status."""
    found = backtests.page(tenant_id, None, 1)
    return found[0] if found else None


def newest_result(tenant_id: int) -> Backtest | None:
    """The tenant's newest backtest that has finished."""
    found = backtests.page(tenant_id, None, 1, "finished")
    return found[0] if found else None


def view(found: Backtest, message: str | None = None) -> dict[str, Any]:
    """A backtest as the API and the dashboard show it.

    :param message: shown where it has none of its own
    """
    return {
        "backtestId": found.backtest_id,
        "status": found.status,
        "holdoutDays": found.holdout_days,
        "requestedBy": found.requested_by,
        "createdAt": found.created_ms,
        "startedAt": found.started_ms,
        "finishedAt": found.finished_ms,
        "message": found.message or message,
        "result": None if found.result is None else json.loads(found.result),
    }


def work(internal_id: int, settings: Settings) -> None:
    """Claim a backtest and bring it to its end; nothing if there is nothing to claim."""
    lease_ms = int(settings.lease_seconds * 1000)
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
        # It has no effect on one that has ended.
        backtests.leave(internal_id, attempt)


def sweep(queue: Queue, internal_id: int | None = None) -> None:
    """Ring for every backtest (or for this one) that waits for a worker, and fail those past
    their deadlines."""
    for overdue in backtests.overdue(internal_id):
        fail(overdue, "The backtest did not end before its deadline.")
    for due in backtests.needing_work(internal_id):
        queue.ring_backtest(due)


def fail(internal_id: int, reason: str) -> None:
    """End the backtest as failed."""
    if backtests.fail(internal_id, reason):
        logs.event("backtest.failed", logging.WARNING, backtest=internal_id, reason=reason)


def _measure(internal_id: int, attempt: int, lease_ms: int) -> None:
    found = backtests.by_id(internal_id)
    tenant = tenants.tenant_by_id(found.tenant_id)
    logs.event("backtest.started", backtest=internal_id, attempt=attempt)
    try:
        result = fitting.backtest_tenant(
            tenant, found.holdout_days, lambda: backtests.renew(internal_id, attempt, lease_ms)
        )
    except (Invalid, NotFitted) as error:
        fail(internal_id, error.message)
        return
    if backtests.finish(internal_id, attempt, result["holdoutDays"], json.dumps(result)):
        logs.event("backtest.finished", backtest=internal_id)
