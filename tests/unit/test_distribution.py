"""Breakpoints, percentiles and their stored form."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv.domain.distribution import dimension as breakpoints
from clv.domain.distribution import from_bytes, percentiles, to_bytes
from clv.domain.formulas import composite
from clv.domain.scoring import Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from tests.unit.support import customer, survey

whole = st.one_of(st.integers(0, 50), st.integers(0, 10**13), st.integers(2**53, 2**63))
samples = st.lists(whole, min_size=1, max_size=60)


def dimension(values):
    return breakpoints(np.array(values, dtype=np.float64))


def exact_norms(values):
    """below / (below + above) of each, 0.5 where all are equal."""
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    others = below + len(values) - np.searchsorted(ordered, values, "right")
    return np.where(others > 0, below / np.maximum(others, 1), 0.5)


@pytest.fixture(scope="module")
def large():
    """40,000 values, 9,000 of them distinct, some of them shared by many."""
    rng = np.random.default_rng(7)
    rare = rng.lognormal(12, 2, 12_000).round()
    common = rng.integers(0, 700, 28_000) * 1000.0
    return np.concatenate((rare, common))


@given(samples, st.lists(st.one_of(whole, st.floats(-1e20, 1e20)), max_size=40))
def test_one_norm_and_many_norms_agree_to_the_last_bit(values, others):
    found = dimension(values)
    asked = np.array([*values, *others], dtype=np.float64)
    assert [found.norm(value) for value in asked.tolist()] == found.norms(asked).tolist()
    assert [found.norm(value) for value in values] == found.norms(asked)[: len(values)].tolist()


def test_one_norm_and_many_norms_agree_between_thinned_breakpoints(large):
    found = breakpoints(large)
    rng = np.random.default_rng(8)
    asked = np.concatenate((large, rng.uniform(-10, large.max() + 10, 5_000), [1e300, -1e300]))
    assert [found.norm(value) for value in asked.tolist()] == found.norms(asked).tolist()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_few_distinct_values_are_exact(values):
    found = dimension(values)
    for value in values:
        below = sum(other < value for other in values)
        above = sum(other > value for other in values)
        assert found.norm(value) == (below / (below + above) if below + above else 0.5)


@pytest.mark.parametrize("distinct", [1023, 1024])
def test_up_to_1024_distinct_values_all_are_kept(distinct):
    values = np.repeat(np.arange(distinct, dtype=np.float64) ** 3, 3)
    found = breakpoints(values)
    assert len(found.values) == distinct
    assert found.norms(values).tolist() == exact_norms(values).tolist()


def test_beyond_1024_distinct_values_the_ends_and_the_most_shared_are_kept(large):
    found = breakpoints(large)
    shared = [(-n, value) for value, n in Counter(large.tolist()).items() if n > 1]
    most = {value for _, value in sorted(shared)[:512]}
    assert len(most) == 512
    assert most <= set(found.values)
    assert {large.min(), large.max()} <= set(found.values)
    assert 512 < len(found.values) <= 1024
    assert list(found.values) == sorted(set(found.values))


def test_of_equally_shared_values_the_smaller_are_kept():
    found = breakpoints(np.repeat(np.arange(100_000.0), 2))
    assert set(range(512)) <= set(found.values)
    assert len(found.values) <= 1024


def test_without_shared_values_quantiles_are_kept():
    values = np.random.default_rng(9).permutation(50_000).astype(np.float64)
    found = breakpoints(values)
    assert len(found.values) == 1024
    assert max(np.diff(found.values)) < 50
    assert abs(found.norms(values) - exact_norms(values)).max() < 0.001


def test_kept_values_have_their_exact_counts(large):
    found = breakpoints(large)
    for value, below, equal in zip(found.values, found.below, found.equal, strict=True):
        assert (below, equal) == ((large < value).sum(), (large == value).sum())
    assert found.customers == len(large)


def test_thinned_norms_are_close_to_the_exact_ones(large):
    found, exact = breakpoints(large), exact_norms(large)
    assert abs(found.norms(large) - exact).max() < 0.002
    kept = np.isin(large, np.array(found.values))
    assert (found.norms(large)[kept] == exact[kept]).all()


def test_between_breakpoints_the_number_below_is_interpolated():
    found = dimension([10, 10, 20, 30])
    assert found.norm(10) == 0
    assert found.norm(12.5) == 2 / 4
    assert found.norm(20) == 2 / 3
    assert found.norm(25) == 3 / 4
    found = dimension([10, 40, 40, 40])
    assert found.norm(25) == 1 / 4


def test_outside_of_the_range_the_norm_is_0_or_1():
    found = dimension([10, 20])
    assert (found.norm(9), found.norm(21)) == (0, 1)
    alone = dimension([10])
    assert (alone.norm(9), alone.norm(10), alone.norm(11)) == (0, 0.5, 1)


@given(samples, whole, whole)
def test_a_higher_value_never_has_a_lower_norm(values, one, other):
    found = dimension(values)
    low, high = sorted((one, other))
    assert 0 <= found.norm(low) <= found.norm(high) <= 1


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1_100, 5_000))
def test_norms_rise_over_thinned_breakpoints(seed, distinct):
    rng = np.random.default_rng(seed)
    found = breakpoints(rng.choice(rng.uniform(0, 1e6, distinct).round(2), 6_000))
    rising = found.norms(np.sort(rng.uniform(-10, 1e6 + 10, 20_000)))
    assert (np.diff(rising) >= 0).all()
    assert rising[0] >= 0 and rising[-1] <= 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_percentiles_are_interpolated_linearly(scores):
    expected = np.percentile(scores, [25, 75], method="linear")
    assert percentiles(np.array(scores)) == pytest.approx(tuple(expected))


def test_percentiles_of_few():
    assert percentiles(np.array([7.0])) == (7, 7)
    assert percentiles(np.array([4.0, 0.0])) == (1, 3)
    assert percentiles(np.array([3.0, 1.0, 4.0, 2.0, 0.0])) == (1, 3)


@given(st.lists(st.builds(customer, whole, whole, whole), min_size=1, max_size=30))
def test_a_distribution_survives_being_stored(customers):
    found = survey(customers)
    again = from_bytes(
        to_bytes(found), found.as_of_ms, found.customers, p25=found.p25, p75=found.p75
    )
    assert again == found


def test_a_stored_distribution_of_a_large_tenant_is_small(large):
    found = survey([customer(int(v) % 9_000, int(v), int(v)) for v in large])
    assert len(to_bytes(found)) <= 3 * 8 * (1 + 3 * 1024)


def test_on_real_purchases_breakpoints_cost_at_most_0_04_points(cdnow):
    totals = {}
    for customer_id, day, amount in cdnow:
        contact = date.fromisoformat(day).toordinal() * DAY_MS
        _, frequency, monetary, first, last = totals.get(customer_id, ("", 0, 0, contact, contact))
        monetary += round(float(amount) * 10_000)
        first, last = min(first, contact), max(last, contact)
        totals[customer_id] = (customer_id, frequency + 1, monetary, first, last)
    customers = [Totals(*values) for values in totals.values()]
    assert len(customers) == 23_570
    as_of_ms = max(c.last_contact_ms for c in customers)
    found = survey(customers, as_of_ms=as_of_ms)
    days = np.array([c.last_contact_ms // DAY_MS for c in customers], dtype=np.float64)
    frequency = np.array([c.frequency for c in customers], dtype=np.float64)
    monetary = np.array([c.monetary for c in customers], dtype=np.float64)
    assert len(np.unique(monetary)) > 1024 >= len(found.monetary.values)
    exact = composite(*map(exact_norms, (days, frequency, monetary)), ScoreSettings())
    kept = composite(
        found.recency.norms(days),
        found.frequency.norms(frequency),
        found.monetary.norms(monetary),
        ScoreSettings(),
    )
    assert abs(kept - exact).max() <= 0.04
    assert (found.p25, found.p75) == pytest.approx(np.percentile(exact, [25, 75]), abs=0.04)
