"""A worker process: ``python -m jobs.worker``."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import HerokuWorker
from rq.worker.base import StopRequested, WorkerStatus
from rq.worker_registration import register

from clv import config, db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.errors import Unavailable
from clv.services import backtests, maintenance, runs

# Imported before the first fork: a job costs 32 ms then, and 196 ms otherwise.
from jobs import failures, tasks  # noqa: F401
from jobs.job import OwnJob, OwnQueue
from jobs.queue import NAME, JobQueue

# How often RQ looks at its work-horse, and has a heartbeat, while a job runs.
MONITORING_SECONDS = 5
# RQ waits for a job for this much less than ``worker_ttl``; then it has a heartbeat.
RQ_MARGIN_SECONDS = 15
# The pause before a new worker, which doubles each time.
FIRST_RESTART_SECONDS = 1.0
LAST_RESTART_SECONDS = 30.0


class StoppableWorker(HerokuWorker):
    """Stops when it is told to, and stops nothing but itself and its work-horse."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told_to_stop = False

    def subscribe(self) -> None:
        """Take no commands from Redis, where anybody who writes there could stop a job or the
        worker: that needs no connection. This can go when RQ has a setting for it."""

    def request_stop(self, signum: int, frame: Any) -> None:
        """Stop after the current job."""
        self.told_to_stop = True
        super().request_stop(signum, frame)

    def stop_if_idle(self) -> None:
        """Stop a worker that was told to, and whose signal was lost.

        RQ's signal handler raises an exception, which is lost when it arrives in code that
        suppresses every exception, as Peewee does while it closes a connection. This can go when
        RQ's main loop reads a flag that the handler sets.

        :raises StopRequested: when the worker was told to stop and is idle
        """
        if self.told_to_stop and self.get_state() != WorkerStatus.BUSY:
            raise StopRequested

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Signal the work-horse and the processes that it started.

        RQ signals the horse's process group, which for a moment after the fork is still the
        worker's own: that kills the worker and whatever was started with it, such as a shell or
        the launcher. This can go when RQ calls ``setpgid`` in the parent, too, before it signals.
        """
        if not self.horse_pid:
            return
        try:
            if os.getpgid(self.horse_pid) == os.getpgrp():
                os.kill(self.horse_pid, sig)
                return
        except ProcessLookupError:
            return
        super().kill_horse(sig)


class DiscreetWorker(HerokuWorker):
    """Keeps the text of exceptions, which may contain data, out of the log and out of Redis, where
    RQ Dashboard shows it. This can go when RQ has a setting for what it stores of an exception."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failure = ""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log what failed and where."""
        self._failure, cause = logs.trace(exc_info[1]), db.cause(exc_info[1])
        because = {"cause": cause} if cause else {}
        logs.event("job.failed", logging.ERROR, job=job.id, **because, error=self._failure)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Store of an exception only what is logged of it."""
        exc_string, self._failure = self._failure or exc_string, ""
        super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)


class PatientWorker(HerokuWorker):
    """Goes on when RQ's maintenance fails, whatever was planted in its registries. This can go when
    RQ looks at each entry by itself."""

    def run_maintenance_tasks(self) -> None:
        """Clean up RQ's registries. Lost connections end the worker, as anywhere in RQ.

        :raises StopRequested: when the worker was told to stop
        """
        try:
            super().run_maintenance_tasks()
        except (StopRequested, ConnectionError, TimeoutError):
            raise
        except Exception as error:
            # RQ declares no type for it.
            self.last_cleaned_at = datetime.now(UTC)  # type: ignore[assignment]
            logs.event("maintenance.failed", logging.WARNING, error=logs.trace(error))


class ExplainingWorker(HerokuWorker):
    """Logs why Redis failed, or the worker. RQ waits and tries again, or ends its loop, and says so
    only in its own log, whose texts may contain data. This can go when RQ has a hook for it."""

    _told = ""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Have a heartbeat; every try of RQ begins with one."""
        with self._explained():
            super().heartbeat(timeout, pipeline)
            self._told = ""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job."""
        with self._explained():
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Carry out a job."""
        with self._explained():
            super().execute_job(job, queue)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            cause = failures.unavailable(error).cause
            if cause != self._told:
                logs.event("redis.lost", logging.WARNING, cause=cause, error=logs.trace(error))
            self._told = cause
            raise
        except StopRequested:
            raise
        except Exception as error:
            logs.event("worker.failed", logging.ERROR, error=logs.trace(error))
            raise


