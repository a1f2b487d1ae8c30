"""What a tenant's customers add up to, against sums over the customers one by one."""

import json
import math
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain import overview
from clv.domain.activity import ACTIVITIES
from clv.domain.groups import GRID, NAMES
from clv.domain.overview import NOWHERE, Cell, Group, Suggestion
from clv.domain.scoring import SEGMENTS
from clv.domain.settings import ScoreSettings

AS_OF_MS = 1_790_000_000_000
amounts = st.integers(-(10**13), 10**13)
# A customer alone is a cell of one.
customers = st.builds(
    lambda segment, score, is_new, activity, is_overdue, place, revenue, predicted, churn: Cell(
        segment,
        int(score / 5),
        is_new,
        activity,
        is_overdue and activity != "none",
        place,
        1,
        score,
        revenue,
        predicted,
        predicted * churn,
    ),
    st.sampled_from(SEGMENTS),
    st.floats(0, 100),
    st.booleans(),
    st.sampled_from(ACTIVITIES),
    st.booleans(),
    st.sampled_from([NOWHERE, *GRID]),
    amounts,
    amounts.map(abs),
    st.floats(0, 1),
)


def cells(found: list[Cell]) -> list[Cell]:
    """Customers who are alike, added up, as the database does it."""
    alike = defaultdict(list)
    for one in found:
        alike[one[:6]].append(one)
    return [
        Cell(*kind, *(sum(values) for values in zip(*(one[6:] for one in same), strict=True)))
        for kind, same in alike.items()
    ]


def add_up(found: list[Cell], days: int | None = 9) -> overview.Overview:
    return overview.add_up(cells(found), AS_OF_MS, ScoreSettings(), (25.0, 75.0), days)


def is_sum(group: Group, of: list[Cell]) -> bool:
    mean = math.fsum(one.score for one in of) / len(of) if of else None
    return group.customers == len(of) and (
        (group.mean_score, group.revenue, group.predicted_revenue, group.revenue_at_risk)
        == (
            mean if mean is None else pytest.approx(mean),
            # Whole ten-thousandths, exact whatever the order.
            sum(one.revenue for one in of),
            sum(one.predicted_revenue for one in of),
            pytest.approx(math.fsum(one.revenue_at_risk for one in of)),
        )
    )


@given(st.lists(customers, max_size=60))
def test_every_group_is_the_sum_of_its_customers(found):
    total = add_up(found)
    assert is_sum(total.everyone, found)
    assert list(total.segments) == list(SEGMENTS)
    for segment, group in total.segments.items():
        assert is_sum(group, [one for one in found if one.segment == segment])
    assert is_sum(total.new, [one for one in found if one.is_new])
    assert is_sum(total.slipping, [one for one in found if one.activity == "slipping"])
    assert is_sum(total.lost, [one for one in found if one.activity == "lost"])
    assert total.silent == sum(one.activity == "none" for one in found)


@given(st.lists(customers, max_size=60))
def test_rfm_groups_and_grid_are_the_sums_of_their_customers(found):
    total = add_up(found)
    assert list(total.rfm_groups) == list(NAMES)
    for name, group in total.rfm_groups.items():
        here = [one for one in found if one.place != NOWHERE and GRID[one.place].name == name]
        assert is_sum(
            group, [o for o in found if o.place == NOWHERE] if name == "prospects" else here
        )
    assert [(cell.recency, cell.frequency_monetary) for cell in total.rfm_grid] == list(GRID)
    for cell in total.rfm_grid:
        there = [one for one in found if one.place == (cell.recency, cell.frequency_monetary)]
        assert (cell.customers, cell.revenue) == (len(there), sum(one.revenue for one in there))
        assert cell.predicted_revenue == sum(one.predicted_revenue for one in there)
        at_risk = math.fsum(one.revenue_at_risk for one in there)
        assert cell.revenue_at_risk == pytest.approx(at_risk)
    assert sum(group.customers for group in total.rfm_groups.values()) == total.everyone.customers


