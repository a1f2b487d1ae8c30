"""What RQ calls: each function is a job, and its only argument is an id in the database, or
the time of a night."""

from typing import Any

from rq import get_current_job

from clv import config, db
from clv.services import backtests, batch, maintenance
from jobs import display
from jobs.queue import JobQueue, connect


def drain(tenant_id: int) -> dict[str, Any] | None:
    """Work on a tenant's run for a short while, and ring again if more is left to do. Returns the
    run's result if it has ended."""
    settings = config.from_env()
    with db.scope(), display.shown(tenant_id) as outcome:
        _close_idle_connection()
        batch.work_for_tenant(tenant_id, JobQueue(connect(settings.redis_url)), settings)
    return outcome.result


def measure(internal_id: int) -> None:
    """Carry out a backtest, unless another job does so already."""
    settings = config.from_env()
    with db.scope():
        backtests.work(internal_id, settings)


def maintain(due_ms: int) -> None:
    """Do the maintenance of this night, unless another job has begun it."""
    settings = config.from_env()
    with db.scope():
        maintenance.maintain_if_due(settings, due_ms)


def _close_idle_connection() -> None:
    """Close the connection on which RQ has fetched the job, and which is opened again to report:
    meanwhile the job needs two of its own."""
    if job := get_current_job():
        job.connection.connection_pool.disconnect()
