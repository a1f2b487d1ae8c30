"""Workers of two versions side by side, as during a deploy. The older one is this version, as it
is; the newer one is simulated by ``tests.support.newer``, and so is the migration that it brought.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from clv import db
from clv.config import ROOT, Settings
from clv.services import batch, insights
from clv.services import runs as runs_service
from clv.store import due, runs, snapshots, tenants
from jobs.queue import JobQueue
from tests.conftest import environment, wait_until
from tests.jobs.support import LEASE, Bell, add_customers, begin
from tests.jobs.worker.support import finished
from tests.support import newer

OLDER, NEWER = "jobs.worker", "tests.support.newer"
CUSTOMERS = 1_200


@pytest.fixture(autouse=True)
def migrated(app) -> Iterator[None]:
    with newer.migrated():
        yield


@pytest.fixture
def start(alone) -> Iterator[Callable[[str], subprocess.Popen]]:
    """Start a worker of one of the versions. They look for runs all the time."""
    with ExitStack() as workers:
        yield lambda version: workers.enter_context(working(alone, version))


@contextmanager
def working(settings: Settings, version: str) -> Iterator[subprocess.Popen]:
    often = {"SWEEP_SECONDS": "1", "LEASE_SECONDS": "5", "SHARD_CUSTOMERS": "200"}
    process = subprocess.Popen(
        [sys.executable, "-m", version], cwd=ROOT, env=environment(settings, **often)
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def planned_by_newer(queue: JobQueue) -> int:
    """A run of the first tenant that a newer version has planned."""
    with db.scope(), newer.planning():
        run_id = begin()
        runs.start(run_id)
        batch.plan(run_id, queue, 200, LEASE)
    return run_id


def attempts(run_id: int) -> list[tuple]:
    with db.scope():
        sql = "SELECT attempt, stuck, lease_ms FROM shard WHERE run_id = %s ORDER BY id"
        return db.rows(sql, (run_id,))


def test_a_worker_leaves_alone_what_a_newer_version_planned(tenant, alone, queue, start):
    add_customers(tenant, CUSTOMERS)
    run_id = planned_by_newer(queue)
    before = attempts(run_id)
    start(OLDER)
    queue.ring(tenant.id)
    wait_until(lambda: queue.depth() == 0, "the worker has heard the doorbell")
    with db.scope():
        other = tenants.create_tenant("other")
        runs_service.watch(tenant.id, runs.by_id(run_id).job_id, queue)
        own = runs_service.start(other.id, None, "test", alone, queue)
    wait_until(lambda: finished(own.id), "it works on other runs")
    assert attempts(run_id) == before and queue.depth() == 0
    assert queue.redis.zcard("rq:failed:clv") == 0
    start(NEWER)
    wait_until(lambda: finished(run_id), "the newer worker, which sweeps, has ended it")
    with db.scope():
        assert runs.by_id(run_id).computed == CUSTOMERS


def test_nothing_is_rung_for_that_a_newer_version_has_to_do(tenant, queue):
    add_customers(tenant, 60)
    run_id = planned_by_newer(queue)
    bell = Bell(queue.redis)
    with db.scope():
        assert due.needing_work(run_id) == []
        batch.work(run_id, bell, Settings())
        runs_service.sweep(bell)
        assert bell.rung == []
        with newer.planning():
            assert due.needing_work(run_id) == [(run_id, tenant.id)]


def test_neither_does_a_worker_end_what_a_newer_version_planned(tenant, queue):
    run_id = planned_by_newer(queue)
    with db.scope():
        db.execute("UPDATE shard SET done = %s", (True,))
        assert not batch.finish(run_id, queue, LEASE)
        assert due.needing_work(run_id) == []
        with newer.planning():
            assert batch.finish(run_id, queue, LEASE)


def test_a_newer_worker_goes_on_with_what_this_version_planned(tenant, queue, start):
    add_customers(tenant, CUSTOMERS)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        batch.plan(run_id, queue, 200, LEASE)
    start(NEWER)
    wait_until(lambda: finished(run_id), "the newer worker has ended it")


def test_runs_go_well_beside_one_another_and_what_they_store_is_read_by_both(
    tenant, alone, queue, start
):
    add_customers(tenant, CUSTOMERS)
    run_id = planned_by_newer(queue)
    for version in (OLDER, NEWER):
        start(version)
    wait_until(lambda: finished(run_id), "the run that the newer one planned ended")
    with db.scope():
        assert newer.FIELD in db.value("SELECT settings FROM snapshot")
        assert snapshots.current(tenant.id).settings == tenant.settings
        assert newer.FIELD in runs.last_overview(tenant.id)[1]
        assert insights.latest_overview(tenant).overview.everyone.customers == CUSTOMERS
    wait_until(lambda: queue.workers_alive() == 2, "both listen")
    for _ in range(4):
        with db.scope():
            run_id = runs_service.start(tenant.id, None, "test", alone, queue).id
        wait_until(lambda run_id=run_id: finished(run_id), "the run ended, whoever planned it")
        with db.scope():
            assert runs.by_id(run_id).computed == CUSTOMERS
    assert queue.redis.zcard("rq:failed:clv") == 0


def test_past_its_deadline_a_newer_versions_run_fails_whoever_looks(tenant, queue):
    run_id = planned_by_newer(queue)
    with db.scope():
        db.execute("UPDATE run SET deadline_ms = 1")
        runs_service.sweep(queue)
        assert runs.by_id(run_id).status == "failed"
