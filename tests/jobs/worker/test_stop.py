"""Workers that are told to stop."""

import signal
import subprocess
import sys

from clv import db
from clv.config import ROOT
from clv.store import runs
from tests.conftest import EVENT_SECONDS, environment, start_worker, unreachable_redis, wait_until
from tests.jobs.support import add_customers, begin
from tests.jobs.worker.support import children, finished

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


def test_a_worker_that_is_told_to_stop_stops_at_a_chunk_and_another_goes_on(tenant, alone, queue):
    add_customers(tenant, 3_000)
    first = start_worker(alone, SHARD_CUSTOMERS="1000")
    with db.scope():
        run_id = begin()
        queue.ring(tenant.id)
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
