"""The churn probability and the predicted revenue of one customer."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.formulas import churn_probability, predicted_revenue
from clv.domain.settings import ScoreSettings

DEFAULT = ScoreSettings()


@pytest.mark.parametrize(
    ("recency", "at_risk_days", "expected"),
    [(5, 30, 0.119), (30, 30, 0.5), (0, 30, 0.083), (60, 30, 0.917), (1, 1, 0.5), (90, 90, 0.5)],
)
def test_the_churn_probability_of_the_reference(recency, at_risk_days, expected):
    assert round(churn_probability(recency, at_risk_days), 3) == expected


@given(st.integers(0, 3_000_000), st.integers(1, 3650))
def test_the_churn_probability_rises_with_silence_and_never_overflows(recency, at_risk_days):
    now, later = (churn_probability(recency + more, at_risk_days) for more in (0, 1))
    assert 0 < now <= later <= 1
    assert (now >= 0.5) == (recency >= at_risk_days)


@pytest.mark.parametrize("tenure_days", [0, 1, 90, 182])
def test_the_predicted_revenue_of_the_reference(tenure_days):
    assert predicted_revenue(3_600_000, tenure_days, DEFAULT) == 14_400_000
    assert predicted_revenue(3_800_000, tenure_days, DEFAULT) == 15_200_000


def test_a_longer_tenure_lowers_the_run_rate():
    assert predicted_revenue(3_600_000, 183, DEFAULT) < 14_400_000
    assert predicted_revenue(3_043_750, 3650, ScoreSettings(lifespan_months=12)) == 304_583
    assert predicted_revenue(3_600_000, 30, ScoreSettings(min_tenure_months=1)) == 86_400_000


@given(
    st.integers(-(2**63) + 1, 10**16),
    st.integers(0, 30_000),
    st.integers(1, 120),
    st.integers(1, 60),
)
def test_the_predicted_revenue_is_the_exact_fraction_cut_off(monetary, tenure, lifespan, shortest):
    settings = ScoreSettings(lifespan_months=lifespan, min_tenure_months=shortest)
    months = max(Fraction(tenure) / Fraction("30.4375"), shortest)
    expected = math.floor(Fraction(max(0, monetary)) / months * lifespan)
    assert predicted_revenue(monetary, tenure, settings) == min(expected, 2**63 - 1)


def test_the_predicted_revenue_always_fits_the_database():
    most = predicted_revenue(2**63 - 1, 0, ScoreSettings(lifespan_months=120, min_tenure_months=1))
    assert most == 2**63 - 1
