"""The end of a run: made once, whoever dies or comes at the same time."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from clv import db
from clv.config import ROOT, Settings
from clv.domain.overview import Overview
from clv.errors import NotFound
from clv.services import batch
from clv.store import due, rankings, runs, shards, tenants
from jobs.queue import JobQueue
from tests.conftest import environment, wait_until
from tests.jobs.support import LEASE, add_customers, begin, complete, planned, together
from tests.jobs.worker.support import finished

# Works on a run and is killed where it would call a function of insights.
KILLED_AT = """
import os, signal, sys
from clv import config, db
from clv.services import batch, insights
from jobs.queue import JobQueue, connect

setattr(insights, sys.argv[2], lambda run: os.kill(os.getpid(), signal.SIGKILL))
settings = config.from_env()
db.configure(settings)
batch.work(int(sys.argv[1]), JobQueue(connect(settings.redis_url)), settings)
"""


def computed(run_id: int, queue: JobQueue) -> None:
    """Compute all shards of a run of one, which is left to be ended."""
    with queue.reporting(runs.by_id(run_id).job_id) as report:
        batch.compute_shard(shards.claim_shard(run_id, LEASE), report, until=float("inf"))


def work_until_killed(run_id: int, alone: Settings, function: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(run_id), function],
        cwd=ROOT,
        env=environment(alone, LEASE_SECONDS="600"),
    )
    assert killed.returncode == -signal.SIGKILL


def test_the_end_of_a_run_at_which_a_worker_was_killed_is_made_by_another(
    tenant, alone, queue, request
):
    add_customers(tenant, 60)
    with db.scope():
        run_id = planned(queue)
        computed(run_id, queue)
        work_until_killed(run_id, alone, "overview_of_run")
        # It holds the end until its lease is over.
        assert due.needing_work(run_id) == [] and not batch.finish(run_id, queue, LEASE)
        assert runs.by_id(run_id).status == "running" and runs.last_overview(tenant.id) is None
        db.execute("UPDATE run SET plan_lease_ms = plan_lease_ms - 600000")
    request.getfixturevalue("quick_worker")
    wait_until(lambda: finished(run_id), "another worker ended the run")
    with db.scope():
        run, found = runs.last_overview(tenant.id)
        assert (run.id, run.computed, run.total) == (run_id, 60, 60)
        assert json.loads(found)["everyone"]["customers"] == 60
        # Had it only been paused, it would come too late.
        assert not runs.finish(run, "{}")
        assert runs.last_overview(tenant.id) == (run, found)


def test_a_worker_that_is_killed_while_it_tidies_up_has_ended_the_run(tenant, alone, queue):
    add_customers(tenant, 60)
    with db.scope():
        run_id, following = planned(queue), begin()
        work_until_killed(run_id, alone, "tidy_up")
        assert finished(run_id) and runs.last_overview(tenant.id)[0].id == run_id
        assert following and queue.waiting(tenant.id) == 1


def test_leaders_are_stored_for_the_last_run_only(tenant, queue):
    leaders = [("score", '["c00001"]', 1.0)]
    stored = "SELECT run_id, ranking, customer_ids, last_value FROM leaders"
    add_customers(tenant, 3)
    with db.scope():
        first, second = planned(queue), begin()
        complete(first, queue)
        run = runs.by_id(first)
        # One that waits has changed nothing yet.
        assert rankings.save_leaders(run.tenant_id, run.id, leaders, 0)
        assert db.rows(stored) == [(first, *leaders[0])]
        runs.start(second)
        assert not rankings.save_leaders(run.tenant_id, run.id, [], 0)
        assert db.rows(stored) == [(first, *leaders[0])]
        assert rankings.save_leaders(run.tenant_id, second, [], 0)
        assert db.rows(stored) == []
        tenants.delete_tenant(tenant.id)
        with pytest.raises(NotFound):
            rankings.save_leaders(run.tenant_id, run.id, leaders, 0)
        assert db.rows(stored) == []


def end_eight_times_at_once(tenant, queue: JobQueue, monkeypatch) -> tuple[int, int]:
    """How many of eight workers add a run's records up at the same time, and how many end it."""
    add_up, added, ended = batch.insights.overview_of_run, [], []

    def counted(run: runs.Run) -> Overview:
        added.append(run.id)
        return add_up(run)

    monkeypatch.setattr(batch.insights, "overview_of_run", counted)
    with db.scope():
        add_customers(tenant, 60)
        run_id = planned(queue)
        computed(run_id, queue)
    end = lambda: ended.append(batch.finish(run_id, queue, LEASE))  # noqa: E731
    assert together(*[end] * 8) == []
    assert finished(run_id)
    return len(added), sum(ended)


def test_of_workers_who_end_a_run_at_the_same_time_one_does_it(tenant, queue, monkeypatch):
    assert end_eight_times_at_once(tenant, queue, monkeypatch) == (1, 1)


def test_without_the_lease_several_add_up_and_one_ends(tenant, queue, monkeypatch):
    all_there = threading.Barrier(8)

    def everybody_may(run_id: int, lease_ms: int) -> runs.Run:
        run = runs.by_id(run_id)
        all_there.wait()
        return run

    monkeypatch.setattr(runs, "claim_end", everybody_may)
    added, ended = end_eight_times_at_once(tenant, queue, monkeypatch)
    assert added > 1 and ended == 1
