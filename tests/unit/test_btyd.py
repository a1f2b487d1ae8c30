"""The model of buyers: what it predicts, exactly and finitely."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv.domain.settings import ScoreSettings
from clv.prediction import btyd, btyd_fit, calibrated
from tests.support import buyers
from tests.unit.support import PUBLISHED

DATA = Path(__file__).parent / "data"
PREDICT = """
import sys
from clv.prediction import btyd
parameters = btyd.Parameters(0.243, 30.9, 0.793, 2.426, 6.25, 3.74, 15.45)
btyd.predicted_revenue(parameters, [0, 2], [0, 30], [80, 90], [10.0, 20.0], 730.5)
btyd.no_purchase_probability(parameters, [0, 2], [0, 30], [80, 90], 90)
btyd.interval(parameters, 2, 30, 90, 20.0, 730.5)
assert "scipy" not in sys.modules
"""


def shapes(low, high):
    return st.floats(np.log(low), np.log(high)).map(np.exp)


def parameters(a, b_by_a, **others):
    """Parameters as the fit can find them: it is the odds b/a that it bounds, not b. With smaller
    ones, which no fit returns, the odds of p_alive would leave the range of a float64."""
    return btyd.Parameters(a=a, b=a * b_by_a, **others)


PARAMETERS = st.builds(
    parameters,
    r=shapes(1e-3, 1e4),
    alpha=shapes(1e-3, 1e6),
    a=shapes(1e-3, 1e3),
    b_by_a=shapes(1e-4, 1e5),
    p=shapes(1e-3, 1e4),
    q=shapes(1e-3, 1e4).map(lambda above: 1 + above),
    v=shapes(1e-6, 1e9),
)
# x ≤ t_x ≤ T ≤ 4,000 days.
HISTORIES = (
    st.tuples(*[st.integers(0, 4_000)] * 3)
    .map(sorted)
    .map(lambda days: (days[0], days[1] if days[0] else 0, days[2]))
)
AMOUNTS = st.floats(-1e9, 1e9)
HORIZONS = st.floats(1, 3_653)


def test_predicting_never_imports_scipy():
    subprocess.run([sys.executable, "-c", PREDICT], check=True)


def test_predictions_agree_with_the_literature_and_with_lifetimes():
    # [FHL] has 1.226 for the second buyer and the 39 weeks to come; all are what lifetimes 0.11.3
    # (BetaGeoFitter, GammaGammaFitter) computes with these parameters.
    x, t_x, age = [0, 2, 1, 29, 7], [0, 213, 12, 250, 30], [272, 272, 272, 270, 365]
    purchases = [
        0.19510966499308482,
        1.2261158061493334,
        0.20335104108680577,
        17.135325237590703,
        5.717627108779483e-05,
    ]
    alive = [
        1.0,
        0.7265897218354949,
        0.2122600625546133,
        0.8369768409623298,
        1.3738083383229276e-05,
    ]
    found = btyd.expected_purchases(PUBLISHED, x, t_x, age, 273)
    assert found == pytest.approx(purchases, rel=1e-9)
    assert btyd.p_alive(PUBLISHED, x, t_x, age) == pytest.approx(alive, rel=1e-12)
    values = btyd.expected_value(PUBLISHED, [2, 0, 1], [22.35, 0.0, 11.77])
    expected = [24.667814960629922, 35.24178832116788, 18.923804226918797]
    assert values == pytest.approx(expected, rel=1e-12)


def test_expected_purchases_are_those_of_the_published_formula():
    """[FHL] eq. 10, its 2F1 after Euler's transformation, by mpmath 1.4.1 with 40 digits (a = 1 as
    a limit), for a buyer who is alive: a row of the file each, up to 5,000 conversion days and ten
    years ahead. (scipy's 2F1 has poles of its own there.)"""
    rows = np.loadtxt(DATA / "expected_purchases.csv", delimiter=",", skiprows=1)
    for r, alpha, a, b, x, age, horizon, expected in rows:
        parameters = btyd.Parameters(r, alpha, a, b, p=1.0, q=2.0, v=1.0)
        found = btyd.expected_purchases(parameters, x, age, age, horizon)
        alive = btyd.p_alive(parameters, x, age, age)
        assert found == pytest.approx(alive * expected, rel=1e-9)


def test_predictions_are_what_simulated_buyers_do():
    truth = btyd.Parameters(r=0.8, alpha=40, a=0.9, b=3.0, p=4.0, q=4.0, v=20.0)
    random = np.random.default_rng(7)
    log = buyers.simulated(truth, random.integers(100, 600, 60_000), random, horizon=365)
    known = buyers.histories(log, buyers.ORIGIN)
    later = log.day > buyers.ORIGIN
    days = np.bincount(log.buyer[later], minlength=log.buyers)
    revenue = np.bincount(log.buyer[later], log.value[later], log.buyers)
    none = (days == 0).mean()
    fitted = btyd_fit.fit(known.x, known.t_x, known.age, known.mean_value)
    history = (fitted.parameters, known.x, known.t_x, known.age)
    expected = btyd.predicted_revenue(*history, known.mean_value, 365)
    assert btyd.expected_purchases(*history, 365).mean() == pytest.approx(days.mean(), rel=0.02)
    assert btyd.no_purchase_probability(*history, 365).mean() == pytest.approx(none, abs=0.005)
    assert expected.mean() == pytest.approx(revenue.mean(), rel=0.03)
    top = np.argsort(-expected)[:6_000]
    assert expected[top].mean() == pytest.approx(revenue[top].mean(), rel=0.04)
    assert fitted.parameters.to_dict() == pytest.approx(truth.to_dict(), rel=0.12)


def test_the_interval_holds_four_of_five_buyers():
    truth = btyd.Parameters(r=5.0, alpha=60, a=0.6, b=6.0, p=4.0, q=4.0, v=20.0)
    random = np.random.default_rng(3)
    log = buyers.simulated(truth, random.integers(200, 600, 250), random, horizon=365)
    known = buyers.histories(log, buyers.ORIGIN)
    later = log.day > buyers.ORIGIN
    revenue = np.bincount(log.buyer[later], log.value[later], log.buyers)
    columns = zip(known.x, known.t_x, known.age, known.mean_value, strict=True)
    ranges = np.array([btyd.interval(truth, *history, 365) for history in columns])
    # Of those who stopped for sure the interval is 0 to 0, which all of them are in.
    open_ended = ranges[:, 1] > 0
    inside = (ranges[:, 0] <= revenue) & (revenue <= ranges[:, 1])
    above, below = revenue > ranges[:, 1], revenue < ranges[:, 0]
    assert 0.78 <= inside[open_ended].mean() <= 0.93
    assert above[open_ended].mean() == pytest.approx(0.1, abs=0.04)
    assert below[open_ended].mean() <= 0.13


def test_the_interval_is_the_same_each_time_and_holds_the_expected_revenue():
    one = (PUBLISHED, 5, 200, 272, 30.0, 365)
    low, high = btyd.interval(*one)
    assert (low, high) == btyd.interval(*one)
    assert 0 <= low < btyd.predicted_revenue(*one)[0] < high
    assert btyd.interval(PUBLISHED, 0, 0, 272, -5.0, 365)[0] == 0.0


@settings(max_examples=200)
@given(PARAMETERS, HISTORIES, AMOUNTS, HORIZONS)
def test_every_prediction_is_finite_and_in_its_range(parameters, history, amount, horizon):
    x, _, _ = history
    alive = btyd.p_alive(parameters, *history)[0]
    no_purchase = btyd.no_purchase_probability(parameters, *history, horizon)[0]
    purchases = btyd.expected_purchases(parameters, *history, horizon)[0]
    assert 0 <= alive <= 1
    assert 0 <= no_purchase <= 1
    assert 0 <= purchases < np.inf
    assert 0 <= btyd.expected_value(parameters, x + 1, amount)[0] < np.inf
    assert 0 <= btyd.predicted_revenue(parameters, *history, amount, horizon)[0] < np.inf
    # Markov's inequality: P(N > 0) ≤ E[N].
    assert 1 - no_purchase <= purchases * (1 + 1e-9) + 1e-12


@settings(max_examples=100)
@given(PARAMETERS, HISTORIES, AMOUNTS, HORIZONS, HORIZONS)
def test_a_longer_horizon_brings_no_less(parameters, history, amount, one, other):
    short, long = sorted((one, other))
    revenue = [btyd.predicted_revenue(parameters, *history, amount, h)[0] for h in (short, long)]
    no_purchase = [btyd.no_purchase_probability(parameters, *history, h)[0] for h in (short, long)]
    assert revenue[0] <= revenue[1] * (1 + 1e-9)
    assert no_purchase[1] <= no_purchase[0] + 1e-12


@settings(max_examples=25)
@given(PARAMETERS, HISTORIES, AMOUNTS)
def test_intervals_are_finite_and_in_order(parameters, history, amount):
    low, high = btyd.interval(parameters, *history, amount, 730.5)
    assert 0 <= low <= high < np.inf


def test_one_customer_alone_gets_bit_by_bit_what_it_gets_among_others():
    random = np.random.default_rng(5)
    age = random.integers(0, 2_000, 700)
    x = np.minimum(random.poisson(random.gamma(0.3, 20, 700)), age)
    t_x = np.where(x > 0, np.maximum(x, (age * random.random(700)).astype(int)), 0)
    value = random.normal(20, 20, 700)
    page = btyd.predicted_revenue(PUBLISHED, x, t_x, age, value, 730.5)
    no_purchase = btyd.no_purchase_probability(PUBLISHED, x, t_x, age, 90)
    for i, one in enumerate(zip(x, t_x, age, strict=True)):
        assert btyd.predicted_revenue(PUBLISHED, *one, value[i], 730.5)[0] == page[i]
        assert btyd.no_purchase_probability(PUBLISHED, *one, 90)[0] == no_purchase[i]


def test_a_one_time_buyer_is_not_taken_for_lost():
    # BG/NBD lets buyers stop after repeat purchases only; hence no purchase, not 1 − P(alive).
    assert btyd.p_alive(PUBLISHED, 0, 0, 300)[0] == 1.0
    assert btyd.no_purchase_probability(PUBLISHED, 0, 0, 300, 90)[0] == pytest.approx(
        ((PUBLISHED.alpha + 300) / (PUBLISHED.alpha + 390)) ** PUBLISHED.r
    )


def test_refunds_fall_back_to_the_mean_of_all_buyers():
    mean = PUBLISHED.p * PUBLISHED.v / (PUBLISHED.q - 1)
    assert btyd.expected_value(PUBLISHED, [3, 3], [-5.0, 0.0]).tolist() == pytest.approx([mean] * 2)


def test_parameters_survive_json():
    text = json.dumps(PUBLISHED.to_dict())
    assert btyd.Parameters.from_dict(json.loads(text)) == PUBLISHED


def test_the_worked_numbers_of_the_docstrings():
    history = (PUBLISHED, 2, 213, 272)
    assert btyd.p_alive(*history)[0] == pytest.approx(0.727, abs=5e-4)
    assert btyd.expected_purchases(*history, 273)[0] == pytest.approx(1.226, abs=5e-4)
    no_purchase = btyd.no_purchase_probability(PUBLISHED, 0, 0, 300, 90)
    assert no_purchase[0] == pytest.approx(0.943, abs=5e-4)
    assert btyd.expected_value(PUBLISHED, 2, 22.35)[0] == pytest.approx(24.67, abs=5e-3)
    assert btyd.predicted_revenue(*history, 22.35, 273)[0] == pytest.approx(29.42, abs=5e-3)
    assert btyd.interval(*history, 22.35, 273) == pytest.approx((0, 54), abs=0.5)


def test_a_lifespan_of_24_months_is_730_days_and_a_half():
    assert calibrated.lifespan_days(ScoreSettings()) == 730.5
