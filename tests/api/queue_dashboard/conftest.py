"""An application with the dashboard, and jobs in its Redis."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from werkzeug.test import TestResponse

from tests.api.queue_dashboard.support import DESCRIPTION, PROBE, guarded
from tests.conftest import started_anew


@pytest.fixture
def dashboard(app, settings) -> Iterator:
    """An application with the dashboard."""
    with started_anew(guarded(settings)) as application:
        # It looks through the connection that the application has at its start.
        application.redis_conn = application.extensions["clv"].queue.redis
        yield application


@pytest.fixture
def operator(dashboard):
    """A client of it that compares nothing with the document."""
    return FlaskClient(dashboard, TestResponse)


@pytest.fixture
def redis(settings) -> Iterator[Redis]:
    """A connection of the test's own: RQ's workers change its time-outs."""
    with Redis.from_url(settings.redis_url) as connection:
        yield connection


@pytest.fixture
def put(redis) -> Iterator:
    """Put a job into Redis, in no queue."""
    made = []

    def create(**attributes) -> Job:
        job = Job.create(
            "jobs.tasks.drain",
            (7,),
            connection=redis,
            serializer=JSONSerializer,
            **{"origin": "clv", "description": DESCRIPTION, **attributes},
        )
        job.save()
        made.append(job)
        return job

    yield create
    for job in made:
        job.delete()


@pytest.fixture
def failed(redis, put) -> Iterator[Job]:
    """A job that has failed, with HTML in all its texts, of a queue that no worker listens to."""
    job = put(origin="shelf", description=PROBE, meta={"note": PROBE})
    shelf = Queue("shelf", connection=redis, serializer=JSONSerializer)
    with redis.pipeline() as pipeline:
        pipeline.sadd(Queue.redis_queues_keys, shelf.key)
        job.set_status("failed", pipeline=pipeline)
        job._handle_failure(PROBE, pipeline, "test")
        pipeline.execute()
    yield job
    shelf.delete(delete_jobs=False)
