"""The worker process, the sweep and the schedule."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rq import Callback, Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from app import create_app
from clv import db
from clv.config import ROOT, Settings
from clv.db.clock import now_ms
from clv.domain.overview import Overview
from clv.services import batch
from clv.services import runs as runs_service
from clv.store import plans, runs, shards, tenants
from clv.store.shards import Chunk
from jobs.queue import JobQueue, connect
from tests.conftest import EVENT_SECONDS, environment, start_worker, unreachable_redis, wait_until
from tests.jobs.support import (
    DAY,
    LEASE,
    Bell,
    add_customers,
    begin,
    complete,
    compute_first_chunk,
    planned,
    together,
)

SECRET = "customer-4711"
# Is told to stop where it closes its connections, as Peewee does it: whatever is raised is lost.
TOLD_WHILE_IT_CLOSES = """
import os, signal
from contextlib import suppress
from clv import db
from jobs import worker
disconnect = db.disconnect
def told():
    with suppress(Exception):
        os.kill(os.getpid(), signal.SIGTERM)
    disconnect()
db.disconnect = told
worker.main()
"""
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

# A worker that is told to stop when it has forked a work-horse which is still in its group.
STOPPED_AT_THE_FORK = """
import os, time
from redis import Redis
from clv import config
from jobs.worker import SweepingWorker

settings = config.from_env()
worker = SweepingWorker(settings, queues=["none"], connection=Redis.from_url(settings.redis_url))
worker._horse_pid = os.fork()
if not worker._horse_pid:
    time.sleep(60)
    os._exit(0)
