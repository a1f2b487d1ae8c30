"""A worker that looks for runs all the time."""

import pytest

from tests.conftest import start_worker


@pytest.fixture
def quick_worker(alone):
    """A worker that sweeps every second and whose leases last one."""
    process = start_worker(alone, SWEEP_SECONDS="1", LEASE_SECONDS="1", SHARD_CUSTOMERS="1000")
    yield process
    # Killed it would leave its work-horse behind, at work on the next test's rows.
    process.terminate()
    process.wait()
