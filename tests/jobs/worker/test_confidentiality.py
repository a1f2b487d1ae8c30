"""What a worker runs, and what it tells of the data."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rq import Callback, Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from app import create_app
from clv import db
from clv.config import ROOT
from tests.conftest import environment, wait_until
from tests.jobs.support import add_customers, begin
from tests.jobs.worker.support import children, finished

SECRET = "customer-4711"


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
            begin()
            queue.ring(tenant.id)
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
        queue.ring(tenant.id)
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
        "run.calibrated",
        "run.planned",
        "shard.done",
        "run.finished",
        "worker.stopped",
    ]
    assert all(event["run"] == run_id for event in events[1:-1])
    assert SECRET not in log.read_text()