def test_without_a_distribution_nobody_has_a_group():
    total = add_up([Cell("low", 1, False, "none", False, None, 1, 7.0, 1, 1, 1)])
    assert (total.rfm_groups, total.rfm_grid) == (None, None)


def test_what_was_stored_before_there_were_groups_has_none():
    stored = json.loads(overview.to_json(add_up([])))
    for name in ("slipping", "lost", "places"):
        del stored[name]
    total = overview.from_json(json.dumps(stored))
    assert (total.slipping, total.lost, total.rfm_groups, total.rfm_grid) == (None,) * 4


@given(st.lists(customers, max_size=60))
def test_the_histogram_counts_everybody_once_in_20_bins(found):
    histogram = add_up(found).histogram
    counted = Counter(min(int(one.score / 5), 19) for one in found)
    assert histogram == [counted[number] for number in range(20)]


@given(st.lists(customers, max_size=60))
def test_the_shares_at_risk_are_of_those_with_interactions(found):
    active = [one for one in found if one.activity != "none"]
    # As scores are made: nobody without interactions is at risk.
    found = [
        one._replace(segment="low") if one.activity == "none" and one.segment == "at_risk" else one
        for one in found
    ]
    suggestion = add_up(found, 9).suggestion
    if not active:
        assert suggestion is None
        return
    now = sum(one.segment == "at_risk" for one in active) / len(active)
    then = sum(one.is_overdue for one in active) / len(active)
    assert suggestion == Suggestion(9, now, then)


def test_a_score_of_100_is_in_the_last_bin():
    best = Cell("high", 20, False, "active", False, (5, 5), 3, 300.0, 0, 0, 0)
    histogram = add_up([best]).histogram
    assert histogram == [0] * 19 + [3]


def test_nobody_adds_up_to_nothing():
    total = overview.add_up([], AS_OF_MS, ScoreSettings(), None, None)
    nothing = Group(0, None, 0, 0, 0)
    assert total.everyone == total.new == nothing
    assert total.segments == dict.fromkeys(SEGMENTS, nothing)
    assert (total.p25, total.p75, total.silent, total.suggestion) == (None, None, 0, None)
    assert total.histogram == [0] * 20
    assert total.slipping == total.lost == nothing
    assert total.rfm_groups == dict.fromkeys(NAMES, nothing)
    assert [cell[2:] for cell in total.rfm_grid] == [(0, 0, 0, 0, 0)] * 25


def test_without_suggested_days_there_is_no_suggestion():
    found = [Cell("low", 1, False, "active", False, (1, 1), 1, 7.0, 1, 1, 1)]
    assert add_up(found, None).suggestion is None


@given(st.lists(customers, max_size=20), st.none() | st.integers(1, 3650))
def test_what_is_stored_comes_back_as_it_was(found, days):
    total = add_up(found, days)
    settings = ScoreSettings(0.1, 0.2, 0.7, 45, 12, 3)
    for stored in (total, replace(total, settings=settings, p25=None, p75=None)):
        assert overview.from_json(overview.to_json(stored)) == stored


@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=200))
def test_the_suggestion_is_the_90th_percentile_by_nearest_rank(gaps):
    counted = sorted(Counter(gaps).items())
    # The smallest gap that at least 90 % of the gaps don't exceed.
    expected = min(gap for gap in gaps if 10 * sum(g <= gap for g in gaps) >= 9 * len(gaps))
    assert overview.suggested_days(counted) == min(expected, 3_650)


@pytest.mark.parametrize(
    ("gaps", "days"),
    [([], None), ([(1, 1), (3, 1)], 3), ([(1, 9), (3, 1)], 1), ([(1, 8), (3, 2)], 3)],
)
def test_suggested_days_of_few_gaps(gaps, days):
    assert overview.suggested_days(gaps) == days
