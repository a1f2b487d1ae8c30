"""What the tests of jobs share."""

import pytest

from jobs.queue import JobQueue, connect


@pytest.fixture
def queue(alone):
    """The queue in a Redis database of the test's own."""
    found = JobQueue(connect(alone.redis_url))
    yield found
    found.redis.close()
