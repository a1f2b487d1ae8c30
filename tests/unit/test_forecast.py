"""What is expected of one customer within a horizon."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from clv.domain.calendar import day_of
from clv.domain.scoring import Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.prediction import btyd, calibrated, model
from clv.prediction.base import Base
from clv.prediction.choice import CALIBRATED, RFM, Calibration
from clv.prediction.forecast import (
    Forecast,
    default_horizon,
    forecast_customers,
    horizons,
    longest_horizon,
)
from clv.prediction.log import Visits, population
from clv.prediction.model import Model
from clv.prediction.visitors import Visitors
from tests.support import simulated_logs
from tests.support.calibrations import calibration
from tests.support.purchases import bought_on
from tests.unit.support import AS_OF_MS, PUBLISHED, TODAY

SETTINGS = ScoreSettings(model="calibrated")


def served_by(parameters: btyd.Parameters, visitors: Visitors | None = None) -> Calibration:
    return calibration(fitted=Model(Base(parameters), visitors=visitors))


# In 1/10,000, as everything that serves.
FITTED = served_by(replace(PUBLISHED, v=154_500.0))


def buyer(x: int, t_x: int, age: int, mean_value: float, customer_id: str = "a") -> Totals:
    first = TODAY - age
    # The days in between don't matter to the base.
    days = (first, *range(first + 1, first + x), first + t_x)[: x + 1]
    purchases = bought_on(days, round(mean_value * (x + 1) * 10_000))
    contact = AS_OF_MS - age * DAY_MS
    return Totals(customer_id, x + 1, purchases.value, contact, contact, purchases)


def of(
    *customers: Totals | None,
    horizon: int = 365,
    settings: ScoreSettings = SETTINGS,
    fitted: Calibration | None = FITTED,
) -> list[Forecast]:
    times = [AS_OF_MS] * len(customers)
    return forecast_customers(customers, times, settings, fitted, horizon)


@some.composite
def buyers(draw) -> Totals:
    x, t_x, age = sorted(draw(some.tuples(*[some.integers(0, 4_000)] * 3)))
    return buyer(x, t_x if x else 0, age, draw(some.floats(-1e6, 1e9)))


def shapes(low: float, high: float):
    return some.floats(math.log(low), math.log(high)).map(math.exp)


@some.composite
def parameters(draw) -> Calibration:
    """Parameters as a fit can find them."""
    a = draw(shapes(1e-3, 1e3))
    return served_by(
        btyd.Parameters(
            r=draw(shapes(1e-3, 1e4)),
            alpha=draw(shapes(1e-3, 1e6)),
            a=a,
            b=a * draw(shapes(1e-4, 1e5)),
            p=draw(shapes(1e-3, 1e4)),
            q=1 + draw(shapes(1e-3, 1e4)),
            v=draw(shapes(1e-2, 1e12)),
        )
    )


def test_the_forecast_of_the_buyer_of_the_literature():
    [made] = of(buyer(2, 213, 272, 22.35), horizon=273)
    assert made.horizon_days == 273
    # [FHL] has 1.226, and btyd.predicted_revenue 29.42.
    assert made.expected_conversions == pytest.approx(1.2261158, rel=1e-6)
    assert made.expected_revenue == 294_190
    assert made.expected_days_to_next_conversion == pytest.approx(206.326, rel=1e-5)
    assert made.probability_active == pytest.approx(0.72659, rel=1e-5)
    assert made.average_conversion_value == 239_937
    product = made.expected_conversions * made.average_conversion_value
    assert made.expected_revenue == pytest.approx(product, abs=2)


@given(some.lists(buyers(), min_size=1, max_size=5), parameters(), some.integers(1, 120))
def test_within_the_lifespan_the_expected_is_the_predicted_revenue(customers, fitted, months):
    settings = replace(SETTINGS, lifespan_months=months)
    predicted = calibrated.predict(customers, settings, AS_OF_MS, fitted)
    made = of(*customers, horizon=longest_horizon(settings), settings=settings, fitted=fitted)
    assert [one.expected_revenue for one in made] == [one.revenue for one in predicted]


@given(buyers(), parameters(), some.integers(1, 3_652), some.integers(1, 3_652))
def test_a_longer_horizon_never_brings_less_and_all_is_finite(customer, fitted, one, other):
    settings = replace(SETTINGS, lifespan_months=120)
    shorter, longer = (
        of(customer, horizon=days, settings=settings, fitted=fitted)[0]
        for days in sorted((one, other))
    )
    for made in (shorter, longer):
        assert all(value is None or math.isfinite(value) for value in astuple(made))
        assert made.expected_conversions >= 0 and made.expected_revenue >= 0
        assert 0 <= made.probability_active <= 1 and made.average_conversion_value >= 0
        days = made.expected_days_to_next_conversion
        assert days is None or 0 <= days <= 3_652.5
    # The last bits of a sum may differ.
    least = 1 - 1e-12
    assert longer.expected_conversions >= shorter.expected_conversions * least
    assert longer.expected_revenue >= shorter.expected_revenue * least - 1


@given(buyers(), parameters())
def test_the_next_conversion_comes_by_then_with_even_odds(customer, fitted):
    settings = replace(SETTINGS, lifespan_months=120)
    [made] = of(customer, settings=settings, fitted=fitted)
    days = [day_of(key) for key in customer.purchases.keys.split(",")]
    fitted = fitted.fitted.base.parameters
    x, t_x, age = len(days) - 1, days[-1] - days[0], TODAY - days[0]
    days = made.expected_days_to_next_conversion
    if days is None:
        late = btyd.no_purchase_probability(fitted, x, t_x, age, 3_652.5)[0]
        assert late >= 0.5 - 1e-9
    else:
        even = btyd.no_purchase_probability(fitted, x, t_x, age, days)[0]
        assert even == pytest.approx(0.5, abs=1e-9)


def test_nobody_waits_for_who_has_probably_stopped():
    # 30 days with conversions within two months, and none for 640 days since.
    [gone] = of(buyer(29, 60, 700, 20.0))
    assert gone.probability_active < 1e-9 and gone.expected_days_to_next_conversion is None
    assert gone.expected_conversions > 0
    ages = [np.array([n]) for n in (29, 60, 700)]
    assert btyd.time_of_silence(PUBLISHED, *ages, 0.5)[0] == np.inf


@given(some.lists(buyers(), min_size=1, max_size=40), some.data())
def test_one_customer_alone_gets_bit_by_bit_what_it_gets_among_others(customers, data):
    among = of(*customers, None)
    place = data.draw(some.integers(0, len(customers) - 1))
    assert of(customers[place]) == [among[place]]


def test_700_customers_get_bit_by_bit_what_each_gets_alone():
    random = np.random.default_rng(5)
    age = random.integers(0, 2_000, 700)
    x = np.minimum(random.poisson(random.gamma(0.3, 20, 700)), age)
    t_x = np.where(x > 0, np.maximum(x, (age * random.random(700)).astype(int)), 0)
    customers = [
        buyer(*map(int, one), mean)
        for *one, mean in zip(x, t_x, age, random.normal(20, 20, 700), strict=True)
    ]
    assert of(*customers) == [one for each in customers for one in of(each)]


def test_where_nothing_was_fitted_or_bought_there_are_nulls():
    nothing = Forecast(90)
    assert set(astuple(nothing)[1:]) == {None}
    visitor = replace(buyer(0, 0, 9, 5.0), purchases=None)
    somebody = buyer(2, 213, 272, 22.35)
    assert of(somebody, visitor, None, horizon=90, fitted=None) == [nothing] * 3
    assert of(visitor, None, horizon=90) == [nothing] * 2
    made = of(visitor, somebody, None, horizon=90)
    assert made[0] == made[2] == nothing and made[1].expected_conversions > 0
    assert of() == []


def test_who_never_bought_is_forecast_where_visitors_are_known_to_buy():
    visitor = replace(buyer(0, 0, 9, 5.0), purchases=None)
    known = served_by(FITTED.fitted.base.parameters, Visitors(-4.0, 0.5, 1.2))
    [made] = of(visitor, horizon=90, fitted=known)
    assert 0 < made.expected_conversions < 1 and made.expected_revenue > 0
    assert made.probability_active is None
    longest = replace(SETTINGS, lifespan_months=120)
    eager = served_by(FITTED.fitted.base.parameters, Visitors(-2.0, 0.5, 0.5))
    [soon] = of(visitor, settings=longest, fitted=eager)
    days = soon.expected_days_to_next_conversion
    silence = eager.fitted.visitors_silence(Visits(np.array([9]), np.array([1.0])), days)
    assert silence[0] == pytest.approx(0.5)


def test_only_what_the_calibrated_model_predicts_is_forecast():
    somebody = buyer(2, 213, 272, 22.35)
    model = FITTED.fitted
    [both], [revenue], [churn] = (
        of(somebody, fitted=calibration(*names, fitted=model))
        for names in ((CALIBRATED, CALIBRATED), (CALIBRATED, RFM), (RFM, CALIBRATED))
    )
    of_churn = ("expected_days_to_next_conversion", "probability_active")
    assert revenue == replace(both, **dict.fromkeys(of_churn))
    assert (churn.expected_revenue, churn.expected_conversions) == (None, None)
    assert churn.probability_active == both.probability_active


def test_seasons_and_corrections_agree_with_silence():
    log = simulated_logs.shop(4_000, 800, seasons=(0.5, *[1.0] * 10, 2.0))
    fitted = model.fit(log, int(log.day.max()), 730.5, 90)
    assert fitted.base.clock.factors
    known = population(log, int(log.day.max())).histories
    days = fitted.days_to_next(known)
    for place in np.flatnonzero(np.isfinite(days))[:40]:
        one = known.of(np.arange(len(known.x)) == place)
        assert fitted.silence(one, float(days[place]))[0] == pytest.approx(0.5, abs=1e-6)


def test_each_customer_is_forecast_from_the_day_of_the_own_record():
    somebody = buyer(2, 213, 272, 22.35)
    a_week_ago = AS_OF_MS - 7 * DAY_MS
    now, then = forecast_customers([somebody] * 2, [AS_OF_MS, a_week_ago], SETTINGS, FITTED, 90)
    assert [now] == of(somebody, horizon=90)
    assert now.probability_active < then.probability_active
    # The day is that of the tenant's time zone: it begins earlier in Auckland.
    midnight = (TODAY + 1) * DAY_MS - 1
    for zone, is_next_day in (("UTC", False), ("Pacific/Auckland", True)):
        settings = replace(SETTINGS, time_zone=zone)
        [made] = forecast_customers([somebody], [midnight], settings, FITTED, 90)
        assert (made != now) == is_next_day


@pytest.mark.parametrize(
    ("months", "longest", "usual", "explained"),
    [
        (24, 730, 365, [90, 365, 730]),
        (120, 3_652, 365, [90, 365, 3_652]),
        (12, 365, 365, [90, 365]),
        (3, 91, 91, [90, 91]),
        (1, 30, 30, [30]),
    ],
)
def test_no_horizon_is_longer_than_the_lifespan(months, longest, usual, explained):
    settings = replace(SETTINGS, lifespan_months=months)
    assert longest_horizon(settings) == longest
    assert default_horizon(settings) == usual
    assert horizons(settings) == explained
