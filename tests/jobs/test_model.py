"""A fit and a backtest in real workers: killed in the middle, done once, and never in the web."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from app import create_app
from clv import db
from clv.config import ROOT
from clv.services import backtests
from clv.store import backtests as stored
from clv.store import runs, snapshots
from tests.api.bases import BASES, add, import_log
from tests.conftest import environment, start_worker, wait_until
from tests.jobs.support import Bell, begin, complete, end_pauses

URL = "/api/v1/clv/backtests"
LEASE = 20_000
HOUR_MS = 3_600_000
# Stops where the fit begins, and says so.
STOPPED_IN_A_FIT = """
import os, signal, sys
from clv.prediction import model
model.fit = lambda *log: os.kill(os.getpid(), signal.SIGSTOP)
from jobs import worker
worker.main()
"""
# What a web process does with a tenant that the calibrated model serves.
IN_THE_WEB = """
import sys
from app import create_app
from clv.config import from_env

client, key = create_app(from_env()).test_client(), {"Authorization": sys.argv[1]}
url = "/api/v1/customers/c0001/clv"
answers = [
    client.get(url, headers=key),
    client.post(url, headers=key),
    client.get(f"{url}/explanation", headers=key),
    client.post("/api/v1/clv/simulate", headers=key),
    client.get("/api/v1/settings", headers=key),
    client.get("/api/v1/clv/backtests", headers=key),
]
assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers]
assert answers[1].headers["X-CLV-Model"] == "calibrated/2"
loaded = [name for name in sys.modules if name.split(".")[0] == "scipy"]
assert not loaded, loaded
"""


@pytest.fixture
def quick_worker(alone):
    """Starts a worker that sweeps every second and whose leases last one."""
    processes = []

    def start(code: str | None = None) -> subprocess.Popen:
        quick = {"SWEEP_SECONDS": "1", "LEASE_SECONDS": "1"}
        if code is None:
            processes.append(start_worker(alone, **quick))
        else:
            command = [sys.executable, "-c", code]
            environ = environment(alone, **quick)
            processes.append(subprocess.Popen(command, cwd=ROOT, env=environ))
        return processes[-1]

    yield start
    for process in processes:
        # Killed it would leave its work-horse behind, at work on the next test's rows.
        process.terminate()
        process.wait()


def stopped_horse(worker: subprocess.Popen) -> int | None:
    """The worker's child that has stopped itself."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    for child in children:
        with suppress(OSError):
            state = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2][0]
            if state == "T":
                return int(child)
    return None


def kill_in_a_fit(worker: subprocess.Popen) -> None:
    """Kill the horse in the middle of a fit, and then the worker, before it starts another one."""
    wait_until(lambda: stopped_horse(worker), "a fit has begun")
    worker.send_signal(signal.SIGSTOP)
    os.kill(stopped_horse(worker), signal.SIGKILL)
    worker.kill()
    worker.wait()


def choose_calibrated() -> None:
    with db.scope():
        db.execute("UPDATE tenant SET model = 'calibrated'")


def test_a_run_whose_horse_was_killed_in_a_fit_is_planned_again(tenant, queue, quick_worker):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    choose_calibrated()
    with db.scope():
        run_id = begin()
        queue.ring(tenant.id)
    kill_in_a_fit(quick_worker(STOPPED_IN_A_FIT))
    with db.scope():
        left = runs.by_id(run_id)
        assert (left.status, left.planned, left.snapshot_id) == ("running", False, None)
    quick_worker()
    wait_until(lambda: _run(run_id).status == "finished", "another worker planned it")
    with db.scope():
        assert runs.by_id(run_id).computed == 600
        assert snapshots.current_calibration(tenant.id) is not None


def test_a_backtest_whose_horse_was_killed_in_a_fit_is_done_again(
    alone, tenant, queue, quick_worker
):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    with db.scope():
        started = backtests.start(tenant, None, "test", alone, queue)
    kill_in_a_fit(quick_worker(STOPPED_IN_A_FIT))
    with db.scope():
        assert stored.by_id(started.id).status == "running"
    quick_worker()
    wait_until(lambda: _backtest(started.id).status == "finished", "another worker did it")
    assert _backtest(started.id).attempt >= 2


def test_a_backtest_that_kills_whoever_does_it_fails_after_3_attempts(
    alone, tenant, queue, quick_worker
):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    with db.scope():
        started = backtests.start(tenant, None, "test", alone, queue)
        for _ in range(stored.MAX_ATTEMPTS):
            assert stored.claim(started.id, LEASE) is not None
            end_pauses()
    quick_worker()
    wait_until(lambda: _backtest(started.id).status == "failed", "it is given up")
    assert _backtest(started.id).message == "The backtest could not be done in 3 attempts."


