"""The figures of a backtest, by hand."""

import math

import numpy as np
import pytest

from clv.prediction import metrics


def test_errors_are_of_each_customer():
    actual = np.array([10.0, 10.0])
    assert metrics.mean_absolute_error(np.array([11.0, 7.0]), actual) == 2
    assert metrics.root_mean_squared_error(np.array([11.0, 3.0]), actual) == 5
    assert metrics.mean_absolute_error(actual[:0], actual[:0]) is None
    assert metrics.root_mean_squared_error(actual[:0], actual[:0]) is None


def test_the_brier_score_is_the_squared_error_of_a_probability():
    happened = np.array([True, False])
    assert metrics.brier(np.array([0.5, 0.1]), happened) == pytest.approx(0.13)
    assert metrics.brier(np.array([]), happened[:0]) is None


def test_the_log_loss_is_the_surprise_at_what_came():
    happened = np.array([True, False])
    expected = -(math.log(0.5) + math.log(0.9)) / 2
    assert metrics.log_loss(np.array([0.5, 0.1]), happened) == pytest.approx(expected)
    assert expected == pytest.approx(0.399, abs=5e-4)
    assert metrics.log_loss(np.array([]), happened[:0]) is None


def test_a_surprise_to_a_certain_model_counts_as_one_in_a_thousand():
    surprised = metrics.log_loss(np.array([1.0]), np.array([False]))
    assert surprised == pytest.approx(math.log(1000))
    assert metrics.log_loss(np.array([0.0]), np.array([True])) == pytest.approx(math.log(1000))
    assert metrics.log_loss(np.array([0.0]), np.array([False])) == pytest.approx(0.001, abs=1e-6)


def test_coverage_is_the_share_within_the_interval_with_both_ends():
    low, high = np.array([0.0, 0.0, 2.0]), np.array([5.0, 5.0, 9.0])
    assert metrics.coverage(low, high, np.array([0.0, 5.0, 1.0])) == pytest.approx(2 / 3)
    assert metrics.coverage(low[:0], high[:0], high[:0]) is None


def test_the_normalized_gini_is_the_order_compared_with_the_perfect_one():
    actual = np.array([0.0, 10.0, 30.0])
    assert metrics.normalized_gini(np.array([1.0, 3.0, 2.0]), actual) == pytest.approx(1 / 3)
    assert metrics.normalized_gini(actual, actual) == 1
    assert metrics.normalized_gini(-actual, actual) == -1
    assert metrics.normalized_gini(np.ones(3), actual) == 0


def test_the_normalized_gini_is_the_quotient_of_two_areas_over_lorenz_curves():
    predicted, actual = np.array([4.0, 1.0, 3.0, 2.0]), np.array([7.0, 1.0, 0.0, 2.0])

    def gini(order):
        # Of the area under the diagonal, the part above the polygon of cumulative shares.
        shares = np.concatenate([[0.0], np.cumsum(actual[np.argsort(order)]) / actual.sum()])
        return 1 - ((shares[1:] + shares[:-1]) / 2).mean() * 2

    expected = gini(predicted) / gini(actual)
    assert metrics.normalized_gini(predicted, actual) == pytest.approx(expected)


def test_equal_predictions_share_their_places_and_net_refunds_count_as_nothing():
    actual = np.array([0.0, 10.0, 30.0, 0.0])
    tied = metrics.normalized_gini(np.array([1.0, 2.0, 2.0, 0.0]), actual)
    both = [
        metrics.normalized_gini(np.array([1.0, *middle, 0.0]), actual)
        for middle in ((2.0, 3.0), (3.0, 2.0))
    ]
    assert tied == pytest.approx(sum(both) / 2)
    refunded = np.array([-500.0, 10.0, 30.0, 0.0])
    assert metrics.normalized_gini(np.array([1.0, 2.0, 2.0, 0.0]), refunded) == tied


def test_the_normalized_gini_needs_customers_who_differ():
    for equal in (np.array([]), np.array([5.0]), np.ones(3), np.array([0.0, -1.0, 0.0])):
        assert metrics.normalized_gini(np.arange(len(equal)), equal) is None


def test_ranks_share_ties():
    assert metrics.ranks(np.array([9.0, 5.0, 9.0])).tolist() == [2.5, 1.0, 2.5]


def test_spearman_is_one_for_the_same_order_and_none_for_equals():
    values = np.array([3.0, 1.0, 2.0])
    assert metrics.spearman(values, values**3) == pytest.approx(1.0)
    assert metrics.spearman(values, -values) == pytest.approx(-1.0)
    assert metrics.spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == 0.5
    assert metrics.spearman(values, np.ones(3)) is None
    assert metrics.spearman(values[:1], values[:1]) is None


def test_auc_counts_a_tie_as_half():
    scores, churned = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert metrics.auc(scores, churned) == 3.5 / 4
    assert metrics.auc(scores, np.ones(4, dtype=bool)) is None
    assert metrics.auc(scores, np.zeros(4, dtype=bool)) is None


def test_the_top_decile_shares_its_last_place_among_ties():
    actual = np.array([10.0, 30.0] + [0.0] * 18)
    assert metrics.top_decile_capture(np.arange(20.0)[::-1], actual) == 1.0
    assert metrics.top_decile_capture(np.arange(20.0), actual) == 0.0
    assert metrics.top_decile_capture(np.ones(20), actual) == pytest.approx(0.1)
    assert metrics.top_decile_capture(np.ones(20), -actual) is None


def test_deciles_keep_equal_predictions_together():
    found = metrics.deciles(np.array([1.0, 1.0, 1.0, 5.0]), np.array([0.0, 3.0, 0.0, 4.0]))
    assert [(d.customers, d.predicted, d.actual) for d in found] == [(3, 1.0, 1.0), (1, 5.0, 4.0)]
