"""The verdicts of a backtest: one for revenue and one for churn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.prediction import verdict
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, Scorecard


def card(model, **figures):
    known = {"total_ratio": 1.0, "normalized_gini": 0.5, "churn_log_loss": 0.5, "churn_auc": 0.7}
    errors = {"mean_absolute_error": 1.0, "root_mean_squared_error": 1.0}
    return Scorecard(model=model, **{**errors, **known, **figures})


def models(ours, plain):
    decided = verdict.decide([card(CALIBRATED, **ours), card(RFM, **plain)], 90)
    return decided.revenue_model, decided.churn_model


def test_total_and_order_make_one_figure():
    figure = verdict.revenue_figure(card(RFM, total_ratio=0.8, normalized_gini=0.6))
    assert figure == pytest.approx(0.377, abs=5e-4)


def test_half_of_the_total_is_as_far_off_as_double():
    half, double = (verdict.revenue_figure(card(RFM, total_ratio=ratio)) for ratio in (0.5, 2.0))
    assert half == pytest.approx(double)


@given(st.floats(0.01, 100), st.floats(-1, 1), st.floats(0, 0.5))
def test_a_better_order_of_the_same_total_is_better(ratio, gini, more):
    worse = card(RFM, total_ratio=ratio, normalized_gini=gini)
    better = card(RFM, total_ratio=ratio, normalized_gini=gini + more)
    assert verdict.revenue_figure(better) >= verdict.revenue_figure(worse)


@given(st.floats(1, 100), st.floats(1, 10))
def test_a_total_that_is_farther_off_is_worse(ratio, times):
    for near, far in ((ratio, ratio * times), (1 / ratio, 1 / ratio / times)):
        one, other = (verdict.revenue_figure(card(RFM, total_ratio=total)) for total in (near, far))
        assert other <= one


@pytest.mark.parametrize("ratio", [None, 0.0, -0.5])
def test_a_forecast_of_nothing_is_infinitely_far_off(ratio):
    assert verdict.revenue_figure(card(RFM, total_ratio=ratio, normalized_gini=0.9)) == -math.inf
    assert models({"total_ratio": 9.0}, {"total_ratio": ratio})[0] == CALIBRATED
    assert models({"total_ratio": ratio}, {"total_ratio": 9.0})[0] == RFM


def test_where_all_brought_the_same_the_total_decides():
    assert models({"normalized_gini": None}, {"normalized_gini": None, "total_ratio": 1.1}) == (
        CALIBRATED,
        RFM,
    )


def test_a_tie_is_rfms():
    assert models({}, {}) == (RFM, RFM)
    undefined = {"total_ratio": None, "normalized_gini": None, "churn_log_loss": None}
    assert models(undefined, undefined) == (RFM, RFM)


def test_revenue_and_churn_are_chosen_separately():
    assert models({"total_ratio": 2.0}, {"churn_log_loss": 0.6}) == (RFM, CALIBRATED)
    assert models({"churn_log_loss": 0.6}, {"total_ratio": 2.0}) == (CALIBRATED, RFM)


def test_a_small_mean_error_decides_nothing():
    ours = {"mean_absolute_error": 33.0, "total_ratio": 0.9}
    predicts_nearly_nothing = {"mean_absolute_error": 30.0, "total_ratio": 0.1}
    assert models(ours, predicts_nearly_nothing)[0] == CALIBRATED


def test_the_sentences_say_how_far_to_trust_each_number():
    cards = [
        card(CALIBRATED, total_ratio=0.93, normalized_gini=0.71, churn_log_loss=-math.log(0.6)),
        card(RFM, total_ratio=2.64, normalized_gini=0.7, churn_log_loss=-math.log(0.25)),
        card(MEAN, churn_log_loss=-math.log(0.54)),
    ]
    decided = verdict.decide(cards, 273)
    assert decided.revenue_sentence == (
        "Use calibrated for revenue: over 273 days it forecast 93 % of what came (rfm: 264 %), and"
        " ordered the customers 71 % of the way from chance to perfect (rfm: 70 %)."
    )
    assert decided.churn_sentence == (
        "Use calibrated for churn: it typically gave a probability of 60 % to what a customer then"
        " did (rfm: 25 %; one probability for everybody: 54 %), and told who stays away from who"
        " comes back in 70 % of the pairs (rfm: 70 %)."
    )
    assert decided.sentence == f"{decided.revenue_sentence} {decided.churn_sentence}"


def test_what_is_not_defined_is_left_out_of_the_sentences():
    plain = card(RFM, normalized_gini=None, churn_auc=None, churn_log_loss=math.log(2))
    decided = verdict.decide([plain], 30)
    assert decided.revenue_sentence == (
        "Use rfm for revenue: over 30 days it forecast 100 % of what came."
    )
    assert decided.churn_sentence == (
        "Use rfm for churn: it typically gave a probability of 50 % to what a customer then did."
    )


def test_an_order_worse_than_chance_is_nothing_of_the_way():
    decided = verdict.decide([card(RFM, normalized_gini=-0.4)], 30)
    assert "ordered the customers 0 % of the way from chance" in decided.revenue_sentence


def test_without_revenue_or_customers_the_sentences_say_so():
    nobody = card(RFM, total_ratio=None, normalized_gini=None, churn_log_loss=None)
    decided = verdict.decide([nobody], 30)
    assert decided.revenue_sentence == (
        "Use rfm for revenue: no revenue came in the 30 days that could judge a forecast."
    )
    assert decided.churn_sentence == ("Use rfm for churn: there were no customers to judge it by.")


def test_a_model_that_could_not_be_fitted_is_not_used_and_the_sentence_says_why():
    decided = verdict.decide([card(RFM)], 90, "No buyer has come back on a second day.")
    assert (decided.revenue_model, decided.churn_model) == (RFM, RFM)
    assert decided.sentence == (
        "The calibrated model could not be fitted: No buyer has come back on a second day."
        f" {decided.revenue_sentence} {decided.churn_sentence}"
    )


def test_how_often_the_interval_held_is_said_in_one_sentence():
    cards = [card(CALIBRATED, interval_coverage=0.79), card(RFM)]
    assert verdict.interval_sentence(cards) == (
        "The 80 % interval contained the actual revenue of 79 % of the customers."
    )
    assert verdict.interval_sentence([card(RFM)]) is None
