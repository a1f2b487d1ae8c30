"""The use cases of backtests, without a server, and results that an earlier version stored."""

import json

import pytest

from clv import db
from clv.api.schemas.backtests import BacktestResult as ResultSchema
from clv.errors import Conflict, NotFound, Unavailable
from clv.prediction import backtest_result
from clv.prediction.backtest import Decile, Scorecard
from clv.prediction.backtest_result import BacktestResult
from clv.prediction.btyd import Parameters
from clv.services import backtests
from clv.store import backtests as stored

# As the version before stored it, which is what the API shows.
OLD = {
    "firstDay": "2026-01-01",
    "splitDay": "2026-04-01",
    "lastDay": "2026-06-30",
    "holdoutDays": 91,
    "customers": 600,
    "returned": 240,
    "revenue": 1234.5,
    "models": [
        {
            "model": "calibrated",
            "meanAbsoluteError": 1.5,
            "rootMeanSquaredError": 2.5,
            "totalRatio": 0.8,
            "spearman": 0.4,
            "topDecileCapture": 0.5,
            "churnAuc": None,
            "churnBrier": 0.2,
            "deciles": [{"customers": 60, "predicted": 1.25, "actual": 2.0}],
        }
    ],
    "parameters": {"r": 0.2, "alpha": 4.4, "a": 0.8, "b": 2.4, "p": 6.3, "q": 3.7, "v": 15.4},
    "notFitted": None,
    "recommended": "calibrated",
    "sentence": "Use calibrated.",
}
RESULT = BacktestResult(
    first_day="2026-01-01",
    split_day="2026-04-01",
    last_day="2026-06-30",
    holdout_days=91,
    customers=600,
    returned=240,
    revenue=1234.5,
    models=(Scorecard("calibrated", 1.5, 2.5, 0.8, 0.4, 0.5, None, 0.2, (Decile(60, 1.25, 2.0),)),),
    parameters=Parameters(0.2, 4.4, 0.8, 2.4, 6.3, 3.7, 15.4),
    not_fitted=None,
    recommended="calibrated",
    sentence="Use calibrated.",
)


@pytest.fixture
def finish(acme):
    """Store a result of acme, as text."""

    def finish_with(text: str) -> None:
        created = stored.create(acme.id, None, "a test", 3_600_000)
        attempt = stored.claim(created.id, 1_000)
        assert attempt and stored.finish(created.id, attempt, 91, text)

    return finish_with


def test_a_result_that_an_earlier_version_stored_is_read(acme, finish):
    finish(json.dumps(OLD))
    newest = backtests.newest_result(acme.id)
    assert newest is not None and newest.result == RESULT


def test_a_result_is_stored_in_snake_case_and_read_again(acme, finish):
    finish(backtest_result.to_json(RESULT))
    assert "meanAbsoluteError" not in db.value("SELECT result FROM backtest")
    assert [done.result for done in backtests.page(acme.id, None, 9)] == [RESULT]


def test_the_api_shows_a_result_as_ever():
    assert json.dumps(ResultSchema().dump(RESULT)) == json.dumps(OLD)


def test_one_without_parameters_says_why():
    values = {**OLD, "parameters": None, "notFitted": "Too few.", "models": []}
    result = backtest_result.from_json(json.dumps(values))
    assert (result.parameters, result.not_fitted, result.models) == (None, "Too few.", ())


def test_one_at_a_time_is_started(acme, local_settings, queue):
    started = backtests.start(acme, 30, "a test", local_settings, queue)
    assert (started.status, started.holdout_days, started.message) == ("queued", 30, None)
    assert queue.backtests_rung == [started.id]
    with pytest.raises(Conflict, match="going on already"):
        backtests.start(acme, None, "a test", local_settings, queue)


def test_without_a_worker_a_start_says_so(acme, local_settings, queue):
    queue.workers = 0
    started = backtests.start(acme, None, "a test", local_settings, queue)
    assert started.message == backtests.NO_WORKER


def test_a_start_without_a_queue_closes_what_it_created(acme, local_settings, queue):
    queue.is_reachable = False
    with pytest.raises(Unavailable):
        backtests.start(acme, None, "a test", local_settings, queue)
    newest = backtests.newest(acme.id, queue)
    assert newest is not None and not newest.is_active
    assert (newest.status, newest.message) == ("failed", "The queue could not be reached.")


def test_watching_one_rings_for_it(acme, local_settings, queue):
    started = backtests.start(acme, None, "a test", local_settings, queue)
    assert backtests.watch(acme.id, started.backtest_id, queue).is_active
    assert queue.backtests_rung == [started.id, started.id]
    with pytest.raises(NotFound):
        backtests.watch(acme.id + 1, started.backtest_id, queue)


def test_one_that_is_measured_here_needs_no_queue(acme, local_settings):
    done = backtests.measure_now(acme, None, "a test", local_settings)
    assert (done.status, done.result) == ("failed", None)
    assert done.message is not None and done.message.startswith("There is no history")
