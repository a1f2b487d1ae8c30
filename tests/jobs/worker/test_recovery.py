"""Runs that a killed worker left, or whose doorbell was lost."""

from clv import db
from clv.services import batch
from clv.services import runs as runs_service
from clv.store import plans, runs, shards
from tests.conftest import wait_until
from tests.jobs.support import LEASE, Bell, add_customers, begin, compute_first_chunk, end_pauses
from tests.jobs.worker.support import finished


def test_a_run_whose_doorbell_was_lost_is_found_by_the_sweep(tenant, quick_worker):
    add_customers(tenant, 120)
    with db.scope():
        run_id = begin()
    wait_until(lambda: finished(run_id), "the sweep rang for the run")


def test_a_run_that_a_killed_worker_left_goes_on(tenant, queue, quick_worker):
    add_customers(tenant, 120)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        batch.plan(run_id, queue, 50_000, 1)
        # What a killed worker leaves: a claimed shard in the middle, and no doorbell.
        compute_first_chunk(run_id, queue)
        shards.claim_shard(run_id, 500)
        queue.redis.delete("rq:queue:clv")
    wait_until(lambda: finished(run_id), "another worker went on")
    with db.scope():
        assert runs.by_id(run_id).computed == 120


def test_a_planner_that_was_killed_leaves_no_finished_run_of_nobody(tenant, queue, quick_worker):
    add_customers(tenant, 60)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        assert plans.claim_plan(run_id, 500) == 1
        assert runs.claim_end(run_id, 500) is None
        assert not runs.finish(runs.by_id(run_id), "{}")
    wait_until(lambda: finished(run_id), "another worker planned")
    with db.scope():
        assert runs.by_id(run_id).computed == 60


def test_a_worker_is_listed_again_after_redis_was_emptied(queue, quick_worker):
    queue.redis.flushdb()
    wait_until(lambda: queue.workers_alive() == 1, "the worker registered again")


def test_a_run_past_its_deadline_fails_and_the_next_one_starts(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        late, _ = runs.join_or_create(1, None, "test", deadline_ms=-1)
        runs.start(late.id)
        following = begin()
        runs_service.sweep(bell)
        run = runs.by_id(late.id)
        assert run.status == "failed" and "deadline" in run.message
        assert set(bell.rung) == {1} and runs.queued_of_tenant(1) == following


def test_a_plan_that_fails_three_times_fails_the_run(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        for _ in range(3):
            plans.leave_plan(run_id, plans.claim_plan(run_id, LEASE))
            end_pauses()
        batch.plan(run_id, bell, 50_000, LEASE)
        assert runs.by_id(run_id).status == "failed"
