"""The nightly run of every tenant: ``python -m jobs.cron``, or inside the workers by a setting.

When a tenant's nightly run was started last is kept with the tenant and changed in the
transaction that creates the run. So two of these at once are harmless, one that was down catches
up when it is back, and a crash in the middle leaves the rest to the next look.
"""

import logging
import time

from clv import config, db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.errors import Unavailable
from clv.queue import Queue
from clv.services import backtests, batch
from clv.store import runs
from jobs.queue import JobQueue, connect

LOOK_SECONDS = 30


def run_if_due(settings: Settings, queue: Queue) -> int:
    """Start the nightly runs that are due; returns their number."""
    due_ms = last_due_ms(settings.nightly_at, now_ms())
    started = runs.start_nightly(due_ms, int(settings.run_deadline_hours * 3_600_000))
    for run_id in started:
        queue.ring(run_id)
    if started:
        logs.event("nightly.started", runs=len(started))
    return len(started)


def last_due_ms(nightly_at: str, as_of_ms: int) -> int:
    """The latest moment at this UTC time of day (``02:00``) that is not after ``as_of_ms``."""
    hours, minutes = map(int, nightly_at.split(":"))
    offset = (hours * 60 + minutes) * 60_000
    return (as_of_ms - offset) // DAY_MS * DAY_MS + offset


def main() -> None:
    """Look twice a minute, for ever."""
    settings = config.load()
    logs.set_up(settings.log_level)
    db.configure(settings)
    queue = JobQueue(connect(settings.redis_url))
    logs.event("cron.started", nightly_at=settings.nightly_at)
    while True:
        try:
            with db.within(db.REQUEST_SECONDS):
                run_if_due(settings, queue)
                batch.sweep(queue)
                backtests.sweep(queue)
        except (*db.DOWN, Unavailable) as error:
            logs.event("cron.failed", logging.WARNING, error=logs.summary(error))
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
