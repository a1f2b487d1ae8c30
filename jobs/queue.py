"""The queue in Redis: how to connect to it, ring for a worker, and see which workers are alive.

Jobs are stored as JSON, and a job's only argument is the integer id of a run or a backtest; the
database knows the rest. So a lost job costs only time, and a job that runs twice costs nothing.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from clv.errors import QueueUnavailable, Unavailable
from clv.queue import Report
from jobs import heartbeats, progress

NAME = "clv"
DRAIN = "jobs.tasks.drain"
BACKTEST = "jobs.tasks.measure"
DESCRIPTIONS = {DRAIN: "Compute customer lifetime values", BACKTEST: "Backtest the models"}
# A drain takes seconds, but planning a huge tenant may take minutes.
JOB_TIMEOUT_SECONDS = 600
# Nobody reads results. Failures are kept for a day, for RQ Dashboard.
RESULT_TTL_SECONDS = 60
FAILURE_TTL_SECONDS = 86_400
# A killed worker stays registered, so only a recent heartbeat counts as alive. An idle worker has
# one at each sweep, a busy one more often; this margin is for delays.
HEARTBEAT_MARGIN_SECONDS = 30
# A web request must not hang on Redis: when Redis does not answer, a call fails after the sum of
# these.
FREE_TIMEOUT_SECONDS = 0.4
CONNECT_TIMEOUT_SECONDS = 0.5
ANSWER_TIMEOUT_SECONDS = 1.4
# With that of the rate limiter a web process has 4.
MAX_CONNECTIONS = 3


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


class OwnJob(Job):
    """The only job that our workers run: one of our functions, with integers.

    JSON alone does not protect a worker: a job planted in Redis may name any importable function,
    as the work itself or as a callback, or a webhook with any address. This class can go when RQ
    has a list of allowed functions.
    """

    FUNCTIONS = (DRAIN, BACKTEST)

    @property
    def func(self) -> Any:
        """The job's function.

        :raises PermissionError: when the job is not one of ours
        """
        if self.func_name not in self.FUNCTIONS or self.instance is not None:
            raise PermissionError("The job names a function that is not ours.")
        if self.kwargs or not all(type(argument) is int for argument in self.args):
            raise PermissionError("The job has arguments that are not integers.")
        return super().func

    def restore(self, raw_data: Any) -> Any:
        """Read the job from Redis, without callbacks and webhooks."""
        restored = super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        return restored


class JobQueue:
    """The queue as a web process, a command or a job sees it."""

    def __init__(self, redis: Redis, sweep_seconds: float = 15.0) -> None:
        self.redis = redis
        self._alive_seconds = sweep_seconds + HEARTBEAT_MARGIN_SECONDS

    def ring(self, run_id: int) -> None:
        """Tell the workers that this run needs work, unless a doorbell of it waits already: a
        tenant with many requests or a large run must not keep others waiting.

        :raises Unavailable: when Redis can't be reached
        """
        if not self.waiting(run_id):
            self._enqueue(DRAIN, run_id, _prefix(run_id))

    def waiting(self, run_id: int) -> int:
        """How many doorbells of this run wait in the queue.

        :raises Unavailable: when Redis can't be reached
        """
        return self._waiting(_prefix(run_id))

    def ring_backtest(self, internal_id: int) -> None:
        """Tell the workers that this backtest needs work, unless a doorbell of it waits already.

        :raises Unavailable: when Redis can't be reached
        """
        prefix = f"backtest-{internal_id}-"
        if not self._waiting(prefix):
            self._enqueue(BACKTEST, internal_id, prefix)

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

    def has_workers(self) -> bool:
        """Whether any worker is alive. True when Redis can't tell: the work stays in the database,
        and nothing is known to be wrong."""
        try:
            return self.workers_alive() > 0
        except Unavailable:
            return True

    def _enqueue(self, function: str, argument: int, prefix: str) -> None:
        with reachable():
            queue = Queue(NAME, connection=self.redis, serializer=JSONSerializer)
            queue.enqueue_call(
                function,
                args=(argument,),
                job_id=f"{prefix}{uuid.uuid4().hex}",
                timeout=JOB_TIMEOUT_SECONDS,
                result_ttl=RESULT_TTL_SECONDS,
                failure_ttl=FAILURE_TTL_SECONDS,
                description=DESCRIPTIONS[function],
            )

    def _waiting(self, prefix: str) -> int:
        with reachable():
            job_ids: list[Any] = self.redis.lrange(f"rq:queue:{NAME}", 0, -1)
            return sum(job_id.startswith(prefix.encode()) for job_id in job_ids)


@contextmanager
def reachable() -> Iterator[None]:
    """Turn every error of Redis into :class:`QueueUnavailable`, which names nothing secret."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise QueueUnavailable(what_fails(error)) from None


def what_fails(error: Exception) -> str:
    """What an error of Redis means. Its own text may contain a password."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "The certificate of the queue (Redis) can't be verified. If it is meant to be"
            " self-signed, set REDIS_TLS_VERIFY=false."
        )
    return "The queue (Redis) can't be reached. Try again shortly."


def _prefix(run_id: int) -> str:
    return f"run-{run_id}-"