worker.handle_warm_shutdown_request()
print("signal", os.WTERMSIG(os.waitpid(worker._horse_pid, 0)[1]))
worker.kill_horse()
worker._horse_pid = 0
worker.kill_horse()
print("alive")
"""


@pytest.fixture
def queue(alone):
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


def finished(run_id: int) -> bool:
    with db.scope():
        return runs.by_id(run_id).status == "finished"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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
        assert runs.needing_work(run_id) == [] and not batch.finish(run_id, queue, LEASE)
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
        assert queue.waiting(following) == 1


def test_leaders_are_stored_for_the_last_run_only(tenant, queue):
    leaders = [("score", '["c00001"]', 1.0)]
    stored = "SELECT run_id, ranking, customer_ids, last_value FROM leaders"
    add_customers(tenant, 3)
    with db.scope():
        first, second = planned(queue), begin()
        complete(first, queue)
        run = runs.by_id(first)
        # One that waits has changed nothing yet.
        assert runs.save_leaders(run, leaders)
        assert db.rows(stored) == [(first, *leaders[0])]
        runs.start(second)
        assert not runs.save_leaders(run, [])
        assert db.rows(stored) == [(first, *leaders[0])]
        assert runs.save_leaders(runs.by_id(second), [])
        assert db.rows(stored) == []
        tenants.delete_tenant(tenant.id)
        assert not runs.save_leaders(run, leaders)
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


def test_a_worker_is_listed_again_after_redis_was_emptied(queue, quick_worker):
    queue.redis.flushdb()
    wait_until(lambda: queue.workers_alive() == 1, "the worker registered again")


def test_a_worker_that_is_told_to_stop_stops_at_a_chunk_and_another_goes_on(tenant, alone, queue):
    add_customers(tenant, 3_000)
    first = start_worker(alone, SHARD_CUSTOMERS="1000")
    with db.scope():
        run_id = begin()
        queue.ring(run_id)
    wait_until(lambda: children(first.pid), "a work-horse runs")
    first.terminate()
    first.wait()
    assert first.returncode == 0
    second = start_worker(alone, SHARD_CUSTOMERS="1000", SWEEP_SECONDS="1")
    wait_until(lambda: finished(run_id), "the second worker ended the run")
    second.terminate()
    second.wait()
    with db.scope():
        assert runs.by_id(run_id).computed == 3_000


def test_a_signal_to_stop_that_is_lost_on_its_way_still_stops_the_worker(tenant, alone, tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as sink:
        environ = environment(alone, SWEEP_SECONDS="1")
        command = [sys.executable, "-c", TOLD_WHILE_IT_CLOSES]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=sink)
        try:
            assert process.wait(EVENT_SECONDS) == 0
        finally:
            process.kill()
    assert b"worker.stopped" in log.read_bytes()


def test_a_worker_without_redis_can_still_be_stopped(settings, tmp_path):
    lonely = unreachable_redis(settings)
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"], cwd=ROOT, env=environment(lonely), stderr=sink
        )
        wait_until(lambda: b"worker.restarting" in log.read_bytes(), "it tries again and again")
        process.terminate()
        process.wait()
    assert b"Traceback" not in log.read_bytes()


def test_only_our_own_function_runs_from_the_queue(alone, queue, quick_worker, tmp_path):
    planted = Queue("clv", connection=queue.redis, serializer=JSONSerializer)
    witness = tmp_path / "it ran"
    jobs = [
        planted.enqueue_call("os.mkdir", args=(str(witness),)),
        planted.enqueue_call("jobs.tasks.drain", args=("1; DROP TABLE run",)),
        planted.enqueue_call("jobs.tasks.drain", args=(1,), kwargs={"x": 1}),
        planted.enqueue_call("jobs.tasks.drain", (999_999,), on_success=Callback("os.mkdir")),
    ]
    wait_until(lambda: all(job.get_status() in ("failed", "finished") for job in jobs), "all ran")
    assert not witness.exists()
    # The callback of the last one would have failed it.
    assert [job.get_status() for job in jobs] == ["failed", "failed", "failed", "finished"]
    assert "Traceback" not in str(jobs[0].latest_result().exc_string)


def test_the_text_of_an_exception_reaches_neither_redis_nor_a_page_nor_a_log(
    tenant, alone, queue, tmp_path
):
    add_customers(tenant, 60)
    log = tmp_path / "log"
    with (
        raising_on_snapshots(f"{SECRET}: a line\n{SECRET} another\n{SECRET}"),
        log.open("wb") as sink,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"],
            cwd=ROOT,
            # No sweep starts another job, in whose beginning the signal would find the work-horse.
            env=environment(alone, SWEEP_SECONDS="300"),
            stderr=sink,
        )
        planted = Queue("clv", connection=queue.redis, serializer=JSONSerializer)
        other = planted.enqueue_call("jobs.tasks.drain", args=(f"'; SELECT '{SECRET}",))
        with db.scope():
            run_id = begin()
            queue.ring(run_id)
        failed = FailedJobRegistry("clv", connection=queue.redis, serializer=JSONSerializer)
        wait_until(lambda: len(failed) >= 2, "the job of the run failed, and the planted one")
        process.terminate()
        process.wait()
    assert "job.failed" in log.read_text() and SECRET not in log.read_text()
    rq = create_app(replace(alone, rq_dashboard_user="ops", rq_dashboard_password="sesame"))
    kinds = set()
    for name in failed.get_job_ids():
        page = rq.test_client().get(f"/rq/0/data/job/{name}.json", auth=("ops", "sesame"))
        kinds.add(page.json["exc_info"].partition(" at ")[0])
        stored = Job.fetch(name, connection=queue.redis, serializer=JSONSerializer)
        assert SECRET not in stored.latest_result().exc_string
        assert name == other.id or SECRET not in page.text + str(queue.redis.hgetall(stored.key))
    assert kinds == {"PermissionError", "IntegrityError" if db.is_sqlite() else "ProgrammingError"}
    rq.extensions["clv"].queue.redis.close()


@contextmanager
def raising_on_snapshots(text: str) -> Iterator[None]:
    """Each attempt to store a snapshot fails with an error of this text."""
    if db.is_sqlite():
        make = [
            "CREATE TRIGGER raising BEFORE INSERT ON snapshot"
            f" BEGIN SELECT RAISE(ABORT, '{text}'); END"
        ]
        drop = ["DROP TRIGGER raising"]
    else:
        make = [
            "CREATE FUNCTION raising() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{text}'; END $$",
            "CREATE TRIGGER raising BEFORE INSERT ON snapshot"
            " FOR EACH ROW EXECUTE FUNCTION raising()",
        ]
        drop = ["DROP TRIGGER raising ON snapshot", "DROP FUNCTION raising"]
    with db.scope():
        for statement in make:
            db.execute(statement)
    try:
        yield
    finally:
        with db.scope():
            for statement in drop:
                db.execute(statement)


def test_the_logs_are_lines_of_json_without_data(tenant, alone, queue, tmp_path):
    add_customers(tenant, 60)
    with db.scope():
        db.execute(
            "UPDATE interaction_summary SET customer_id = %s WHERE customer_id = 'c00001'",
            (SECRET,),
        )
        run_id = begin()
        queue.ring(run_id)
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"], cwd=ROOT, env=environment(alone), stderr=sink
        )
        wait_until(lambda: finished(run_id) and not children(process.pid), "the run")
        process.terminate()
        process.wait()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events] == [
        "worker.started",
        "run.started",
        "run.planned",
        "shard.done",
        "run.finished",
        "worker.stopped",
    ]
    assert all(event["run"] == run_id for event in events[1:-1])
    assert SECRET not in log.read_text()


def test_a_run_past_its_deadline_fails_and_the_next_one_starts(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        late, _ = runs.join_or_create(1, None, "test", deadline_ms=-1)
        runs.start(late.id)
        following = begin()
        runs_service.sweep(bell)
        run = runs.by_id(late.id)
        assert run.status == "failed" and "deadline" in run.message
        assert following in bell.rung


def test_a_plan_that_fails_three_times_fails_the_run(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        for _ in range(3):
            plans.leave_plan(run_id, plans.claim_plan(run_id, LEASE))
        batch.plan(run_id, bell, 50_000, LEASE)
        assert runs.by_id(run_id).status == "failed"


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
            return run_id is not None and queue.waiting(run_id) == 1

    wait_until(rung, "the run was started")
    os.kill(process.pid, signal.SIGTERM)
    process.wait()


def test_poisoned_customers_are_left_out_named_and_counted(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    add_customers(tenant, 120)
    with db.scope():
        now = now_ms()
        with_checks_off(now)
        run_id = begin()
        complete(run_id, bell)
        run = runs.by_id(run_id)
        assert (run.status, run.computed, run.errors) == ("finished", 118, 2)
        assert dict(runs.errors_page(run_id, "", 9)) == {
            "c00007": "A count in the interaction summaries is negative.",
            "c00009": "The sum of the interaction summaries is too large.",
        }
        found = db.value("SELECT customers FROM snapshot")
        assert found == 118


def with_checks_off(now: int) -> None:
    """A negative count and an overflowing sum, behind the API's back."""
    huge = 2**63 - 1
    rows = [
        ("c00007", "2026-01-02", -5, 0),
        *(("c00009", f"2026-01-{d:02}", 1, huge) for d in (3, 4)),
    ]
    insert = (
        f"INSERT INTO interaction_summary VALUES (1, %s, %s, '', '', '', %s, 0, %s, {now}, {now})"
    )
    if db.is_sqlite():
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute_many(insert, rows)
        db.execute("PRAGMA ignore_check_constraints = 0")
        return
    for column in ("impressions", "total_value"):
        name = f"interaction_summary_{column}_check"
        db.execute(f"ALTER TABLE interaction_summary DROP CONSTRAINT IF EXISTS {name}")
    db.execute_many(insert, rows)
    limits = {
        "impressions": "0 AND 1000000000",
        "total_value": "-10000000000000 AND 10000000000000",
    }
    for column, between in limits.items():
        db.execute(
            f"ALTER TABLE interaction_summary ADD CONSTRAINT interaction_summary_{column}_check"
            f" CHECK ({column} BETWEEN {between}) NOT VALID"
        )


def test_a_chunk_of_errors_alone_is_committed(tenant, app):
    with db.scope():
        add_customers(tenant, 3)
        run_id = planned(Bell(app.extensions["clv"].queue.redis))
        shard = shards.claim_shard(run_id, LEASE)
        reasons = [("c00001", "a reason"), ("c00002", "another")]
        assert shards.commit_chunk(
            runs.by_id(run_id), shard, "", Chunk("c00002", False, [], reasons)
        )
        assert runs.errors_page(run_id, "", 9) == reasons


def test_a_worker_that_is_told_to_stop_at_a_fork_signals_the_work_horse_alone(settings):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_THE_FORK],
        cwd=ROOT,
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
        # With RQ's own way the signal would end the tests, too.
        start_new_session=True,
    )
    assert done.stdout.split() == ["signal", str(int(signal.SIGRTMIN)), "alive"]
    assert done.returncode == 0
