"""What RQ calls: each function is a job."""

from clv import config, db
from clv.services import backtests, batch
from jobs.queue import JobQueue, connect


def measure(internal_id: int) -> None:
    """The RQ job: work off a backtest, unless another one does."""
    settings = config.from_env()
    with db.scope():
        backtests.work(internal_id, settings)


def drain(run_id: int) -> None:
    """The RQ job: work on a run for a short while, and ring again if there is more to do."""
    settings = config.from_env()
    with db.scope():
        batch.work(run_id, JobQueue(connect(settings.redis_url)), settings)
