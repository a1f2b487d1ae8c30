"""A worker process: ``python -m jobs.worker``."""

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from rq.worker import HerokuWorker

# Imported before the first fork: a job costs 32 ms then, and 196 ms otherwise.
import jobs.batch  # noqa: F401
from clv import config, db
from jobs import queue

MAINTENANCE_SECONDS = 15
MONITORING_SECONDS = 5


def main() -> None:
    """Work until told to stop. The parent process opens no database connection: a fork would
    share it."""
    settings = config.from_env()
    db.configure(settings)
    connection = Redis.from_url(settings.redis_url)
    worker = HerokuWorker(
        [Queue(queue.NAME, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=queue.WORKER_TTL_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        job_monitoring_interval=MONITORING_SECONDS,
        log_job_description=False,
    )
    worker.work(logging_level=settings.log_level)


if __name__ == "__main__":
    main()
