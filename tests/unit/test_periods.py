"""Days, weeks and months of the calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clv.domain import periods
from clv.domain.calendar import day_of, key_of
from clv.domain.periods import DAY, KINDS, MONTH, WEEK

EPOCH = date(1970, 1, 1)
days = some.integers(0, 40_000)
kinds = some.sampled_from(KINDS)


def test_worked_numbers():
    thursday = day_of("2026-04-30")
    assert thursday == 20_573
    assert [periods.key(kind, periods.first_day(kind, thursday)) for kind in KINDS] == [
        *("2026-04-30", "2026-W18", "2026-04"),
    ]
    assert periods.span("2026-W18") == (20_570, 20_576)
    assert periods.span("2026-04") == (20_544, 20_573)
    assert periods.span("2026-W53") == (day_of("2026-12-28"), day_of("2027-01-03"))
    assert periods.key(WEEK, day_of("2025-12-29")) == "2026-W01"


@given(kinds, days)
def test_a_day_is_in_its_period_which_is_read_as_it_is_written(kind, day):
    first = periods.first_day(kind, day)
    last = periods.last_day(kind, first)
    assert first <= day <= last
    assert {periods.first_day(kind, each) for each in range(first, last + 1)} == {first}
    assert periods.first_day(kind, last + 1) == last + 1
    assert periods.span(periods.key(kind, first)) == (first, last)
    assert periods.first_day_of(periods.key(kind, first)) == first


@given(kinds, days, some.integers(0, 40))
def test_going_back_is_the_reverse_of_going_on(kind, day, count):
    first = periods.before(kind, day, count)
    firsts = periods.firsts(kind, first, day, 1_000)
    assert len(firsts) == count + 1
    assert (firsts[0], firsts[-1]) == (first, periods.first_day(kind, day))
    assert all(periods.last_day(kind, a) + 1 == b for a, b in zip(firsts, firsts[1:], strict=False))


@given(days)
def test_weeks_and_months_are_those_of_the_standard_library(day):
    moment = EPOCH + timedelta(days=day)
    assert periods.key(WEEK, periods.first_day(WEEK, day)) == moment.strftime("%G-W%V")
    assert periods.key(MONTH, periods.first_day(MONTH, day)) == moment.strftime("%Y-%m")
    assert periods.key(DAY, day) == key_of(day)


def test_a_period_is_complete_when_its_last_day_is_over():
    april = day_of("2026-04-01")
    assert not periods.is_complete(MONTH, april, day_of("2026-04-30"))
    assert periods.is_complete(MONTH, april, day_of("2026-05-01"))


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026", "2026-13", "2026-W54", "2025-W53", "2026-02-30", "2026-1", "20260430"]
    + ["2026-W1", "0000-01", "alltime", "2026-04 ", "\u0662026-04"],
)
def test_what_is_no_period_is_told_what_would_be(text):
    with pytest.raises(ValueError, match="such as 2026-04-30, 2026-W18, 2026-04"):
        periods.span(text)


@pytest.mark.parametrize("text", ["1969-12-31", "1969-12", "1969-W52", "0001-01"])
def test_what_ends_before_1970_is_told_so(text):
    with pytest.raises(ValueError, match=r"before 1970\."):
        periods.span(text)


def test_the_last_periods_of_the_calendar_end_with_it():
    assert periods.span("9999-12")[1] == periods.span("9999-W52")[1] == day_of("9999-12-31")
    assert periods.firsts(MONTH, *periods.span("9999-12"), 9) == [day_of("9999-12-01")]
