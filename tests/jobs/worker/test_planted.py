"""Whatever is planted in Redis, a worker calls nothing but our own functions, and goes on."""

import subprocess
import sys

import pytest
from rq import Callback, Queue
from rq.command import send_shutdown_command, send_stop_job_command
from rq.serializers import JSONSerializer

from clv import db
from clv.config import ROOT
from tests.conftest import environment, wait_until
from tests.jobs.support import add_customers, begin
from tests.jobs.worker.support import children, finished
from tests.support import planted


@pytest.fixture
def trap(tmp_path):
    with planted.trap(tmp_path) as open_trap:
        yield open_trap


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def trapped_worker(alone, trap, log):
    """A worker that could import the trap, with its maintenance every second."""
    variables = {"SWEEP_SECONDS": "1", "LEASE_SECONDS": "1", "PYTHONPATH": str(trap.folder)}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"],
            cwd=ROOT,
            env=environment(alone, **variables),
            stderr=sink,
        )
        yield process
        process.terminate()
        process.wait()


def test_nothing_planted_in_the_queue_or_a_registry_is_called_and_the_worker_goes_on(
    tenant, queue, trap, log, request
):
    add_customers(tenant, 60)
    planted.plant_everywhere(queue.redis, trap)
    worker = request.getfixturevalue("trapped_worker")
    places = ("rq:queue:clv", "rq:queue:clv:intermediate", "rq:wip:clv", "rq:ready:clv")
    wait_until(
        lambda: not queue.redis.exists(*places) and not children(worker.pid),
        "the worker has worked off the queue and cleaned the registries up",
    )
    with db.scope():
        run_id = begin()
        queue.ring(tenant.id)
    wait_until(lambda: finished(run_id), "the worker finished a run")
    assert trap.sprung == []
    assert worker.poll() is None and "worker.restarting" not in log.read_text()


def test_a_worker_takes_no_command_from_redis(tenant, queue, trap, trapped_worker):
    with db.scope():
        run_id = begin()
        with db.transaction():
            # The job waits for this transaction.
            db.execute("UPDATE run SET message = NULL WHERE id = %s", (run_id,))
            rq = Queue("clv", connection=queue.redis, serializer=JSONSerializer)
            job = rq.enqueue_call(
                "jobs.tasks.drain", (tenant.id,), on_stopped=Callback(planted.SPRING)
            )
            wait_until(lambda: children(trapped_worker.pid), "a work-horse runs")
            wait_until(lambda: job.get_status() == "started", "it has the job")
            send_stop_job_command(queue.redis, job.id, JSONSerializer)
            job.refresh()
            send_shutdown_command(queue.redis, job.worker_name)
    wait_until(lambda: finished(run_id), "the job goes on")
    assert trapped_worker.poll() is None
    assert trap.sprung == []


def test_a_planted_job_that_is_not_allowed_fails_visibly(queue, trap, trapped_worker):
    job_id = planted.plant(queue.redis, trap, "foreign-function", "queued")
    wait_until(lambda: queue.redis.zscore("rq:failed:clv", job_id), "it is among the failed ones")
    assert trap.sprung == []
