"""Fifths of the norms, the grid of the RFM groups, and where the fifths begin."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv.config import ROOT
from clv.domain import groups
from clv.domain.distribution import dimension
from clv.domain.groups import GRID, GROUPS, NAMES, Rfm, fifth, fifth_starts, rfm_of
from clv.domain.scoring import score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.time_zone import time_zone
from tests.unit.support import AS_OF_MS, customer, survey

amounts = st.one_of(st.integers(-50, 50), st.integers(-(10**13), 10**13))
customers = st.builds(customer, st.integers(0, 400), st.integers(0, 60), amounts)
fifths = st.integers(1, 5)
# Down: recency, the best first. To the right: frequency and monetary, the best last.
PICTURE = """
new         new         active          champions champions
promising   promising   active          loyal     loyal
almost_lost almost_lost needs_attention loyal     loyal
dormant     dormant     at_risk         at_risk   previously_loyal
dormant     dormant     at_risk         at_risk   previously_loyal
"""


def test_the_grid_is_this_one():
    rows = [line.split() for line in PICTURE.strip().splitlines()]
    drawn = {(5 - row, 1 + column): rows[row][column] for row in range(5) for column in range(5)}
    assert {place: group.name for place, group in GRID.items()} == drawn
    assert list(GRID) == [(recency, both) for recency in (5, 4, 3, 2, 1) for both in range(1, 6)]


def test_the_groups_partition_the_grid():
    covered = Counter(
        (recency, both)
        for group in GROUPS
        if group.recency
        for recency in range(group.recency[0], group.recency[1] + 1)
        for both in range(group.frequency_monetary[0], group.frequency_monetary[1] + 1)
    )
    assert covered == dict.fromkeys(GRID, 1)
    assert len(GRID) == 25
    assert set(NAMES) - {group.name for group in GRID.values()} == {"prospects"}


def test_each_group_has_a_name_a_meaning_and_one_line_of_advice():
    assert len(NAMES) == len(set(NAMES)) == 11
    for group in GROUPS:
        assert group.label.lower().replace(" ", "_") == group.name
        assert group.about and not group.about.endswith(".")
        assert group.advice.endswith(".") and "\n" not in group.advice and len(group.advice) < 100


@pytest.mark.parametrize(
    ("norm", "expected"),
    [(0, 1), (0.19999, 1), (0.2, 2), (0.4, 3), (0.5, 3), (0.6, 4), (0.79, 4), (0.8, 5), (1, 5)],
)
def test_fifths_of_norms(norm, expected):
    assert fifth(norm) == expected


@given(fifths, fifths, fifths)
def test_the_mean_of_frequency_and_monetary_is_rounded_half_up(recency, frequency, monetary):
    rfm = Rfm(recency, frequency, monetary, True)
    assert rfm.frequency_monetary == int((frequency + monetary) / 2 + 0.5)
    assert rfm.group is GRID[recency, rfm.frequency_monetary]
    assert rfm.digits == f"{recency}{frequency}{monetary}"


@pytest.mark.parametrize(
    ("monetary", "expected"), [(1, "champions"), (0, "prospects"), (-1, "prospects")]
)
def test_without_revenue_a_customer_is_a_prospect(monetary, expected):
    assert rfm_of((1.0, 1.0, 1.0), monetary).group.name == expected


@given(st.lists(customers, min_size=1, max_size=40), st.lists(customers, max_size=20))
def test_every_customer_is_in_one_group_and_its_fifths_are_those_of_the_norms(known, others):
    spread, chosen = survey(known), ScoreSettings()
    starts = fifth_starts(spread, chosen.zone)
    for one in (*known, *others):
        scores = score_customer(one, spread, chosen, AS_OF_MS)
        day = chosen.zone.day(AS_OF_MS) - scores.recency_days
        norms = spread.norms(day, scores.frequency, max(0, scores.monetary))
        assert starts.rfm(scores) == rfm_of(norms, scores.monetary)
        assert starts.rfm(scores).group.name in NAMES


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1_100, 5_000))
def test_the_fifths_of_thinned_breakpoints_begin_where_their_norms_do(seed, distinct):
    rng = np.random.default_rng(seed)
    found = dimension(rng.choice(rng.integers(0, 10**12, distinct), 6_000).astype(np.float64))
    starts = groups._starts(found.norm)
    for number, start in enumerate(starts, 2):
        assert fifth(found.norm(start)) >= number > fifth(found.norm(start - 1))
    asked = rng.integers(-10, 10**12 + 10, 3_000).tolist()
    assert [fifth(found.norm(value)) for value in asked] == [
        1 + sum(value >= start for start in starts) for value in asked
    ]


@pytest.mark.parametrize("value", [0, 5, 2**53 + 1, 2**63 - 1])
def test_where_all_are_equal_everybody_is_in_the_third_fifth(value):
    spread = survey([customer(3, value, value), customer(3, value, value)])
    scores = score_customer(customer(3, value, value), spread, ScoreSettings(), AS_OF_MS)
    assert fifth_starts(spread, ScoreSettings().zone).rfm(scores).digits == "333"


def test_the_day_of_the_last_contact_is_that_of_the_zone():
    zone = time_zone("America/New_York")
    chosen = ScoreSettings(time_zone=zone.name)
    spread = survey([customer(day, 1, 1) for day in range(20)])
    starts = fifth_starts(spread, zone)
    scores = score_customer(customer(0, 1, 1), spread, chosen, AS_OF_MS)
    # The same moment is another day in New York in the evening, and an hour later in winter.
    for ms in range(AS_OF_MS - 300 * 86_400_000, AS_OF_MS, 86_400_000 // 3 + 7):
        day = zone.day(ms) - scores.recency_days
        found = starts.rfm(scores._replace(computed_ms=ms))
        assert found.recency == fifth(spread.recency.norm(day))


def test_the_documents_draw_this_grid_and_tell_of_each_group():
    text = (ROOT / "docs" / "scores.md").read_text().split("## RFM groups")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    drawn = {
        (int(row[0][2:]), both): label
        for row in rows
        if row[0].startswith("R ")
        for both, label in enumerate(row[1:], 1)
    }
    assert drawn == {place: group.label for place, group in GRID.items()}
    told = {row[0]: row[1:] for row in rows if row[0].startswith("`")}
    for group in GROUPS:
        where = [_span(group.recency), _span(group.frequency_monetary)]
        assert told.get(f"`{group.name}`") == [*where, group.about, group.advice]


def _span(fifths: tuple[int, int] | None) -> str:
    if fifths is None:
        return ""
    first, last = fifths
    return str(first) if first == last else f"{first}–{last}"
