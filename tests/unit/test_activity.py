"""Who is active, slipping and lost, and the same said in days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.activity import ACTIVITIES, activity, recency_of
from clv.domain.formulas import segment
from clv.domain.settings import ScoreSettings
from clv.store import listing
from clv.store.listing import Filter

days = st.integers(0, 400)


@pytest.mark.parametrize(
    ("recency", "frequency", "expected"),
    [
        (0, 1, "active"),
        (29, 1, "active"),
        (30, 1, "slipping"),
        (89, 9, "slipping"),
        (90, 1, "lost"),
        (4_000, 1, "lost"),
        (0, 0, "none"),
        (90, 0, "none"),
    ],
)
def test_activity_at_30_at_risk_days(recency, frequency, expected):
    assert activity(recency, frequency, 30) == expected


@given(days, st.integers(0, 3), st.integers(1, 100), st.floats(0, 100))
def test_slipping_and_lost_are_the_at_risk_segment(recency, frequency, at_risk_days, score):
    settings = ScoreSettings(at_risk_days=at_risk_days)
    at_risk = segment(recency, frequency, score, 25.0, 75.0, settings) == "at_risk"
    assert (activity(recency, frequency, at_risk_days) in ("slipping", "lost")) == at_risk


@given(days, st.integers(0, 3), st.integers(1, 100), st.sampled_from(ACTIVITIES))
def test_the_days_of_an_activity_are_those_of_its_customers(recency, frequency, at_risk, name):
    least, most = recency_of(name, at_risk)
    within = (least is None or recency >= least) and (most is None or recency <= most)
    silent = frequency == 0
    found = within and silent == (name == "none")
    assert found == (activity(recency, frequency, at_risk) == name)


@given(days, days, st.integers(0, 3), st.sampled_from(ACTIVITIES), st.integers(1, 100))
def test_a_filter_by_activity_keeps_its_other_limits(low, high, frequency, name, at_risk):
    given_limits = Filter(
        segment="high", activity=name, min_recency=low, max_recency=high, min_frequency=frequency
    )
    said = given_limits.with_at_risk_days(at_risk)
    least, most = recency_of(name, at_risk)
    assert (said.segment, said.activity) == ("high", None)
    assert said.min_recency == max(low, least or 0)
    assert said.max_recency == (high if most is None else min(high, most))
    assert said.min_frequency == (frequency if name == "none" else max(1, frequency))
    assert said.max_frequency == (0 if name == "none" else None)


def test_no_list_leaves_an_activity_out_of_account():
    with pytest.raises(ValueError, match="has to be said in days"):
        listing.count(1, Filter(activity="lost"))


def test_without_an_activity_a_filter_stays_as_it_is():
    for matching in (Filter(), Filter(segment="low", min_score=3)):
        assert matching.with_at_risk_days(30) is matching
