"""The Redis side of the queue: one connection, one serializer, one way to ring for a worker.

What travels through Redis is JSON, and a job's only argument is the integer id of a run or of a
backtest: the database knows the rest. A lost job costs nothing but time, a doubled one nothing at
all.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_registration import get_keys

from clv.errors import QueueUnavailable, Unavailable
from clv.queue import Report
from jobs import progress

NAME = "clv"
DRAIN = "jobs.tasks.drain"
BACKTEST = "jobs.tasks.measure"
DESCRIPTIONS = {DRAIN: "Compute customer lifetime values", BACKTEST: "Backtest the models"}
# A drain works for seconds; planning a huge tenant may take minutes.
JOB_TIMEOUT_SECONDS = 600
RESULT_TTL_SECONDS = 60
FAILURE_TTL_SECONDS = 86_400
# A worker that was killed stays registered; alive is who was heard of lately. An idle one is heard
# of at each sweep, a busy one more often; this is what may come between.
HEARTBEAT_MARGIN_SECONDS = 30
# A web request must not hang on Redis: one that finds it silent has failed after the sum of these,
# and all that comes after in the same request is not tried.
FREE_TIMEOUT_SECONDS = 0.4
CONNECT_TIMEOUT_SECONDS = 0.5
ANSWER_TIMEOUT_SECONDS = 1.4
# With that of the rate limits a web process has 4.
MAX_CONNECTIONS = 3


def connect(
    redis_url: str,
    connections: int = MAX_CONNECTIONS,
    connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
    answer_seconds: float = ANSWER_TIMEOUT_SECONDS,
) -> Redis:
    """The Redis client of a web process, a command or a job; it opens nothing yet."""
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
    """A job as the worker runs it: one of our functions, with integers, and nothing else.

    JSON is not enough: whoever can write to Redis could plant a job that names any function that
    can be imported, as the work itself or as a callback, or a webhook that calls any address.
    """

    FUNCTIONS = (DRAIN, BACKTEST)

    @property
    def func(self) -> Any:
        if self.func_name not in self.FUNCTIONS or self.instance is not None:
            raise PermissionError("The job names a function that is not ours.")
        if self.kwargs or not all(type(argument) is int for argument in self.args):
            raise PermissionError("The job has arguments that are not integers.")
        return super().func

    def restore(self, raw_data: Any) -> Any:
        """Read the job from Redis, without what could run anything beside its function."""
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
        """Tell the workers that this run has work, unless a doorbell of it waits already: a tenant
        that asks often, or whose run is large, must not keep others waiting.

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
        """Tell the workers that this backtest waits, unless a doorbell of it does so already.

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
        """Make the live progress of a run that was planned."""
        progress.begin(self.redis, job_id, shard_ids)

    def reporting(self, job_id: str) -> AbstractContextManager[Report]:
        """What reports the live progress of a run."""
        return progress.reporting(self.redis, job_id)

    def live_progress(self, job_id: str) -> dict[str, int] | None:
        """Customers computed and errors of a run so far; None when Redis does not tell."""
        return progress.read(self.redis, job_id)

    def workers_alive(self) -> int:
        """How many workers were heard of lately.

        :raises Unavailable: when Redis can't be reached
        """
        with reachable():
            keys = sorted(get_keys(connection=self.redis))
            pipeline = self.redis.pipeline(transaction=False)
            for key in keys:
                pipeline.hmget(key, "last_heartbeat", "death")
            return sum(self._is_alive(*found) for found in pipeline.execute())

    def has_workers(self) -> bool:
        """Whether a worker was heard of lately. True when Redis does not tell: the doorbell was
        rung, and the work stays, whoever answers it."""
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
            waiting: list[Any] = self.redis.lrange(f"rq:queue:{NAME}", 0, -1)
            return sum(job_id.startswith(prefix.encode()) for job_id in waiting)

    def _is_alive(self, heartbeat: Any, death: Any) -> bool:
        if not heartbeat or death:
            return False
        heard = datetime.fromisoformat(heartbeat.decode().replace("Z", "+00:00"))
        return (datetime.now(UTC) - heard).total_seconds() < self._alive_seconds


@contextmanager
def reachable() -> Iterator[None]:
    """Turn what goes wrong with Redis into one error that names nothing secret."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise QueueUnavailable(what_fails(error)) from None


def what_fails(error: Exception) -> str:
    """What an error of Redis means, without its text: that may hold a password."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "The certificate of the queue (Redis) can't be verified. If it is meant to be"
            " self-signed, set REDIS_TLS_VERIFY=false."
        )
    return "The queue (Redis) can't be reached. Try again shortly."


def _prefix(run_id: int) -> str:
    return f"run-{run_id}-"
