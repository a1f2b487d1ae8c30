"""The revenue of periods from their sums, and as JSON."""

from decimal import Decimal

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from hypothesis import given
from hypothesis import strategies as some

from clv.api.schemas.revenue import RevenueByPeriod, revenue_json
from clv.domain import periods, revenue
from clv.domain.calendar import LAST_MS, day_of
from clv.domain.periods import DAY, KINDS, MONTH, WEEK
from clv.domain.revenue import Figures, Period, PeriodSums
from clv.services.revenue import Revenue

TODAY = day_of("2026-04-30")
# Two buyers of March; in April one of them returns twice, and a third comes.
SUMS = [
    PeriodSums(day_of("2026-03-02"), 300_000, 2, 2, 2, 2, 2),
    PeriodSums(day_of("2026-03-31"), -50_000, 0, 0, 0, 0, 0),
    PeriodSums(day_of("2026-04-01"), 100_000, 1, 1, 1, 1, 0),
    PeriodSums(day_of("2026-04-03"), 250_000, 3, 2, 1, 1, 1),
]
KNOWN = (day_of("2026-03-02"), day_of("2026-04-03"))


def key(day: int) -> str:
    return periods.key(DAY, day)


def shown(kind: str, start: str | None = None, end: str | None = None, known=KNOWN):
    days = (
        None if text is None else periods.span(text)[at] for at, text in enumerate((start, end))
    )
    found = revenue.days_shown(kind, *days, known, TODAY)
    return None if found is None else tuple(map(key, found))


def test_worked_numbers():
    months = revenue.by_first_day(SUMS, DAY, MONTH)
    march, april = months[day_of("2026-03-01")], months[day_of("2026-04-01")]
    assert march == Figures(250_000, 2, 2, 2)
    assert (march.returning_share, march.average_conversion_value) == (0, Decimal(125_000))
    assert april == Figures(350_000, 4, 2, 1)
    assert (april.returning_share, april.average_conversion_value) == (0.5, Decimal(87_500))
    week = revenue.by_first_day(SUMS, DAY, WEEK)[day_of("2026-03-30")]
    assert week == Figures(300_000, 4, 2, 1)


def test_what_has_no_buyers_or_conversions_has_no_share_and_no_average():
    nobody = Figures(-50_000)
    assert nobody.returning_share is None and nobody.average_conversion_value is None


def test_a_period_is_compared_with_the_one_before_when_it_is_over_and_data_go_back_so_far():
    months = revenue.by_first_day(SUMS, DAY, MONTH)

    def month(text: str, today: int) -> Period:
        return revenue.period(months, MONTH, periods.first_day_of(text), KNOWN, today)

    april = month("2026-04", TODAY)
    assert (april.complete, april.previous, april.figures.revenue) == (False, None, 350_000)
    april = month("2026-04", TODAY + 1)
    assert (april.complete, april.previous) == (True, months[day_of("2026-03-01")])
    assert month("2026-03", TODAY).previous is None
    assert month("2026-05", TODAY + 99) == Period(
        "2026-05", TODAY + 1, TODAY + 31, True, Figures(), months[day_of("2026-04-01")]
    )


def test_the_buyers_of_a_range_are_known_of_one_period_and_of_the_first_ones():
    def total(start: str, end: str) -> Figures:
        return revenue.total(SUMS, DAY, day_of(start), day_of(end))

    assert total("2026-03-01", "2026-04-30") == Figures(600_000, 6, 3, 3)
    assert total("2026-04-01", "2026-04-30") == Figures(350_000, 4, 2, 1)
    assert total("2026-03-30", "2026-04-05") == Figures(300_000, 4, 2, 1)
    assert total("2026-04-01", "2026-04-03") == Figures(350_000, 4, None, 1)
    assert total("2026-04-01", "2026-04-03").returning_share is None


def test_by_itself_the_answer_ends_with_the_data_and_begins_with_them():
    assert shown(MONTH) == ("2026-03-01", "2026-04-30")
    assert shown(WEEK) == ("2026-03-02", "2026-04-05")
    assert shown(DAY) == ("2026-03-05", "2026-04-03")
    assert shown(DAY, known=None) is None


def test_data_that_go_on_end_with_today():
    assert shown(DAY, known=(KNOWN[0], TODAY + 400)) == ("2026-04-01", "2026-04-30")


def test_periods_are_whole_and_none_has_not_begun():
    assert shown(MONTH, "2026-02-15", "2026-03-15") == ("2026-02-01", "2026-03-31")
    assert shown(WEEK, "2026-04", "2026-12") == ("2026-03-30", "2026-05-03")
    assert shown(DAY, "2026-04-20") == ("2026-04-20", "2026-04-30")
    assert shown(DAY, None, "2026-03-05") == ("2026-03-02", "2026-03-05")
    assert shown(DAY, None, "2026-02-20") == ("2026-01-22", "2026-02-20")
    assert shown(MONTH, "2026-04", None, None) == ("2026-04-01", "2026-04-30")


amounts = some.integers(-(10**20), 10**20) | some.integers(-250, 250)
counts = some.integers(0, 10**12)
figures = some.builds(Figures, amounts, counts, counts | some.none(), some.just(0))
found_periods = some.builds(
    Period,
    key=some.sampled_from(["2026-04-30", "2026-W18", "2026-04"]),
    first_day=some.integers(0, TODAY),
    last_day=some.integers(0, TODAY),
    complete=some.booleans(),
    figures=figures.filter(lambda each: each.customers is not None),
    previous=figures.filter(lambda each: each.customers is not None) | some.none(),
)
answers = some.builds(
    Revenue,
    kind=some.sampled_from(KINDS),
    currency=some.sampled_from(["USD", "EUR"]),
    time_zone=some.sampled_from(["UTC", "America/Argentina/Buenos_Aires"]),
    as_of_ms=some.integers(0, LAST_MS) | some.none(),
    first_day=some.integers(0, TODAY) | some.none(),
    last_day=some.integers(0, TODAY) | some.none(),
    periods=some.lists(found_periods, max_size=4),
    total=figures,
)
schema, encoder = RevenueByPeriod(), DefaultJSONProvider(Flask("encoder"))
encoder.sort_keys = False


@given(answers)
def test_the_answer_is_what_the_schema_makes_byte_by_byte(answer):
    by_schema = encoder.dumps(schema.dump(answer), separators=(",", ":"))
    assert revenue_json(answer) == f"{by_schema}\n"
