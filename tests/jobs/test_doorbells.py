"""The doorbells of a tenant: one at most, looked for before ringing, and taken back."""

import contextlib

import pytest

from clv import db
from clv.errors import Conflict
from clv.services import batch
from clv.services import runs as runs_service
from clv.store import runs, tenants
from jobs.queue import JobQueue, connect
from tests.jobs.support import add_customers, together


@pytest.fixture
def queue(alone):
    """The queue in a Redis database of the test's own, which nobody works on."""
    own = JobQueue(connect(alone.redis_url, connections=20))
    yield own
    own.redis.close()


def test_starts_and_cancels_leave_no_doorbell_and_another_tenants_run_is_next(tenant, alone, queue):
    with db.scope():
        other = tenants.create_tenant("other")
        for _ in range(1_500):
            job = runs_service.start(tenant.id, None, "test", alone, queue)
            runs_service.cancel(tenant.id, job.job_id, "test", queue)
        assert (queue.depth(), queue.redis.keys("rq:job:*")) == (0, [])
        runs_service.start(tenant.id, None, "test", alone, queue)
        runs_service.start(other.id, None, "test", alone, queue)
        for _ in range(20):
            runs_service.start(tenant.id, None, "test", alone, queue)
        assert (queue.waiting(tenant.id), queue.waiting(other.id), queue.depth()) == (1, 1, 2)


def test_a_doorbell_stays_while_the_tenant_has_another_run(tenant, alone, queue):
    with db.scope():
        first = runs_service.start(tenant.id, None, "test", alone, queue)
        assert runs.start(first.id)
        second = runs_service.start(tenant.id, None, "test", alone, queue)
        runs_service.cancel(tenant.id, first.job_id, "test", queue)
        assert queue.waiting(tenant.id) == 1
        runs_service.cancel(tenant.id, second.job_id, "test", queue)
        assert queue.waiting(tenant.id) == 0


def test_the_running_run_is_rung_for_when_the_queued_one_is_cancelled(tenant, alone, queue):
    with db.scope():
        first = runs_service.start(tenant.id, None, "test", alone, queue)
        assert runs.start(first.id)
        second = runs_service.start(tenant.id, None, "test", alone, queue)
        queue.redis.flushdb()
        runs_service.cancel(tenant.id, second.job_id, "test", queue)
        assert queue.waiting(tenant.id) == 1


def test_a_doorbell_is_for_whichever_run_of_the_tenant_is_due(tenant, alone, queue):
    add_customers(tenant, 60)
    with db.scope():
        cancelled = runs_service.start(tenant.id, None, "test", alone, queue)
        assert runs.close(cancelled.id, "cancelled", "behind the queue's back")
        following = runs_service.start(tenant.id, None, "test", alone, queue)
        assert queue.waiting(tenant.id) == 1
        batch.work_for_tenant(tenant.id, queue, alone)
        assert runs.by_id(following.id).status == "finished"
        # A doorbell that comes too late does nothing.
        batch.work_for_tenant(tenant.id, queue, alone)


def test_many_who_ring_at_once_leave_one_doorbell(tenant, queue):
    assert together(*[lambda: queue.ring(tenant.id)] * 20) == []
    assert queue.waiting(tenant.id) == 1


def test_a_start_beside_a_cancel_never_lacks_a_doorbell(tenant, alone, queue):
    """A start that sees the doorbell of a run that is being cancelled leaves it at that; the cancel
    looks for such a run after it took the doorbell back."""
    for _ in range(50):
        with db.scope():
            first = runs_service.start(tenant.id, None, "test", alone, queue)
        assert (
            together(
                lambda job=first: cancel(tenant.id, job.job_id, queue),
                lambda: runs_service.start(tenant.id, None, "test", alone, queue),
            )
            == []
        )
        with db.scope():
            active = runs.active_of_tenant(tenant.id)
            # One that joined the cancelled run may have rung too late; that does no harm.
            assert queue.waiting(tenant.id) == 1 or active is None
            if active is not None:
                cancel(tenant.id, runs.by_id(active).job_id, queue)
            queue.take_back(tenant.id)


def test_a_lost_doorbell_is_rung_again(tenant, alone, queue):
    with db.scope():
        runs_service.start(tenant.id, None, "test", alone, queue)
        queue.redis.flushdb()
        runs_service.sweep(queue)
        runs_service.sweep(queue)
        assert queue.waiting(tenant.id) == 1


def cancel(tenant_id: int, job_id: str, queue: JobQueue) -> None:
    """Cancel a run unless it has ended."""
    with contextlib.suppress(Conflict):
        runs_service.cancel(tenant_id, job_id, "test", queue)
