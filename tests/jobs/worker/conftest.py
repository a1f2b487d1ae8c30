"""A queue of the test's own, and a worker that looks for runs all the time."""

import pytest

from jobs.queue import JobQueue, connect
from tests.conftest import start_worker


@pytest.fixture
def queue(alone):
    """The queue in a Redis database of the test's own."""
    found = JobQueue(connect(alone.redis_url))
    yield found
    found.redis.close()


@pytest.fixture
def quick_worker(alone):
    """A worker that sweeps every second and whose leases last one."""
    process = start_worker(alone, SWEEP_SECONDS="1", LEASE_SECONDS="1", SHARD_CUSTOMERS="1000")
    yield process
    # Killed it would leave its work-horse behind, at work on the next test's rows.
    process.terminate()
    process.wait()
