"""The backtest: its figures by hand, and what the models reach on real purchases."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from clv.domain.formulas import churn_probability, predicted_revenue
from clv.domain.settings import ScoreSettings
from clv.prediction import backtest
from tests.support import buyers

SETTINGS = ScoreSettings()


@pytest.fixture(scope="module")
def cdnow():
    """Nine months of CDNOW, and nine that the fit never saw."""
    return buyers.split(buyers.cdnow(), "1997-09-30", "1998-06-30")


@pytest.fixture(scope="module")
def report(cdnow):
    return backtest.backtest(cdnow, SETTINGS)


def card(report, model):
    return next(card for card in report.models if card.model == model)


def tiny(**values):
    """Three customers, of whom one comes back."""
    known = {
        "x": [0, 1, 3],
        "t_x": [0, 20, 80],
        "age": [50, 90, 100],
        "mean_value": [10.0, 20.0, 30.0],
        "monetary": [10.0, 40.0, 120.0],
        "recency_days": [50, 70, 20],
        "tenure_days": [50, 90, 400],
        "revenue": [0.0, 0.0, 60.0],
        "conversion_days": [0, 0, 2],
    }
    return backtest.Split(
        **{name: np.array(values.get(name, value)) for name, value in known.items()},
        holdout_days=90,
    )


def test_calibrated_reaches_the_floors_on_cdnow(report):
    ours, plain = card(report, "calibrated"), card(report, "rfm")
    assert report.customers == 23_500
    assert ours.mean_absolute_error <= 0.5 * plain.mean_absolute_error
    assert 0.78 <= ours.total_ratio <= 0.90
    assert ours.spearman >= 0.42
    assert ours.top_decile_capture >= 0.51
    assert ours.churn_auc >= 0.74
    assert ours.churn_brier <= 0.17


def test_calibrated_beats_one_number_for_everybody_on_cdnow(report):
    ours, flat = card(report, "calibrated"), card(report, "mean")
    assert ours.mean_absolute_error < flat.mean_absolute_error
    assert ours.root_mean_squared_error < flat.root_mean_squared_error
    assert ours.churn_brier < flat.churn_brier


def test_calibrated_is_the_model_for_revenue_and_for_churn_on_cdnow(report):
    assert (report.revenue_model, report.churn_model) == ("calibrated", "calibrated")
    assert report.revenue_sentence == (
        "Use calibrated for revenue: over 273 days it forecast 81 % of what came (rfm: 266 %), and"
        " ordered the customers 71 % of the way from chance to perfect (rfm: 70 %)."
    )
    assert report.churn_sentence == (
        "Use calibrated for churn: it typically gave a probability of 60 % to what a customer then"
        " did (rfm: 25 %; one probability for everybody: 54 %), and told who stays away from who"
        " comes back in 75 % of the pairs (rfm: 76 %)."
    )


def test_the_figures_of_the_verdicts_on_cdnow(report):
    ours, plain, flat = (card(report, model) for model in ("calibrated", "rfm", "mean"))
    assert ours.normalized_gini >= 0.70 and ours.normalized_gini > plain.normalized_gini
    assert flat.normalized_gini == 0
    assert ours.churn_log_loss <= 0.52
    assert ours.churn_log_loss < flat.churn_log_loss < plain.churn_log_loss


def test_the_interval_of_calibrated_is_measured_and_nobody_else_has_one(report):
    assert 0.72 <= card(report, "calibrated").interval_coverage <= 0.9
    assert card(report, "rfm").interval_coverage is None


def test_nothing_for_everybody_beats_the_run_rate_by_errors_alone(report):
    nothing, plain = card(report, "zero"), card(report, "rfm")
    assert nothing.mean_absolute_error < plain.mean_absolute_error
    assert nothing.root_mean_squared_error < plain.root_mean_squared_error
    assert nothing.total_ratio == 0
    assert nothing.normalized_gini is nothing.spearman is nothing.top_decile_capture is None
    assert nothing.churn_auc is nothing.churn_brier is nothing.churn_log_loss is None
    assert nothing.deciles == ()


def test_deciles_rise_and_hold_everybody_once(report):
    for model in ("calibrated", "rfm"):
        deciles = card(report, model).deciles
        assert len(deciles) == 10
        assert sum(decile.customers for decile in deciles) == report.customers
        predicted = [decile.predicted for decile in deciles]
        assert predicted == sorted(predicted)


def test_a_report_is_json(report):
    assert json.loads(json.dumps(asdict(report), allow_nan=False))["customers"] == 23_500


def test_the_fit_sees_nothing_of_the_holdout(report, cdnow):
    other = replace(cdnow, revenue=cdnow.revenue * 3, conversion_days=cdnow.conversion_days * 0)
    assert backtest.backtest(other, SETTINGS).parameters == report.parameters


def test_rfm_is_the_contracts_run_rate_and_logistic():
    split = tiny()
    month = ScoreSettings(lifespan_months=1)
    expected = [
        predicted_revenue(int(m * 10_000), int(t), month) / 10_000 * 90 / 30.4375
        for m, t in zip(split.monetary, split.tenure_days, strict=True)
    ]
    churn = [churn_probability(int(r), 30) for r in split.recency_days]
    error = np.array(expected) - split.revenue
    scored = backtest.rfm(split, SETTINGS)
    assert scored.mean_absolute_error == pytest.approx(np.abs(error).mean(), abs=1e-3)
    assert scored.root_mean_squared_error == pytest.approx(math.sqrt((error**2).mean()), abs=1e-3)
    assert scored.total_ratio == pytest.approx(sum(expected) / 60, abs=1e-4)
    brier = ((churn[0] - 1) ** 2 + (churn[1] - 1) ** 2 + churn[2] ** 2) / 3
    assert scored.churn_brier == pytest.approx(brier)
    assert scored.churn_auc == 1.0


def test_rfm_forecasts_nothing_from_refunds_and_any_silence():
    split = tiny(monetary=[-10.0, 0.0, 0.0], recency_days=[0, 30, 40_000])
    scored = backtest.rfm(split, ScoreSettings(at_risk_days=1))
    assert scored.total_ratio == 0.0
    assert scored.churn_brier == pytest.approx(
        (1 - 1 / (1 + math.e**2.4)) ** 2 / 3 + 1 / 3, abs=1e-9
    )


def test_a_base_that_can_not_be_fitted_is_scored_by_the_others():
    split = tiny(x=[0, 0, 0], t_x=[0, 0, 0])
    found = backtest.backtest(split, SETTINGS)
    assert found.parameters is None
    assert [scored.model for scored in found.models] == ["rfm", "mean", "zero"]
    assert (found.revenue_model, found.churn_model) == ("rfm", "rfm")
    assert found.sentence.startswith(
        "The calibrated model could not be fitted: No buyer has come back on a second day. Use rfm"
    )


def test_a_holdout_without_revenue_leaves_undefined_figures_out():
    split = tiny(revenue=[0.0, 0.0, 0.0], conversion_days=[0, 0, 0])
    scored = backtest.rfm(split, SETTINGS)
    assert scored.total_ratio is scored.spearman is scored.top_decile_capture is None
    assert scored.normalized_gini is None
    assert scored.churn_auc is None
    json.dumps(asdict(backtest.backtest(split, SETTINGS)), allow_nan=False)


def test_nobody_to_compare_is_said():
    none = tiny(**dict.fromkeys(tiny().__slots__[:-1], []))
    found = backtest.backtest(none, SETTINGS)
    assert (found.customers, found.revenue_model, found.churn_model) == (0, "rfm", "rfm")
    json.dumps(asdict(found), allow_nan=False)
