"""A worker process: ``python -m jobs.worker``."""

import logging
import os
import signal
import time
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import HerokuWorker
from rq.worker.base import StopRequested, WorkerStatus
from rq.worker_registration import register

from clv import config, db, logs
from clv.config import Settings
from clv.errors import Unavailable
from clv.services import backtests, batch

# Imported before the first fork: a job costs 32 ms then, and 196 ms otherwise.
from jobs import cron, tasks  # noqa: F401
from jobs.queue import NAME, JobQueue, OwnJob, connect, what_fails

MONITORING_SECONDS = 5
# RQ waits for a job this much shorter than a worker's time to live, and beats in between.
RQ_MARGIN_SECONDS = 15
RESTART_SECONDS = 1


class SweepingWorker(HerokuWorker):
    """An RQ worker whose heartbeat also sweeps: it finds runs that nobody works on, whatever
    happened to their jobs and to the workers that had them."""

    def __init__(self, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings = settings
        self._job_queue = JobQueue(connect(settings.redis_url))
        self._swept = 0.0
        self._failure = ""
        self.told_to_stop = False

    def request_stop(self, signum: int, frame: Any) -> None:
        """Stop after the current job."""
        self.told_to_stop = True
        super().request_stop(signum, frame)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Beat, be listed again if Redis was emptied (RQ lists a worker at its birth only), and
        sweep when it is time.

        :raises StopRequested: when the worker was told to stop and is idle
        """
        super().heartbeat(timeout, pipeline)
        if self.is_horse:
            return
        if time.monotonic() - self._swept >= self._settings.sweep_seconds:
            self._swept = time.monotonic()
            if not self.connection.sismember(self.redis_workers_keys, self.key):
                self.connection.hset(self.key, mapping=self.serialize())
                register(self)
            self._sweep()
        if self.told_to_stop and self.get_state() != WorkerStatus.BUSY:
            # The signal's own exception is lost where somebody suppresses all of them, as Peewee
            # does while it closes a connection.
            raise StopRequested

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Signal the work-horse and what it started. RQ signals its process group, which is still
        ours for a moment after the fork: whoever stopped the worker then killed the worker itself
        and all that was started with it, a shell or a launcher for one."""
        if not self.horse_pid:
            return
        try:
            if os.getpgid(self.horse_pid) == os.getpgrp():
                os.kill(self.horse_pid, sig)
                return
        except ProcessLookupError:
            return
        super().kill_horse(sig)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log what failed and where, without the text of the exception: it may hold data."""
        self._failure = logs.summary(exc_info[1])
        logs.event("job.failed", logging.ERROR, job=job.id, error=self._failure)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Keep in Redis, where a dashboard shows it, of an exception only what is logged of it."""
        exc_string, self._failure = self._failure or exc_string, ""
        super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)

    def _sweep(self) -> None:
        try:
            # A parent that waits does not beat, and is taken for dead.
            with db.within(db.REQUEST_SECONDS):
                batch.sweep(self._job_queue)
                backtests.sweep(self._job_queue)
                if self._settings.worker_runs_cron:
                    cron.run_if_due(self._settings, self._job_queue)
        except (*db.DOWN, Unavailable) as error:
            logs.event("sweep.failed", logging.WARNING, error=logs.summary(error))
        finally:
            # The next job is forked from here and must not share a connection.
            db.disconnect()


def main() -> None:
    """Work until told to stop. RQ's worker gives up when Redis fails it at the wrong moment; a new
    one takes its place."""
    settings = config.load()
    logs.set_up(settings.log_level)
    db.configure(settings)
    while not _work(settings):
        time.sleep(RESTART_SECONDS)


def _work(settings: Settings) -> bool:
    """Work until told to stop (True), or until Redis fails."""
    connection = Redis.from_url(settings.redis_url)
    worker = None
    try:
        worker = SweepingWorker(
            settings,
            queues=[Queue(NAME, connection=connection, serializer=JSONSerializer)],
            connection=connection,
            serializer=JSONSerializer,
            job_class=OwnJob,
            worker_ttl=int(settings.sweep_seconds) + RQ_MARGIN_SECONDS,
            maintenance_interval=max(1, int(settings.sweep_seconds)),
            job_monitoring_interval=MONITORING_SECONDS,
            log_job_description=False,
        )
        logs.event("worker.started", worker=worker.name)
        worker.work(logging_level="CRITICAL")
    except StopRequested:
        pass
    except (RedisError, OSError) as error:
        reason = what_fails(error)
        logs.event("redis.lost", logging.WARNING, reason=reason, error=logs.summary(error))
    finally:
        # RQ's handlers must not outlive their worker: they would swallow the signal.
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, signal.SIG_DFL)
    stopped = worker is not None and worker.told_to_stop
    logs.event("worker.stopped" if stopped else "worker.restarting")
    return stopped


if __name__ == "__main__":
    main()
