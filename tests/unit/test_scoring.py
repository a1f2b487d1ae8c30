"""The scores of one customer."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.explanation import explain
from clv.domain.formulas import recency_days, segment
from clv.domain.scoring import SEGMENTS, Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.time_zone import UTC_ZONE
from clv.errors import Unscorable
from tests.unit.support import AS_OF_MS, TODAY, customer, survey

DAY = 86_400_000
DEFAULT = ScoreSettings()

days = st.integers(0, 400)
frequencies = st.integers(0, 60)
amounts = st.integers(-1_000_000, 50_000_000)
customers = st.builds(customer, days, frequencies, amounts)
bases = st.lists(customers, min_size=1, max_size=40)
weights = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)


@st.composite
def all_settings(draw):
    low, high = draw(weights)
    return ScoreSettings(
        low / 100,
        (high - low) / 100,
        (100 - high) / 100,
        draw(st.integers(1, 3650)),
        draw(st.integers(1, 120)),
        draw(st.integers(1, 60)),
    )


def score(totals, base, settings=DEFAULT):
    return score_customer(totals, survey(base, settings), settings, AS_OF_MS)


@given(bases, customers, all_settings())
def test_every_value_stays_in_its_range(base, anybody, settings):
    distribution = survey(base, settings)
    for totals in (*base, anybody):
        found = score_customer(totals, distribution, settings, AS_OF_MS)
        assert 0 <= found.score <= 100
        assert 0 <= found.churn_probability <= 1
        assert found.recency_days >= 0
        assert found.predicted_revenue >= 0
        assert found.segment in SEGMENTS


@given(bases, customers, all_settings(), days, frequencies, st.integers(0, 10**9))
def test_more_of_one_dimension_never_lowers_the_score(base, totals, settings, later, more, richer):
    distribution = survey(base, settings)

    def points(**change):
        changed = replace(totals, **change)
        return score_customer(changed, distribution, settings, AS_OF_MS).score

    before = points()
    assert points(last_contact_ms=totals.last_contact_ms + later * DAY) >= before
    assert points(frequency=totals.frequency + more) >= before
    assert points(monetary=totals.monetary + richer) >= before


@given(bases, st.randoms(use_true_random=False))
def test_the_order_of_the_customers_does_not_matter(base, rnd):
    shuffled = random.Random(rnd.random()).sample(base, len(base))
    assert survey(shuffled) == survey(base)


@given(bases)
def test_the_time_of_day_does_not_matter(base):
    midnight, last_millisecond = TODAY * DAY, TODAY * DAY + DAY - 1
    first, last = survey(base, as_of_ms=midnight), survey(base, as_of_ms=last_millisecond)
    for totals in base:
        early = score_customer(totals, first, DEFAULT, midnight)
        late = score_customer(totals, last, DEFAULT, last_millisecond)
        assert early._replace(computed_ms=0) == late._replace(computed_ms=0)


def test_the_best_customer_gets_100_and_the_worst_0():
    base = [customer(1, 9, 900), customer(3, 5, 500), customer(7, 1, 100)]
    assert [score(totals, base).score for totals in base] == pytest.approx([100, 50, 0])


def test_the_best_customers_get_100_though_they_are_tied():
    base = [customer(1, 9, 900), customer(1, 9, 900), customer(7, 1, 100)]
    assert [score(totals, base).score for totals in base] == pytest.approx([100, 100, 0])


def test_a_score_is_the_weighted_sum_of_the_norms():
    base = [customer(1, 5, 100), customer(2, 9, 500), customer(3, 1, 900)]
    assert score(base[0], base).score == pytest.approx(35 * 1 + 35 * 0.5 + 30 * 0)
    money_alone = ScoreSettings(0, 0, 1)
    assert score(base[2], base, money_alone).score == 100


def test_an_explanation_has_the_points_of_each_dimension():
    base = [customer(1, 5, 100), customer(2, 9, 500), customer(3, 1, 900)]
    explanation = explain(score(base[0], base), survey(base), DEFAULT)
    _, frequency, _ = explanation.contributions
    assert (frequency.weight, frequency.norm, frequency.points) == (0.35, 0.5, 17.5)
    points = sum(contribution.points for contribution in explanation.contributions)
    assert points == pytest.approx(explanation.scores.score)


@given(customers)
def test_one_customer_alone_is_medium_with_half_of_the_points(totals):
    found = score(totals, [totals])
    assert found.score == pytest.approx(50)
    at_risk = found.recency_days >= 30 and totals.frequency > 0
    assert found.segment == ("at_risk" if at_risk else "medium")


@pytest.mark.parametrize("number", [1, 2, 5, 1000])
def test_equal_customers_are_all_medium(number):
    base = [customer(5, 3, 700, customer_id=str(n)) for n in range(number)]
    assert {score(totals, base).segment for totals in base} == {"medium"}


def test_where_most_never_bought_those_get_no_points_for_it():
    base = [customer(5, 1, 0)] * 1000 + [customer(5, 1, 10_000)]
    distribution = survey(base)
    assert distribution.norms(TODAY, 1, 0)[2] == 0
    assert distribution.norms(TODAY, 1, 10_000)[2] == 1


def test_one_refund_among_customers_who_never_bought_counts_as_nothing_bought():
    base = [customer(5, 1, 0)] * 999 + [customer(5, 1, -10_000)]
    found = [score(totals, base) for totals in base]
    assert {(one.score, one.segment) for one in found} == {(found[0].score, "medium")}
    assert found[-1].monetary == -10_000
    assert found[-1].predicted_revenue == 0


def test_nobody_who_ever_came_is_anything_but_at_risk_from_the_threshold_on():
    for points in (0, 60, 100):
        assert segment(30, 1, points, 25.0, 75.0, DEFAULT) == "at_risk"
        assert segment(29, 1, points, 25.0, 75.0, DEFAULT) != "at_risk"
        assert segment(400, 0, points, 25.0, 75.0, DEFAULT) != "at_risk"
        assert segment(7, 1, points, 25.0, 75.0, ScoreSettings(at_risk_days=7)) == "at_risk"


@pytest.mark.parametrize(
    ("points", "p25", "p75", "expected"),
    [
        (80, 25, 75, "high"),
        (75, 25, 75, "high"),
        (74.999, 25, 75, "medium"),
        (25, 25, 75, "medium"),
        (24.999, 25, 75, "low"),
        (50, 50, 50, "medium"),
        (51, 50, 50, "high"),
        (49, 50, 50, "low"),
    ],
)
def test_the_segment_follows_from_the_percentiles(points, p25, p75, expected):
    assert segment(0, 1, points, p25, p75, DEFAULT) == expected


@given(bases)
def test_segments_agree_with_the_scores_of_all(base):
    distribution = survey(base)
    for totals in base:
        found = score_customer(totals, distribution, DEFAULT, AS_OF_MS)
        if found.segment == "high":
            assert found.score >= distribution.p75 and found.score > distribution.p25
        elif found.segment == "low":
            assert found.score < distribution.p25
        elif found.segment == "at_risk":
            assert found.recency_days >= 30 and found.frequency > 0


@pytest.mark.parametrize(
    ("last", "as_of", "expected"),
    [
        (10 * DAY - 1, 10 * DAY, 1),
        (10 * DAY, 11 * DAY - 1, 0),
        (10 * DAY, 15 * DAY, 5),
        (0, 20_000 * DAY, 20_000),
        (12 * DAY, 10 * DAY, 0),
    ],
)
def test_recency_counts_calendar_days_and_is_never_negative(last, as_of, expected):
    assert recency_days(last, as_of, UTC_ZONE) == expected


def test_a_contact_in_the_future_counts_as_today():
    today, ahead = customer(0, 1, 10_000), customer(-3, 1, 10_000)
    base = [today, ahead, customer(9, 1, 10_000)]
    found = score(ahead, base)
    assert found == score(today, base)
    assert (found.recency_days, found.predicted_revenue) == (0, 40_000)
    assert score(ahead, [today, ahead]).score == score(today, [today, ahead]).score == 50


@pytest.mark.parametrize("at_risk_days", [1, 3650])
@pytest.mark.parametrize("silent", [0, 1, 3650, TODAY])
def test_extreme_settings_and_totals_never_overflow(at_risk_days, silent):
    settings = ScoreSettings(0, 0, 1, at_risk_days, 120, 1)
    largest = customer(silent, 2**63 - 1, 2**63 - 1)
    poorest = customer(silent, 2**63 - 1, -(2**63) + 1)
    for totals in (largest, poorest):
        found = score(totals, [largest, poorest], settings)
        assert 0 <= found.score <= 100
        assert 0 <= found.churn_probability <= 1
        assert 0 <= found.predicted_revenue <= 2**63 - 1


def test_what_was_counted_is_handed_through():
    found = score(customer(5, 48, 3_600_000), [customer()])
    assert (found.customer_id, found.recency_days, found.frequency) == ("a", 5, 48)
    assert (found.monetary, found.computed_ms) == (3_600_000, AS_OF_MS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"last_contact_ms": None}, "A contact time is missing in the interaction summaries."),
        ({"first_contact_ms": None}, "A contact time is missing in the interaction summaries."),
        ({"frequency": -1}, "A count in the interaction summaries is negative."),
        ({"frequency": 2**63}, "The sum of the interaction summaries is too large."),
        ({"monetary": 2**63}, "The sum of the interaction summaries is too large."),
        ({"monetary": -(2**63)}, "The sum of the interaction summaries is too large."),
    ],
)
def test_totals_that_cannot_be_scored_say_why(change, reason):
    good = Totals("a", 1, 1, 0, 0)
    with pytest.raises(Unscorable) as raised:
        score(replace(good, **change), [good])
    assert raised.value.message == reason


@given(all_settings())
def test_settings_within_their_limits_have_no_problems(settings):
    assert settings.problems() == {}


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"at_risk_days": 0}, {"at_risk_days": "Must be from 1 to 3650."}),
        ({"at_risk_days": 3651}, {"at_risk_days": "Must be from 1 to 3650."}),
        ({"lifespan_months": 0}, {"lifespan_months": "Must be from 1 to 120."}),
        ({"lifespan_months": 121}, {"lifespan_months": "Must be from 1 to 120."}),
        ({"min_tenure_months": 0}, {"min_tenure_months": "Must be from 1 to 60."}),
        ({"min_tenure_months": 61}, {"min_tenure_months": "Must be from 1 to 60."}),
        ({"weight_recency": -0.1}, {"weight_recency": "Must be from 0 to 1."}),
        ({"weight_monetary": 1.1}, {"weight_monetary": "Must be from 0 to 1."}),
        ({"weight_frequency": math.nan}, {"weight_frequency": "Must be from 0 to 1."}),
        ({"weight_frequency": math.inf}, {"weight_frequency": "Must be from 0 to 1."}),
        ({"weight_recency": 0.36}, {"weight_recency": "The three weights must sum to 1."}),
    ],
)
def test_each_setting_out_of_its_limits_is_named(change, problems):
    assert replace(DEFAULT, **change).problems() == problems


def test_weights_in_thirds_sum_to_1():
    assert ScoreSettings(0.1, 0.2, 0.7).problems() == {}
    assert ScoreSettings(1 / 3, 1 / 3, 1 / 3).problems() == {}
    assert ScoreSettings(0.333, 0.333, 0.333).problems() != {}