class SweepingWorker(StoppableWorker, DiscreetWorker, PatientWorker, ExplainingWorker):
    """An RQ worker whose heartbeat also sweeps: it finds the runs and backtests that nobody works
    on, whatever happened to their jobs and to the workers that had them."""

    def __init__(self, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings = settings
        # By the worker's own connection, which is idle during a sweep.
        self._job_queue = JobQueue(self.connection)
        self._swept = 0.0

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Have a heartbeat, and sweep when it is time.

        :raises StopRequested: when the worker was told to stop and is idle
        """
        super().heartbeat(timeout, pipeline)
        if self.is_horse:
            return
        if time.monotonic() - self._swept >= self._settings.sweep_seconds:
            self._swept = time.monotonic()
            self._register_again()
            self._sweep()
        self.stop_if_idle()

    def _register_again(self) -> None:
        """Register the worker if Redis was emptied. RQ registers a worker only at its start; this
        can go when its heartbeat does so, too."""
        if not self.connection.sismember(self.redis_workers_keys, self.key):
            self.connection.hset(self.key, mapping=self.serialize())
            register(self)

    def _sweep(self) -> None:
        try:
            # While it waits for the database the worker has no heartbeat, and would seem dead.
            with db.within(db.REQUEST_SECONDS):
                runs.sweep(self._job_queue, lease_ms=self._settings.lease_ms)
                backtests.sweep(self._job_queue)
                if self._settings.worker_runs_cron:
                    runs.start_nightly(self._settings, self._job_queue, now_ms())
                    maintenance.ring_if_due(self._settings, self._job_queue, now_ms())
        except (*db.ERRORS, Unavailable) as error:
            cause, trace = db.cause(error), logs.trace(error)
            logs.event("sweep.failed", logging.WARNING, cause=cause, error=trace)
        finally:
            # The next job is forked from this process and must not share a connection with it.
            db.disconnect()


def main() -> None:
    """Work until told to stop. RQ's worker ends when Redis fails at the wrong moment; a new one
    takes its place, after a longer pause each time."""
    settings = config.load()
    logs.set_up(settings.log_level)
    db.configure(settings)
    db.wait_for_migration()
    pause = FIRST_RESTART_SECONDS
    while True:
        began = time.monotonic()
        if _work(settings):
            return
        if time.monotonic() - began > LAST_RESTART_SECONDS:
            pause = FIRST_RESTART_SECONDS
        logs.event("worker.restarting", logging.WARNING, seconds=pause)
        time.sleep(pause)
        pause = min(2 * pause, LAST_RESTART_SECONDS)


def _work(settings: Settings) -> bool:
    """Work until told to stop (True), or until Redis fails."""
    worker = None
    try:
        worker = _worker(settings)
        logs.event("worker.started", worker=worker.name)
        worker.work(logging_level="CRITICAL")
    except StopRequested:
        pass
    except (RedisError, OSError) as error:
        cause = failures.unavailable(error).cause
        logs.event("redis.lost", logging.WARNING, cause=cause, error=logs.trace(error))
    finally:
        _restore_signals()
    if worker is None or not worker.told_to_stop:
        return False
    logs.event("worker.stopped")
    return True


def _worker(settings: Settings) -> SweepingWorker:
    connection = Redis.from_url(settings.redis_url)
    return SweepingWorker(
        settings,
        queues=[OwnQueue(NAME, connection=connection)],
        connection=connection,
        serializer=JSONSerializer,
        job_class=OwnJob,
        queue_class=OwnQueue,
        worker_ttl=int(settings.sweep_seconds) + RQ_MARGIN_SECONDS,
        maintenance_interval=max(1, int(settings.sweep_seconds)),
        job_monitoring_interval=MONITORING_SECONDS,
        log_job_description=False,
    )


def _restore_signals() -> None:
    """Remove the signal handlers of a worker that has ended: they would swallow the next signal.
    This can go when RQ's ``work`` restores the handlers that it found."""
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, signal.SIG_DFL)


if __name__ == "__main__":
    main()
