"""The only jobs that pass a door of RQ: our functions with integers, read as JSON.

JSON alone does not protect a worker: a job planted in Redis may name any importable function, as
the work itself or as a callback, or a webhook with any address. RQ reads jobs at many doors: from
the queue, from each registry that it cleans up, and for RQ Dashboard. Whoever opens one must give
it these classes. They can go when RQ has a list of allowed functions.
"""

from collections.abc import Iterable
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

# Of the only queue.
NAME = "clv"
DRAIN = "jobs.tasks.drain"
BACKTEST = "jobs.tasks.measure"
MAINTENANCE = "jobs.tasks.maintain"
DESCRIPTIONS = {
    DRAIN: "Compute customer lifetime values",
    BACKTEST: "Backtest the models",
    MAINTENANCE: "Delete what was kept for long enough",
}
# A drain takes seconds, but planning a huge tenant may take minutes.
TIMEOUT_SECONDS = 600
# For RQ Dashboard. Failures are kept for a day, and results of runs for an hour (``jobs.display``).
RESULT_TTL_SECONDS = 60
FAILURE_TTL_SECONDS = 86_400
# What RQ raises while it reads a malformed job. It would end the worker's loop.
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


class OwnJob(Job):
    """A job whose function is one of ours. It has nothing that ours never have: no callback, no
    webhook, no retry, no dependency. A malformed job counts as one that does not exist."""

    FUNCTIONS = (DRAIN, BACKTEST, MAINTENANCE)

    def __init__(
        self, id: str | None = None, connection: Redis | None = None, serializer: Any = None
    ) -> None:
        super().__init__(id, connection, JSONSerializer)

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

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> "OwnJob":
        """The stored job with this id.

        :raises NoSuchJobError: when there is none, or what is stored is no job
        """
        try:
            return super().fetch(id, connection, serializer)  # type: ignore[return-value]
        except (ResponseError, *MALFORMED) as error:
            raise NoSuchJobError("What is stored under the job's id is no job.") from error

    @classmethod
    def fetch_many(
        cls, job_ids: Iterable[str], connection: Redis, serializer: Any = None
    ) -> list[Job | None]:
        """The stored jobs with these ids, with None for each that does not exist."""
        return [cls._fetch_or_none(job_id, connection) for job_id in job_ids]

    def restore(self, raw_data: Any) -> Any:
        """Read the job from Redis, and drop what ours never have.

        :raises NoSuchJobError: when it is malformed
        """
        try:
            restored = super().restore(raw_data)
            self._deserialize_data()
        except (DeserializationError, *MALFORMED) as error:
            raise NoSuchJobError("The job is malformed.") from error
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        self.number_of_retries = self.retries_left = self.retry_intervals = None
        self.repeats_left = self.repeat_intervals = None
        self.rate_limit_key = self.rate_limit_concurrency = None
        self._dependency_ids = []
        self.group_id = self.ttl = None
        self.timeout = TIMEOUT_SECONDS
        self.result_ttl, self.failure_ttl = RESULT_TTL_SECONDS, FAILURE_TTL_SECONDS
        return restored

    @classmethod
    def _fetch_or_none(cls, job_id: str, connection: Redis) -> Job | None:
        try:
            return cls.fetch(job_id, connection)
        except NoSuchJobError:
            return None


class OwnQueue(Queue):
    """A queue, with its registries, whose jobs are read as our own."""

    job_class = OwnJob

    def __init__(
        self,
        name: str = NAME,
        connection: Redis | None = None,
        is_async: bool = True,
        job_class: Any = None,
        serializer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(
            name,
            connection=connection,
            is_async=is_async,
            job_class=OwnJob,
            serializer=JSONSerializer,
            **options,
        )
