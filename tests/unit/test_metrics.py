"""The figures of a backtest, by hand."""

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
