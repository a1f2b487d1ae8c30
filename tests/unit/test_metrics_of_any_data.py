"""What holds of the figures of a backtest, whatever the data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.prediction import metrics

amounts = st.integers(-1_000, 1_000_000).map(float)
probabilities = st.floats(0, 1)
revenue = st.lists(st.tuples(amounts, amounts), max_size=30)
churn = st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=30)


def columns(rows):
    return [np.array(column) for column in zip(*rows, strict=True)] or [np.array([])] * 2


@given(revenue)
def test_the_normalized_gini_is_between_the_reverse_and_the_perfect_order(rows):
    predicted, actual = columns(rows)
    gini = metrics.normalized_gini(predicted, actual)
    if gini is None:
        assert len(np.unique(np.maximum(actual, 0))) <= 1
        return
    assert -1 - 1e-9 <= gini <= 1 + 1e-9
    assert metrics.normalized_gini(-predicted, actual) == pytest.approx(-gini)
    assert metrics.normalized_gini(np.maximum(actual, 0), actual) == 1


@given(revenue)
def test_the_normalized_gini_sees_only_the_order_of_the_predictions(rows):
    predicted, actual = columns(rows)
    gini = metrics.normalized_gini(predicted, actual)
    for rising in (predicted * 3 - 7, predicted**3, np.arctan(predicted)):
        assert metrics.normalized_gini(rising, actual) == gini


@given(revenue, st.randoms(use_true_random=False))
def test_the_normalized_gini_does_not_depend_on_the_order_of_the_customers(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = (metrics.normalized_gini(*columns(part)) for part in (rows, shuffled))
    assert one == (other if other is None else pytest.approx(other))


@given(revenue, st.floats(0.01, 1e6))
def test_the_normalized_gini_does_not_depend_on_the_currency(rows, rate):
    predicted, actual = columns(rows)
    gini = metrics.normalized_gini(predicted, actual)
    assert metrics.normalized_gini(predicted, actual * rate) == (
        gini if gini is None else pytest.approx(gini)
    )


@given(churn)
def test_the_log_loss_is_from_nothing_to_one_in_a_thousand(rows):
    probability, happened = columns(rows)
    loss = metrics.log_loss(probability, happened)
    assert -math.log(0.999) - 1e-12 <= loss <= math.log(1000) + 1e-12
    assert metrics.log_loss(1 - probability, ~happened) == pytest.approx(loss)


@given(churn, st.randoms(use_true_random=False))
def test_the_log_loss_does_not_depend_on_the_order_of_the_customers(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = (metrics.log_loss(*columns(part)) for part in (rows, shuffled))
    assert one == pytest.approx(other)


@given(st.lists(st.booleans(), min_size=1, max_size=30), probabilities)
def test_no_probability_for_everybody_has_a_smaller_log_loss_than_the_share(happened, other):
    came = np.array(happened)
    share, elsewhere = (metrics.log_loss(np.full(len(came), p), came) for p in (came.mean(), other))
    assert share <= elsewhere + 1e-12


@given(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=30))
def test_coverage_is_a_share_that_wider_intervals_do_not_lower(rows):
    low, width, actual = (np.array(column) for column in zip(*rows, strict=True))
    high = low + np.abs(width)
    covered = metrics.coverage(low, high, actual)
    assert 0 <= covered <= metrics.coverage(low - 1, high + 1, actual) <= 1
    assert metrics.coverage(actual, actual, actual) == 1
