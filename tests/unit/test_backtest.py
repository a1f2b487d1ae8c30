"""The backtest: its figures by hand, and what the models reach on real purchases."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from clv.domain.calendar import day_of
from clv.domain.formulas import churn_probability, predicted_revenue
from clv.domain.settings import ScoreSettings
from clv.prediction import backtest
from clv.prediction.log import EMPTY, Log, population
from tests.support import simulated_logs

SETTINGS = ScoreSettings()


HALF, END = day_of("1997-09-30"), day_of("1998-06-30")


@pytest.fixture(scope="module")
def cdnow():
    return simulated_logs.cdnow()


@pytest.fixture(scope="module")
def report(cdnow):
    """Nine months of CDNOW, and nine that the fit never saw."""
    return backtest.backtest(cdnow, HALF + 1, END - HALF, SETTINGS)


def card(report, model):
    return next(card for card in report.models if card.model == model)


def tiny(**values):
    """Three customers, of whom one comes back."""
    known = {
        "monetary": [10.0, 40.0, 120.0],
        "recency_days": [50, 70, 20],
        "tenure_days": [50, 90, 400],
        "revenue": [0.0, 0.0, 60.0],
        "conversion_days": [0, 0, 2],
    }
    arrays = {name: np.array(values.get(name, value)) for name, value in known.items()}
    return backtest.Split(**arrays, population=population(EMPTY, 0), holdout_days=90)


def once_each(customers: int, days: int) -> Log:
    """Customers who bought once."""
    numbers = np.arange(customers)
    return simulated_logs.of_days(numbers, 20_000 + numbers % days, numbers * 1.0 + 1)


def test_calibrated_reaches_the_floors_on_cdnow(report):
    ours, plain = card(report, "calibrated"), card(report, "rfm")
    assert report.customers == 23_570
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
        "Use calibrated for revenue: over 273 days it forecast 81 % of what came (rfm: 264 %), and"
        " ordered the customers 71 % of the way from chance to perfect (rfm: 70 %)."
    )
    assert report.churn_sentence == (
        "Use calibrated for churn: it typically gave a probability of 61 % to what a customer then"
        " did (rfm: 25 %; one probability for everybody: 54 %), and told who stays away from who"
        " comes back in 77 % of the pairs (rfm: 76 %)."
    )


def test_the_figures_of_the_verdicts_on_cdnow(report):
    ours, plain, flat = (card(report, model) for model in ("calibrated", "rfm", "mean"))
    assert ours.normalized_gini >= 0.70 and ours.normalized_gini > plain.normalized_gini
    assert flat.normalized_gini == 0
    assert ours.churn_log_loss <= 0.52
    assert ours.churn_log_loss < flat.churn_log_loss < plain.churn_log_loss


def test_the_interval_of_calibrated_is_measured_and_nobody_else_has_one(report):
    assert 0.72 <= card(report, "calibrated").interval_coverage <= 0.88
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
    assert json.loads(json.dumps(asdict(report), allow_nan=False))["customers"] == 23_570


def test_the_fit_sees_nothing_of_the_holdout(report, cdnow):
    later = cdnow.day > HALF
    other = replace(cdnow, spent=np.where(later, 3.0, cdnow.spent), total=cdnow.total * (1 + later))
    found = backtest.backtest(other, HALF + 1, END - HALF, SETTINGS)
    assert found.parameters == report.parameters
    assert found.revenue == pytest.approx(2 * report.revenue)


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
    found = backtest.backtest(once_each(300, 100), 20_050, 50, SETTINGS)
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
    found = backtest.backtest(once_each(300, 50), 20_050, 50, SETTINGS)
    json.dumps(asdict(found), allow_nan=False)


def test_nobody_to_compare_is_said():
    found = backtest.backtest(once_each(300, 50), 19_000, 50, SETTINGS)
    assert (found.customers, found.revenue_model, found.churn_model) == (0, "rfm", "rfm")
    json.dumps(asdict(found), allow_nan=False)


def test_a_split_knows_what_was_known_then_and_what_came_next():
    """Ann buys twice, visits, and buys again; Bob visits twice; Cem has a refund alone."""
    ann, bob, cem = 0, 1, 2
    rows = [
        (ann, 100, 1, True, 10.0),
        (ann, 110, 1, True, 30.0),
        (ann, 115, 0, False, -4.0),
        (ann, 118, 2, False, 0.0),
        (ann, 125, 1, True, 7.0),
        (bob, 105, 1, False, 0.0),
        (bob, 109, 3, False, 0.0),
        (bob, 121, 1, True, 9.0),
        (cem, 101, 0, False, -5.0),
    ]
    customer, day, visits, converts, value = (np.array(c) for c in zip(*rows, strict=True))
    log = Log(3, customer, day, visits * 1.0, converts, value, value, day, day)
    split = backtest.split_at(log, 120, 10)
    known = split.population
    assert (known.buyers.tolist(), known.visitors.tolist()) == ([ann], [bob])
    assert (split.monetary.tolist(), split.revenue.tolist()) == ([36.0, 0.0], [7.0, 9.0])
    assert (split.recency_days.tolist(), split.tenure_days.tolist()) == ([2, 11], [20, 15])
    assert split.conversion_days.tolist() == [1, 1]
    histories = known.histories
    assert (histories.x.tolist(), histories.t_x.tolist()) == ([1], [10])
    assert (histories.age.tolist(), histories.mean_value.tolist()) == ([19], [18.0])
    assert histories.last_contact.tolist() == [118]
    assert (known.visits.recency.tolist(), known.visits.visits.tolist()) == ([10], [4.0])