def test_a_worker_that_was_thought_dead_changes_nothing(tenant, alone, queue):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    with db.scope():
        started = stored.create(tenant.id, None, "test", HOUR_MS)
        late = stored.claim(started.id, LEASE)
        end_pauses()
        assert not stored.finish(started.id, late + 1, 9, "{}")
        current = stored.claim(started.id, LEASE)
        assert current == late + 1 and stored.claim(started.id, LEASE) is None
        assert not stored.renew(started.id, late, LEASE)
        stored.leave(started.id, late)
        assert stored.needing_work(started.id) == []
        assert not stored.finish(started.id, late, 9, "{}")
        assert stored.finish(started.id, current, 200, "{}")
        assert not stored.fail(started.id, "Too late.")
        backtests.work(started.id, alone)
    assert _backtest(started.id).result == "{}"


def test_past_its_deadline_a_backtest_fails(tenant, queue):
    with db.scope():
        started = stored.create(tenant.id, None, "test", -HOUR_MS)
        backtests.sweep(queue)
    found = _backtest(started.id)
    assert (found.status, found.message) == (
        "failed",
        "The backtest did not end before its deadline.",
    )


def test_the_sweep_rings_for_what_nobody_works_on(tenant, queue):
    with db.scope():
        started = stored.create(tenant.id, None, "test", HOUR_MS)
        for _ in range(2):
            backtests.sweep(queue)
    assert queue.redis.llen("rq:queue:clv") == 1
    with db.scope():
        stored.claim(started.id, LEASE)
        queue.redis.delete("rq:queue:clv")
        backtests.sweep(queue)
    assert queue.redis.llen("rq:queue:clv") == 0


def test_the_web_process_never_loads_scipy(tenant, alone, headers, queue):
    add(tenant, list(dict.fromkeys(BASES["equal amounts"])))
    choose_calibrated()
    with db.scope():
        complete(begin(), Bell(queue.redis))
        calibration = snapshots.current_calibration(tenant.id)
    assert calibration is not None and calibration.fitted is not None, calibration
    command = [sys.executable, "-c", IN_THE_WEB, headers()["Authorization"]]
    done = subprocess.run(command, cwd=ROOT, env=environment(alone), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_cdnow_log_is_backtested_by_a_worker_and_beats_the_floors(
    app, alone, headers, tenant, quick_worker
):
    import_log(app)
    quick_worker()
    client = create_app(alone).test_client()
    answer = client.post(URL, json={"holdoutDays": 273}, headers=headers())
    assert answer.status_code == 202
    url, key = answer.headers["Location"], headers("viewer")
    wait_until(lambda: client.get(url, headers=key).json["status"] == "finished", "it finishes")
    shown = client.get(url, headers=key).json
    assert shown["holdoutDays"] == 273 and shown["startedAt"] and shown["finishedAt"]
    result = shown["result"]
    models = {model["model"]: model for model in result["models"]}
    ours, plain, mean = (models[name] for name in ("calibrated", "rfm", "mean"))
    assert result["customers"] == 23_570 and result["returned"] == 7_058
    assert ours["meanAbsoluteError"] <= 0.5 * plain["meanAbsoluteError"]
    assert ours["meanAbsoluteError"] < mean["meanAbsoluteError"]
    assert 0.80 <= ours["totalRatio"] <= 0.90
    assert ours["spearman"] >= 0.43
    assert ours["topDecileCapture"] >= 0.51
    assert ours["churnAuc"] >= 0.764
    assert ours["churnBrier"] <= 0.164
    assert sum(decile["customers"] for decile in ours["deciles"]) == 23_570
    assert [decile["predicted"] for decile in ours["deciles"]] == sorted(
        decile["predicted"] for decile in ours["deciles"]
    )
    assert ours["normalizedGini"] > plain["normalizedGini"] > mean["normalizedGini"] == 0
    assert ours["churnLogLoss"] < mean["churnLogLoss"] < plain["churnLogLoss"]
    assert 0.72 <= ours["intervalCoverage"] <= 0.88
    assert (result["recommended"], result["recommendedChurn"]) == ("calibrated", "calibrated")
    assert result["revenueSentence"].startswith(
        "Use calibrated for revenue: over 273 days it forecast 81 % of what came (rfm: 264 %)"
    )
    assert result["churnSentence"].startswith("Use calibrated for churn: ")
    with db.scope():
        newest = backtests.newest_result(tenant.id)
    assert newest is not None and newest.backtest_id == shown["backtestId"]


def _run(run_id: int) -> runs.Run:
    with db.scope():
        return runs.by_id(run_id)


def _backtest(internal_id: int) -> stored.Backtest:
    with db.scope():
        return stored.by_id(internal_id)
