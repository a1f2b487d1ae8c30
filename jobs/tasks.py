"""What RQ calls: each function is a job, and its only argument is an id in the database."""

from typing import Any

from clv import config, db
from clv.services import backtests, batch
from jobs import display
from jobs.queue import JobQueue, connect


def drain(tenant_id: int) -> dict[str, Any] | None:
    """Work on a tenant's run for a short while, and ring again if more is left to do. Returns the
    run's result if it has ended."""
    settings = config.from_env()
    with db.scope(), display.shown(tenant_id) as outcome:
        batch.work_for_tenant(tenant_id, JobQueue(connect(settings.redis_url)), settings)
    return outcome.result


def measure(internal_id: int) -> None:
    """Carry out a backtest, unless another job does so already."""
    settings = config.from_env()
    with db.scope():
        backtests.work(internal_id, settings)
