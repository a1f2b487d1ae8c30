"""The seasonal clock: time that runs as fast as people buy, and what is found of it in a log."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.calendar import day_of
from clv.prediction import base, season_fit
from clv.prediction.log import population
from clv.prediction.seasons import NO_SEASONS, Clock, months, normalised
from tests.support import simulated_logs

CHRISTMAS = (0.6, 0.7, 0.9, 1.0, 1.0, 0.9, 0.8, 0.8, 1.0, 1.1, 1.6, 1.9)
FACTORS = st.lists(st.floats(0.05, 20), min_size=12, max_size=12).map(
    lambda factors: normalised(np.array(factors))
)
DAYS = st.integers(0, 60_000)


def histories(log, until=None):
    today = int(log.day.max()) if until is None else until
    return population(log.between(0, today), today).histories


def test_a_day_of_december_is_as_long_as_its_factor():
    factors = normalised(np.array(CHRISTMAS))
    clock = Clock(factors)
    one, other = clock.at(np.array([day_of("2025-12-23"), day_of("2025-12-24")]))
    assert other - one == pytest.approx(factors[11])
    assert clock.within(day_of("2025-12-23"), 1) == pytest.approx(factors[11])
    assert clock.within(day_of("2025-12-23"), 0.5) == pytest.approx(factors[11] / 2)
    assert clock.within(day_of("2025-12-31"), 1) == pytest.approx(factors[0])


def test_four_years_are_as_long_as_their_days():
    clock = Clock(normalised(np.array(CHRISTMAS)))
    assert clock.within(day_of("2024-01-01"), 1_461) == pytest.approx(1_461, rel=1e-9)
    assert NO_SEASONS.within(5, 730.5) == 730.5


@given(FACTORS, DAYS, st.floats(0, 4_000), st.floats(0, 4_000))
def test_time_never_runs_backwards(factors, today, one, other):
    clock = Clock(factors)
    short, long = sorted((one, other))
    assert 0 <= clock.within(today, short) <= clock.within(today, long) + 1e-9
    days = np.arange(today, today + 50)
    assert (np.diff(clock.at(days)) >= 0).all()


def test_months_are_those_of_the_calendar():
    days = np.array([day_of("1970-01-31"), day_of("2024-02-29"), day_of("2025-12-31")])
    assert months(days).tolist() == [0, 1, 11]


@pytest.mark.parametrize(("customers", "years"), [(5_000, 2), (20_000, 3)])
def test_a_planted_season_is_found_within_its_standard_error(customers, years):
    log = simulated_logs.shop(customers, years * 365, seasons=CHRISTMAS)
    clock, purchases = season_fit.fit(histories(log))
    repeats = len(log.day) - log.customers
    found, planted = np.array(clock.factors), np.array(normalised(np.array(CHRISTMAS)))
    # A month's factor is known from its share of the repeat days, as a Poisson number of them.
    errors = (found / planted - 1) * np.sqrt(repeats / 12 * planted)
    assert np.abs(errors).max() < 4
    assert np.sqrt((errors**2).mean()) < 1.6
    assert purchases.r == pytest.approx(simulated_logs.ALL_ALIKE.r, rel=0.1)
    assert purchases.alpha == pytest.approx(simulated_logs.ALL_ALIKE.alpha, rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_a_log_without_seasons_gets_none(seed):
    log = simulated_logs.shop(5_000, 730, seed)
    assert season_fit.fit(histories(log))[0] == NO_SEASONS


def test_less_than_a_year_has_no_seasons():
    log = simulated_logs.shop(5_000, 360, seasons=CHRISTMAS)
    assert season_fit.fit(histories(log))[0] == NO_SEASONS


def test_a_season_that_did_not_come_back_is_none():
    """CDNOW: everybody came in the first quarter. A year later there was no such quarter."""
    log = simulated_logs.cdnow()
    today = int(log.day.max())
    now, before = histories(log), histories(log, today - 91)
    assert season_fit.fit(now)[0].factors
    assert season_fit.fit(now, before)[0] == NO_SEASONS


def test_early_buyers_of_another_kind_get_parameters_of_their_own():
    early = season_fit.Purchases(1.5, 20.0, 0.3, 4.0)
    log = simulated_logs.shop(8_000, 3 * 365, early=early, days_before=700)
    fitted = base.fit(histories(log))
    late, planted = fitted.parameters, simulated_logs.ALL_ALIKE
    assert fitted.early is not None
    assert fitted.since == simulated_logs.FIRST_DAY + 60
    assert late.r / late.alpha == pytest.approx(planted.r / planted.alpha, rel=0.12)
    assert late.a / (late.a + late.b) == pytest.approx(0.6 / 3.1, rel=0.2)
    assert fitted.early.r / fitted.early.alpha > 2 * late.r / late.alpha


@pytest.mark.parametrize("seed", range(3))
def test_buyers_of_one_kind_share_their_parameters(seed):
    assert base.fit(histories(simulated_logs.shop(5_000, 730, seed))).early is None
