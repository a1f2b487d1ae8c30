"""The queue in Redis: how to connect to it, ring for a worker, and see which workers are alive.

Jobs are stored as JSON, and a job's only argument is the integer id of a tenant or a backtest; the
database knows the rest. So a lost job costs only time, and a job that runs twice costs nothing.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from clv import logs
from clv.errors import Unavailable
from clv.queue import Report
from jobs import failures, heartbeats, job, progress
from jobs.job import NAME, OwnJob, OwnQueue

# A killed worker stays registered, so only a recent heartbeat counts as alive. An idle worker has
# one at each sweep, a busy one more often; this margin is for delays.
HEARTBEAT_MARGIN_SECONDS = 30
# A web request must not hang on Redis: when Redis does not answer, a call fails after the sum of
# these.
FREE_TIMEOUT_SECONDS = 0.4
CONNECT_TIMEOUT_SECONDS = 0.5
ANSWER_TIMEOUT_SECONDS = 1.4
# Of a web process, with its rate limiter; of a command, and of a job: one reports its progress on a
# connection of its own. Small plans of Redis allow 20 in all.
MAX_CONNECTIONS = 2

# How long an answer to "does it take changes?" is good for.
PROBE_SECONDS = 3.0
PROBE_KEY = "clv:probe"


def connect(
    redis_url: str,
    connections: int = MAX_CONNECTIONS,
    connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
    answer_seconds: float = ANSWER_TIMEOUT_SECONDS,
) -> Redis:
    """A Redis client for a web process, a command or a job; it connects at its first use."""
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=connections,
        timeout=FREE_TIMEOUT_SECONDS,
        socket_connect_timeout=connect_seconds,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis(connection_pool=pool)


class JobQueue:
    """The queue as a web process, a command or a job sees it."""

    def __init__(self, redis: Redis, sweep_seconds: float = 15.0) -> None:
        self.redis = redis
        self._alive_seconds = sweep_seconds + HEARTBEAT_MARGIN_SECONDS
        self._refusal: str | None = None
        self._probed_at = float("-inf")

    def ring(self, tenant_id: int) -> None:
        """Tell the workers that a run of this tenant needs work, unless a doorbell of the tenant
        waits already: one with many requests or a large run must not keep others waiting.

        :raises Unavailable: when Redis can't be reached
        """
        self._ring(job.DRAIN, tenant_id, _prefix(tenant_id))

    def waiting(self, tenant_id: int) -> int:
        """How many doorbells of this tenant wait in the queue.

        :raises Unavailable: when Redis can't be reached
        """
        with reachable():
            return len(self._doorbells(_prefix(tenant_id)))

    def take_back(self, tenant_id: int) -> None:
        """Remove the tenant's doorbells from the queue.

        :raises Unavailable: when Redis can't be reached
        """
        with reachable():
            for job_id in self._doorbells(_prefix(tenant_id)):
                self._remove(job_id)

    def ring_backtest(self, internal_id: int) -> None:
        """Tell the workers that this backtest needs work, unless a doorbell of it waits already.

        :raises Unavailable: when Redis can't be reached
        """
        self._ring(job.BACKTEST, internal_id, f"backtest-{internal_id}-")

    def ring_maintenance(self, due_ms: int) -> None:
        """Tell the workers that the maintenance of this night is due, unless a doorbell of it waits
        already.

        :raises Unavailable: when Redis can't be reached
        """
        self._ring(job.MAINTENANCE, due_ms, "maintenance-")

    def depth(self) -> int:
        """How many jobs wait for a worker.

        :raises Unavailable: when Redis can't be reached
        """
        with reachable():
            return int(self.redis.llen(f"rq:queue:{NAME}"))

    def begin_progress(self, job_id: str, shard_ids: list[int]) -> None:
        """Set the live progress of a run that was just planned to zero."""
        progress.begin(self.redis, job_id, shard_ids)

    def reporting(self, job_id: str) -> AbstractContextManager[Report]:
        """A function that reports the live progress of this run, for as long as the context."""
        return progress.reporting(self.redis, job_id)

    def live_progress(self, job_id: str) -> dict[str, int] | None:
        """Customers ``computed`` and ``errors`` of a run so far; None when Redis can't tell."""
        return progress.read(self.redis, job_id)

    def workers_alive(self) -> int:
        """How many workers have had a heartbeat lately.

        :raises Unavailable: when Redis can't be reached
        """
        with reachable():
            return heartbeats.workers_alive(self.redis, self._alive_seconds)

    def refusal(self) -> str | None:
        """Why Redis takes no changes, ``full`` or ``read-only``; None if it does. It is tried at
        most every ``PROBE_SECONDS``.

        :raises Unavailable: when Redis can't be reached
        """
        if time.monotonic() - self._probed_at >= PROBE_SECONDS:
            self._refusal = self._probe()
            self._probed_at = time.monotonic()
        return self._refusal

    def has_workers(self) -> bool:
        """Whether any worker is alive. True when Redis can't tell: the work stays in the database,
        and nothing is known to be wrong."""
        try:
            return self.workers_alive() > 0
        except Unavailable:
            return True

    def _probe(self) -> str | None:
        try:
            self.redis.set(PROBE_KEY, 1, px=int(PROBE_SECONDS * 1000))
        except (RedisError, OSError) as error:
            state = failures.state_of(error)
            refused = failures.unavailable(error)
            if state == failures.DOWN:
                raise refused from None
            logs.event("redis.refuses", logging.WARNING, cause=refused.cause)
            return state
        return None

    def _ring(self, function: str, argument: int, prefix: str) -> None:
        with reachable():
            if self._doorbells(prefix):
                return
            job_id = self._enqueue(function, argument, prefix)
            # Others may have looked, and rung, at the same moment: only the first doorbell stays.
            if (doorbells := self._doorbells(prefix)) and doorbells[0] != job_id:
                self._remove(job_id)

    def _enqueue(self, function: str, argument: int, prefix: str) -> str:
        job_id = f"{prefix}{uuid.uuid4().hex}"
        OwnQueue(NAME, connection=self.redis).enqueue_call(
            function,
            args=(argument,),
            job_id=job_id,
            timeout=job.TIMEOUT_SECONDS,
            result_ttl=job.RESULT_TTL_SECONDS,
            failure_ttl=job.FAILURE_TTL_SECONDS,
            description=job.DESCRIPTIONS[function],
        )
        return job_id

    def _doorbells(self, prefix: str) -> list[str]:
        """The ids of the jobs in the queue that begin with this, the next one first."""
        job_ids: list[Any] = self.redis.lrange(f"rq:queue:{NAME}", 0, -1)
        return [job_id.decode() for job_id in job_ids if job_id.startswith(prefix.encode())]

    def _remove(self, job_id: str) -> None:
        """Remove a job from the queue, unless a worker has just taken it."""
        if self.redis.lrem(f"rq:queue:{NAME}", 1, job_id):
            self.redis.delete(OwnJob.key_for(job_id))


@contextmanager
def reachable() -> Iterator[None]:
    """Turn every error of Redis into :class:`QueueUnavailable`, which names nothing secret."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise failures.unavailable(error) from None


def _prefix(tenant_id: int) -> str:
    return f"tenant-{tenant_id}-"
