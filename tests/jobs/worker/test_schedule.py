"""The nightly run."""

import os
import signal
import subprocess
import sys

import pytest

from clv import db
from clv.config import ROOT
from clv.db.clock import now_ms
from clv.services import runs as runs_service
from clv.store import runs, tenants
from tests.conftest import environment, start_worker, wait_until
from tests.jobs.support import DAY, Bell, add_customers, together


@pytest.mark.parametrize(
    ("at", "now", "due"),
    [
        ("02:00", DAY * 10 + 2 * 3_600_000, DAY * 10 + 2 * 3_600_000),
        ("02:00", DAY * 10 + 2 * 3_600_000 - 1, DAY * 9 + 2 * 3_600_000),
        ("00:00", DAY * 10, DAY * 10),
        ("23:59", DAY * 10, DAY * 9 + 86_340_000),
    ],
)
def test_the_last_due_moment(at, now, due):
    assert runs_service.last_due_ms(at, now) == due


def test_the_nightly_run_starts_once_for_each_tenant_whoever_looks(app, settings, tenant):
    with db.scope():
        tenants.create_tenant("second")
        bell = Bell(app.extensions["clv"].queue.redis)
        assert runs_service.start_nightly(settings, bell, now_ms()) == 0
        db.execute("UPDATE tenant SET nightly_ms = nightly_ms - %s", (2 * DAY,))
        db.release()
        found: list[int] = []
        look = lambda: found.append(runs_service.start_nightly(settings, bell, now_ms()))  # noqa: E731
        assert together(look, look, look, look) == []
        assert sum(found) == 2
        assert len(set(bell.rung)) == 2
        assert {run.requested_by for run in runs.page(1, None, 9)} == {"schedule"}
        assert runs_service.start_nightly(settings, bell, now_ms()) == 0


def test_workers_start_the_nightly_run_where_they_are_told_to(tenant, alone):
    add_customers(tenant, 60)
    with db.scope():
        db.execute("UPDATE tenant SET nightly_ms = nightly_ms - %s", (2 * DAY,))
    process = start_worker(alone, SWEEP_SECONDS="1", WORKER_RUNS_CRON="true")

    def done() -> bool:
        with db.scope():
            return any(run.status == "finished" for run in runs.page(1, None, 1))

    wait_until(done, "the nightly run")
    process.terminate()
    process.wait()


def test_the_cron_process_starts_the_nightly_run(tenant, alone, queue):
    with db.scope():
        db.execute("UPDATE tenant SET nightly_ms = nightly_ms - %s", (2 * DAY,))
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs.cron"], cwd=ROOT, env=environment(alone)
    )

    def rung() -> bool:
        with db.scope():
            run_id = runs.queued_of_tenant(1)
            return run_id is not None and queue.waiting(1) == 1

    wait_until(rung, "the run was started")
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
