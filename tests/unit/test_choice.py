"""Which model serves: what each full run makes of its backtest, and how that is stored."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.scoring import MODELS, VERSIONED_MODELS
from clv.domain.settings import MODEL_NAMES, MODEL_SETTINGS, ScoreSettings
from clv.prediction import choice
from clv.prediction.choice import (
    AS_SET,
    CALIBRATED,
    NOT_FITTED_YET,
    RFM,
    RUNS_TO_CHANGE,
    Calibration,
    Findings,
    Verdict,
)
from tests.support.calibrations import MODEL, PARAMETERS, calibration

NONE_FITTED = Findings(None, None, None, "There are too few buyers.")
models = st.sampled_from(MODEL_NAMES)
# What a full run finds out: the better model of revenue and of churn, or nothing.
findings = st.none() | st.tuples(models, models)


def found(revenue: str, churn: str) -> Findings:
    verdicts = (Verdict(name, f"{name} is better.") for name in (revenue, churn))
    return Findings(MODEL, *verdicts)


def after(
    runs: list[tuple[str, str] | None], setting: str = "auto", before: Calibration | None = None
) -> list[Calibration]:
    """What each of these full runs decides, the n-th as of n."""
    served = []
    for number, better in enumerate(runs, 1):
        one = NONE_FITTED if better is None else found(*better)
        before = choice.choose(before, one, setting, number)
        served.append(before)
    return served


def names(served: list[Calibration]) -> list[tuple[str, str]]:
    return [(one.revenue.name, one.churn.name) for one in served]


def test_the_first_backtest_decides_at_once_for_revenue_and_churn_apart():
    [first] = after([(CALIBRATED, RFM)])
    assert (first.revenue.name, first.churn.name) == (CALIBRATED, RFM)
    assert (first.revenue.reason, first.churn.reason) == (
        "calibrated is better.",
        "rfm is better.",
    )
    assert first.fitted == MODEL and first.as_of_ms == first.revenue.since_ms == 1
    assert VERSIONED_MODELS[first.index] == "calibrated/2; churn rfm/1"


def test_auto_changes_a_model_when_the_other_one_was_better_three_times_running():
    one, other = (CALIBRATED, RFM), (RFM, RFM)
    served = after([one, other, other, other])
    assert names(served) == [one, one, one, other]
    reasons = [each.revenue.reason for each in served[1:]]
    assert "rfm has been better in 3 full runs running; it was in 1. rfm is" in reasons[0]
    assert "it was in 2." in reasons[1]
    assert reasons[2] == "rfm is better."
    assert [each.revenue.since_ms for each in served] == [1, 1, 1, 4]
    assert [each.churn.since_ms for each in served] == [1, 1, 1, 1]


def test_one_backtest_back_begins_the_count_anew():
    one, other = (CALIBRATED, CALIBRATED), (RFM, CALIBRATED)
    served = after([one, other, other, one, other, other, other])
    assert names(served) == [one] * 6 + [other]


def test_rfm_serves_at_once_without_a_fit_and_what_was_chosen_comes_back_with_one():
    best = (CALIBRATED, CALIBRATED)
    served = after([best, None, None, best])
    assert names(served) == [best, (RFM, RFM), (RFM, RFM), best]
    assert served[1].churn.reason == "There are too few buyers." and served[1].fitted is None
    assert [each.churn.since_ms for each in served] == [1, 2, 2, 4]
    # Even if the other one is better then: it takes three backtests, and there was one.
    assert names(after([best, None, (RFM, RFM)]))[-1] == best


def test_runs_without_a_fit_are_no_backtests_and_interrupt_nothing():
    best, worse = (CALIBRATED, CALIBRATED), (RFM, RFM)
    served = after([best, worse, None, worse, None, worse])
    assert names(served) == [best, best, worse, best, worse, worse]


def test_before_the_gate_is_met_nothing_is_chosen():
    served = after([None, None, (CALIBRATED, RFM)])
    assert names(served) == [(RFM, RFM), (RFM, RFM), (CALIBRATED, RFM)]
    assert [each.churn.since_ms for each in served] == [1, 1, 1]


def test_with_the_setting_calibrated_each_backtest_decides_at_once():
    runs = [(CALIBRATED, RFM), (RFM, CALIBRATED), None, (CALIBRATED, CALIBRATED)]
    expected = [(CALIBRATED, RFM), (RFM, CALIBRATED), (RFM, RFM), (CALIBRATED, CALIBRATED)]
    assert names(after(runs, CALIBRATED)) == expected


def test_with_the_setting_rfm_nothing_is_fitted_nor_remembered():
    before = after([(CALIBRATED, CALIBRATED)])[0]
    chosen = choice.choose(before, None, RFM, 7)
    assert (chosen.revenue.name, chosen.churn.reason) == (RFM, AS_SET)
    assert chosen.fitted is None and chosen.revenue.since_ms == 7
    again = choice.choose(chosen, found(RFM, CALIBRATED), "auto", 8)
    assert (again.revenue.name, again.churn.name) == (RFM, CALIBRATED)
    assert (again.revenue.since_ms, again.churn.since_ms) == (7, 8)


def test_no_model_is_kept_where_it_predicts_nothing():
    assert after([(RFM, RFM)])[0].fitted is None


@given(st.lists(findings, min_size=1, max_size=25))
def test_auto_never_changes_what_was_chosen_before_three_verdicts_running(runs):
    served = after(runs)
    for which, name in enumerate(choice.PREDICTIONS):
        chosen, ahead = None, 0
        for run, one in zip(runs, served, strict=True):
            choices = getattr(one, name)
            if run is None:
                assert choices.name == RFM and choices.chosen == chosen
                continue
            if chosen is None:
                chosen = run[which]
            ahead = ahead + 1 if run[which] != chosen else 0
            if ahead == RUNS_TO_CHANGE:
                chosen, ahead = run[which], 0
            assert choices.name == choices.chosen == chosen and choices.ahead == ahead


@given(st.lists(findings, max_size=25), st.sampled_from(MODEL_SETTINGS[::2]), st.data())
def test_revenue_and_churn_are_independent(runs, setting, data):
    others = [run and (run[0], data.draw(models)) for run in runs]
    plain, mixed = after(runs, setting), after(others, setting)
    assert [one.revenue for one in plain] == [one.revenue for one in mixed]
    swapped = after([run and run[::-1] for run in runs], setting)
    assert [one.churn for one in swapped] == [one.revenue for one in plain]


@given(st.lists(findings, min_size=1, max_size=9), st.sampled_from(MODEL_SETTINGS[::2]))
def test_what_was_decided_is_stored_and_read_again(runs, setting):
    for one in after(runs, setting):
        assert choice.from_json(one.to_json()) == one
        assert 0 <= one.index < len(MODELS)
        # It is kept where it predicts, and only there.
        assert (one.fitted is not None) == (CALIBRATED in (one.revenue.name, one.churn.name))


def test_a_release_with_one_model_for_both_reads_that_rfm_serves():
    stored = json.loads(after([(CALIBRATED, RFM)])[0].to_json())
    known = {name: stored[name] for name in ("parameters", "reason", "as_of_ms")}
    assert known == {"parameters": None, "reason": "calibrated is better.", "as_of_ms": 1}


def test_parameters_of_such_a_release_serve_both_predictions_until_the_next_full_run():
    stored = {"parameters": PARAMETERS.to_dict(), "reason": "It is better.", "as_of_ms": 5}
    former = choice.from_json(json.dumps(stored))
    assert VERSIONED_MODELS[former.index] == "calibrated/1"
    assert former.fitted == MODEL and former.as_of_ms == 5
    assert former.revenue == former.churn and former.churn.reason == "It is better."
    # Single computations store it again with the distributions that they make.
    assert json.loads(former.to_json()) == stored
    # Three backtests must go against it, as against any other.
    assert names(after([(RFM, RFM)] * 3, before=former)) == [(CALIBRATED, CALIBRATED)] * 2 + [
        (RFM, RFM)
    ]
    none = choice.from_json(json.dumps({**stored, "parameters": None}))
    assert none.fitted is None and none.revenue.name == RFM
    assert choice.from_json(none.to_json()) == none
    assert names(after([(RFM, CALIBRATED)], before=none)) == [(RFM, CALIBRATED)]


@pytest.mark.parametrize("setting", MODEL_SETTINGS)
def test_what_serves_between_full_runs(setting):
    settings = ScoreSettings(model=setting)
    assert choice.serving(settings, None).fitted is None
    reason = AS_SET if setting == RFM else NOT_FITTED_YET
    assert choice.serving(settings, None).churn.reason == reason
    fitted = calibration(CALIBRATED, RFM, as_of_ms=5)
    served = choice.serving(settings, fitted)
    if setting == RFM:
        assert served.fitted is None and served.revenue.reason == AS_SET
        assert (served.as_of_ms, served.revenue.since_ms) == (None, None)
    else:
        assert served == fitted
    # A full run that was to fit nothing says nothing about the calibrated model.
    plain = choice.choose(fitted, None, RFM, 9)
    assert choice.serving(settings, plain).revenue.reason == reason
    assert choice.serving(settings, plain).revenue.since_ms == (9 if setting == RFM else None)


def test_records_name_the_models_unambiguously():
    assert VERSIONED_MODELS == (
        "rfm/1",
        "calibrated/1",
        "calibrated/2",
        "calibrated/2; churn rfm/1",
        "rfm/1; churn calibrated/2",
    )
    assert len(set(MODELS)) == len(set(VERSIONED_MODELS)) == len(MODELS)
    both = calibration(RFM, CALIBRATED)
    assert VERSIONED_MODELS[both.index] == "rfm/1; churn calibrated/2"
    assert replace(both, revenue=both.churn).index == MODELS.index(("calibrated/2",) * 2)
