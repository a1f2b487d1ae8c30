"""The use cases of backtests, without a server, and results that an earlier version stored."""

import json
from dataclasses import asdict

import pytest

from clv import db
from clv.api.schemas.backtests import BacktestResult as ResultSchema
from clv.errors import Conflict, NotFound, Unavailable
from clv.prediction import backtest_result
from clv.services import backtests
from clv.store import backtests as stored
from tests.support.backtests import OLD, OLD_RESULT, RESULT


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
    assert newest is not None and newest.result == OLD_RESULT


def test_a_result_is_stored_in_snake_case_and_read_again(acme, finish):
    finish(backtest_result.to_json(RESULT))
    assert "meanAbsoluteError" not in db.value("SELECT result FROM backtest")
    assert [done.result for done in backtests.page(acme.id, None, 9)] == [RESULT]


def test_a_result_of_the_version_before_is_read(acme, finish):
    """It has one verdict, too, with names in snake_case."""
    values = asdict(OLD_RESULT)
    for name in ("revenue_model", "churn_model", "revenue_sentence", "churn_sentence"):
        del values[name]
    for name in ("normalized_gini", "churn_log_loss", "interval_coverage"):
        del values["models"][0][name]
    finish(json.dumps({**values, "recommended": "calibrated"}))
    assert [done.result for done in backtests.page(acme.id, None, 9)] == [OLD_RESULT]


def test_an_earlier_version_finds_all_that_it_knows_and_no_model_that_it_does_not():
    stored = json.loads(backtest_result.to_json(RESULT))
    assert (stored["recommended"], stored["sentence"]) == ("calibrated", RESULT.sentence)
    assert [card["model"] for card in stored["models"]] == ["calibrated"]
    assert set(asdict(OLD_RESULT)) <= set(stored)


def test_the_api_shows_a_result_of_an_earlier_version_as_ever():
    shown = json.loads(json.dumps(ResultSchema().dump(OLD_RESULT)))
    assert {name: shown[name] for name in OLD if name != "models"} == {
        name: value for name, value in OLD.items() if name != "models"
    }
    card, before = shown["models"][0], OLD["models"][0]
    assert {name: card[name] for name in before} == before
    assert card["normalizedGini"] is card["churnLogLoss"] is card["intervalCoverage"] is None


def test_the_api_shows_two_verdicts_and_their_figures():
    shown = ResultSchema().dump(RESULT)
    assert (shown["recommended"], shown["recommendedChurn"]) == ("calibrated", "rfm")
    assert shown["revenueSentence"] == "Use calibrated for revenue."
    assert shown["churnSentence"] == "Use rfm for churn."
    ours, nothing = shown["models"]
    assert [ours[name] for name in ("normalizedGini", "churnLogLoss", "intervalCoverage")] == [
        0.6,
        0.5,
        0.79,
    ]
    assert (nothing["model"], nothing["totalRatio"], nothing["spearman"]) == ("zero", 0, None)
    assert nothing["deciles"] == []


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
