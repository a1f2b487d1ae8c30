"""Works off a backtest: ``clv.fitting`` measures, and this decides who does, and what if it fails.

As with a run the database is the truth and a job only a doorbell. A work-horse that is killed or
runs out of memory: the lease expires, and the sweep rings again, up to 3 attempts. A worker that
is told to stop frees the backtest. One that was only paused: its attempt is not the latest one by
then, and its result is refused. Anything else: past its deadline a backtest fails.
"""

import json
import logging
from typing import Protocol

from clv import config, db, fitting, logs
from clv.config import Settings
from clv.errors import Invalid, NotFitted, NotFound
from clv.store import backtests, tenants


class Doorbell(Protocol):
    """What a sweep needs of the queue."""

    def ring_backtest(self, internal_id: int) -> None: ...


def measure(internal_id: int) -> None:
    """The RQ job: work off a backtest, unless another one does."""
    settings = config.from_env()
    with db.scope():
        work(internal_id, settings)


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


def sweep(queue: Doorbell, internal_id: int | None = None) -> None:
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
