"""Adding rows up to cohorts, and what is read from the sums."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain import cohorts
from clv.domain.calendar import month_of
from clv.domain.cohort_tally import Tally
from clv.domain.cohorts import AgeSums, CohortTotals, Earlier, Sums
from tests.api.cohorts.support import SIZES, plain_cohorts

JANUARY = month_of("2025-01")
keys = st.dates(min_value=date(1970, 1, 1)).map(str)
rows = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "ab", "b", "ä", "客"]),
        keys | keys.map(lambda key: key[:7]) | st.sampled_from(["2025-W07", "alltime"]),
        st.integers(0, 10**9),
        st.integers(-(10**16), 10**16),
    )
)
ages = st.lists(
    st.builds(AgeSums, st.integers(0, 9), st.integers(0, 99), st.integers(-(10**9), 10**9)),
    min_size=1,
    max_size=6,
)


def made(totals: list[CohortTotals], current: int, granularity: str = "month") -> Sums:
    return Sums(granularity, 0, None, "UTC", current, totals, Earlier(0, 0, 0), 0)


@given(rows=rows, page=st.integers(1, 5), by=st.sampled_from(list(SIZES)))
def test_pages_of_any_size_add_up_to_the_plain_calculation(rows, page, by):
    rows.sort()
    tally = Tally()
    for start in range(0, len(rows), page):
        tally.add(rows[start : start + page])
    listed, earlier, unconverted = tally.totals(by)
    known = [row for row in rows if month_of(row[1]) is not None]
    expected, outside = plain_cohorts(known, by)
    assert unconverted == outside
    latest = sorted(expected)[-cohorts.MOST_COHORTS :]
    assert [one.period for one in listed] == latest
    last = max((period + max(one.ages) for period, one in expected.items()), default=0)
    for one in listed:
        wanted = expected[one.period]
        assert (one.customers, one.revenue) == (wanted.customers, wanted.revenue)
        assert len(one.ages) == min(cohorts.MOST_AGES, last - one.period + 1)
        for age, sums in enumerate(one.ages):
            assert sums == wanted.ages.get(age, (0, 0, 0))
    everything = earlier.revenue + unconverted + sum(one.revenue for one in listed)
    assert everything == sum(value for *_, value in known)
    assert earlier.customers + sum(one.customers for one in listed) == sum(
        one.customers for one in expected.values()
    )


def test_more_than_36_cohorts_leave_the_earlier_ones_added_up():
    tally = Tally()
    tally.add([(f"{n:03}", f"{2000 + n}-01-01", 1, n) for n in range(40)])
    listed, earlier, _ = tally.totals("month")
    assert len(listed) == cohorts.MOST_COHORTS
    assert earlier == Earlier(4, 4, 0 + 1 + 2 + 3)


@given(
    ages=ages,
    ended=st.integers(-1, 7),
    customers=st.integers(1, 9),
    margin=st.floats(0, 1),
    cost=st.none() | st.integers(0, 10**9),
)
def test_amounts_and_payback_are_those_of_exact_fractions(ages, ended, customers, margin, cost):
    totals = CohortTotals(JANUARY, customers, 0, ages)
    [cohort] = cohorts.cohorts(made([totals], JANUARY + ended), margin, cost)
    share = Fraction(Decimal(repr(margin)))
    assert cohort.complete is (ended > 0)
    earned, converted, paid = 0, 0, None
    for age, (sums, shown) in enumerate(zip(ages, cohort.ages, strict=True)):
        if age >= ended:
            assert shown is None
            continue
        earned, converted = earned + sums.revenue, converted + sums.conversions
        if paid is None and cost is not None and share * earned / customers >= cost:
            paid = age
        assert (shown.age, shown.buyers, shown.revenue) == (age, sums.buyers, sums.revenue)
        assert shown.share == sums.buyers / customers
        assert shown.cumulative_conversions_per_customer == converted / customers
        for amount, exact in (
            (shown.cumulative_revenue_per_customer, Fraction(earned, customers)),
            (shown.cumulative_margin_per_customer, share * Fraction(earned, customers)),
        ):
            assert abs(Fraction(amount) - exact) <= abs(exact) / 10**20
    assert cohort.payback_age == paid


def test_the_worked_example_is_paid_back_at_age_1():
    ages = [AgeSums(2, 2, 300_000), AgeSums(1, 1, 100_000)]
    sums = made([CohortTotals(JANUARY, 2, 400_000, ages)], JANUARY + 2)
    [cohort] = cohorts.cohorts(sums, 0.5, 100_000)
    margins = [age.cumulative_margin_per_customer for age in cohort.ages]
    assert margins == [75_000, 100_000] and cohort.payback_age == 1


def test_a_tenth_is_a_tenth():
    """In binary, 0.1 · 3 is more than 0.3."""
    sums = made([CohortTotals(JANUARY, 1, 30, [AgeSums(1, 1, 30)])], JANUARY + 1)
    assert cohorts.cohorts(sums, 0.1, 3)[0].payback_age == 0
    assert cohorts.cohorts(sums, 0.1, 4)[0].payback_age is None


@pytest.mark.parametrize(
    ("granularity", "period", "text"),
    [
        ("month", 24_314, "2026-03"),
        ("month", 24_323, "2026-12"),
        ("quarter", 8_104, "2026-Q1"),
        ("quarter", 8_107, "2026-Q4"),
    ],
)
def test_periods_are_written_as_people_write_them(granularity, period, text):
    assert cohorts.period_text(granularity, period) == text


@given(ages=ages)
def test_stored_sums_come_back_whatever_a_newer_version_adds(ages):
    sums = made([CohortTotals(JANUARY, 3, 10**40, ages)], JANUARY)
    text = cohorts.to_json(sums)
    assert cohorts.from_json(text) == sums
    assert cohorts.from_json(text.replace('"period"', '"newer": 1, "period"')) == sums


@pytest.mark.parametrize("key", ["2025-W07", "alltime", "2025", "2025-1-01", "", "2025-01-01x"])
def test_only_days_and_months_are_of_a_month(key):
    assert month_of(key) is None
