"""The nightly run of every tenant: ``python -m jobs.cron``, or in the workers by a setting."""

import logging
import signal
import time

from clv import config, db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.errors import Unavailable
from clv.queue import Queue
from clv.services import backtests, maintenance, runs
from jobs.queue import JobQueue, connect

LOOK_SECONDS = 30


def main() -> None:
    """Look twice a minute until told to stop."""
    settings = config.load()
    logs.set_up(settings.log_level)
    db.configure(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _look_on(settings)
    except KeyboardInterrupt:
        logs.event("cron.stopped")


def look(settings: Settings, queue: Queue) -> None:
    """Start the nightly runs that are due, and sweep: a machine may have cron and no worker."""
    try:
        with db.within(db.REQUEST_SECONDS):
            runs.start_nightly(settings, queue, now_ms())
            runs.sweep(queue, lease_ms=settings.lease_ms)
            backtests.sweep(queue)
            maintenance.ring_if_due(settings, queue, now_ms())
    except (*db.ERRORS, Unavailable) as error:
        logs.event("cron.failed", logging.WARNING, cause=db.cause(error), error=logs.trace(error))


def _look_on(settings: Settings) -> None:
    db.wait_for_migration()
    queue = JobQueue(connect(settings.redis_url))
    logs.event("cron.started", nightly_at=settings.nightly_at)
    while True:
        look(settings, queue)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
