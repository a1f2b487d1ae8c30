"""The model of buyers: published values, exactness, and what it makes of poor data."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv.domain.settings import ScoreSettings
from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit, calibrated
from clv.prediction.btyd_fit import PurchaseLikelihood, ValueLikelihood
from tests.support import buyers

DATA = Path(__file__).parent / "data"
# Published for the CDNOW sample, times in weeks: [FHL] table 2, [GG] section 4.
PUBLISHED = btyd.Parameters(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426, p=6.25, q=3.74, v=15.45)
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


PARAMETERS = st.builds(
    btyd.Parameters,
    r=shapes(1e-3, 1e4),
    alpha=shapes(1e-3, 1e6),
    a=shapes(1e-3, 1e3),
    b=shapes(1e-3, 1e5),
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


@pytest.fixture(scope="module")
def sample():
    """39 weeks of the 2,357 customers whom publications use."""
    return buyers.histories(buyers.cdnow(sample=True), buyers.ordinal("1997-09-30"))


def test_predicting_never_imports_scipy():
    subprocess.run([sys.executable, "-c", PREDICT], check=True)


def test_bg_nbd_finds_the_published_parameters(sample):
    assert len(sample.x) == 2_357
    (r, alpha, a, b), total, limits = btyd_fit.fit_purchases(sample.x, sample.t_x, sample.age)
    assert (round(r, 3), round(a, 3), round(b, 3)) == (0.243, 0.793, 2.426)
    assert alpha / 7 == pytest.approx(4.414, abs=5e-4)
    # In weeks, as published: a density by week is 7 times one by day for each purchase.
    assert total + sample.x.sum() * np.log(7) == pytest.approx(-9582.4, abs=0.05)
    assert limits == ()


def test_gamma_gamma_finds_the_published_parameters(sample):
    # The literature takes the repeat purchases alone.
    (p, q, v), total, limits = btyd_fit.fit_values(sample.x, sample.repeat_value)
    assert (p, q, v) == pytest.approx((6.25, 3.74, 15.45), abs=0.01)
    assert total == pytest.approx(-4055.92, abs=0.01)
    assert limits == ()


def test_the_optimum_beats_the_published_parameters_by_their_rounding_alone(sample):
    x, t_x, age = sample.x, sample.t_x, sample.age
    _, best, _ = btyd_fit.fit_purchases(x, t_x, age)
    published = np.log([PUBLISHED.r, PUBLISHED.alpha, PUBLISHED.a, PUBLISHED.b])
    mean, _ = PurchaseLikelihood(x, t_x, age, 1.0).log_likelihood(published)
    assert 0 <= best - mean * len(x) < 0.01


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


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_those_of_finite_differences(seed):
    random = np.random.default_rng(seed)
    age = random.integers(1, 400, 50)
    x = np.minimum(random.poisson(3, 50), age)
    t_x = np.where(x > 0, np.maximum(x, (age * random.random(50)).astype(int)), 0)
    purchases = PurchaseLikelihood(x, t_x, age, 100.0).log_likelihood
    values = ValueLikelihood(x + 1, random.gamma(2, 1, 50)).log_likelihood
    for function, size in ((purchases, 4), (values, 3)):
        logs = random.normal(0, 1.5, size)
        _, gradient = function(logs)
        steps = 1e-5 * np.eye(size)
        differences = [(function(logs + s)[0] - function(logs - s)[0]) / 2e-5 for s in steps]
        assert gradient == pytest.approx(differences, rel=1e-5, abs=1e-7)


def test_the_likelihood_is_the_published_formula():
    """[FHL] eq. 6 and [GG] eq. 1a as they stand, buyer by buyer."""
    from scipy.special import beta, gamma

    r, alpha, a, b = 0.7, 1.3, 0.8, 2.4
    x, t_x, age = np.array([0, 1, 4, 4]), np.array([0, 5, 9, 9]), np.array([10, 9, 9, 12])
    alive = beta(a, b + x) / beta(a, b) / (alpha + age / 10) ** (r + x)
    stopped = beta(a + 1, b + x - 1) / beta(a, b) / (alpha + t_x / 10) ** (r + x)
    each = gamma(r + x) * alpha**r / gamma(r) * (alive + np.where(x > 0, stopped, 0))
    mean, _ = PurchaseLikelihood(x, t_x, age, 10.0).log_likelihood(np.log([r, alpha, a, b]))
    assert mean == pytest.approx(np.log(each).mean(), rel=1e-12)
    p, q, v, n, z = 1.5, 2.5, 0.8, np.array([1, 3, 3]), np.array([0.7, 1.5, 0.9])
    each = gamma(p * n + q) / gamma(p * n) / gamma(q) * v**q * z ** (p * n - 1) * n ** (p * n)
    each /= (n * z + v) ** (p * n + q)
    mean, _ = ValueLikelihood(n, z).log_likelihood(np.log([p, q - 1, v]))
    assert mean == pytest.approx(np.log(each).mean(), rel=1e-12)


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
    assert fitted.limits == ()
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
    assert btyd.interval(*history, 22.35, 273) == pytest.approx((0, 83), abs=0.5)


def test_a_lifespan_of_24_months_is_730_days_and_a_half():
    assert calibrated.lifespan_days(ScoreSettings()) == 730.5


def test_the_unit_of_money_is_free(sample):
    x, t_x, age = sample.x, sample.t_x, sample.age
    one, other = (
        btyd_fit.fit(x, t_x, age, sample.mean_value * unit).parameters for unit in (1.0, 10_000.0)
    )
    assert other.v / 10_000 == pytest.approx(one.v, rel=1e-6)
    assert (other.p, other.q) == pytest.approx((one.p, one.q), rel=1e-6)


def test_a_large_base_is_fitted_like_a_small_one(sample, monkeypatch):
    whole = btyd_fit.fit(sample.x, sample.t_x, sample.age, sample.mean_value)
    monkeypatch.setattr(btyd_fit, "_SAMPLE_SIZE", 500)
    thinned = btyd_fit.fit(sample.x, sample.t_x, sample.age, sample.mean_value)
    assert thinned.parameters.to_dict() == pytest.approx(whole.parameters.to_dict(), rel=2e-3)
    assert thinned.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-3)


def test_what_does_not_converge_is_not_served(sample, monkeypatch):
    monkeypatch.setattr(btyd_fit, "_MAX_GRADIENT", 0.0)
    with pytest.raises(NotFitted, match="converge"):
        btyd_fit.fit(sample.x, sample.t_x, sample.age, sample.mean_value)


def some(size, random):
    """Histories of no particular kind."""
    age = random.integers(50, 400, size)
    x = random.poisson(2, size)
    return x, np.where(x > 0, np.maximum(x, (age * random.random(size)).astype(int)), 0), age


def degenerate():
    random = np.random.default_rng(1)
    age, spent = random.integers(1_000, 3_650, 600), random.gamma(2, 10, 600)
    zeros, ones = np.zeros(600, dtype=int), np.ones(600, dtype=int)
    return {
        "all one-time buyers": (zeros, zeros, age, spent, "come back"),
        "all bought today": (zeros, zeros, zeros, spent, "come back"),
        "nobody": (zeros[:0], zeros[:0], zeros[:0], spent[:0], "come back"),
        "one customer, one purchase": (zeros[:1], zeros[:1], age[:1], spent[:1], "come back"),
        "one customer": (np.array([3]), np.array([60]), np.array([100]), np.array([5.0]), None),
        "all equal amounts": (*some(600, random), ones * 9.99, None),
        "ten years of daily buyers": (ones * 3_650, ones * 3_650, ones * 3_650, spent, None),
        "daily buyers of one price": (age, age, age, ones * 9.99, None),
        "monthly subscribers": (age // 30, age // 30 * 30, age, ones * 9.99, None),
        "refunds only": (*some(600, random), -spent, "positive"),
        "gifts only": (*some(600, random), zeros * 1.0, "positive"),
        "one who paid": (*some(600, random), np.where(np.arange(600) == 7, 5.0, -1.0), None),
        "all stopped": (ones, ones * 3, ones * 900, spent, None),
        "one came back": (np.where(age == age[0], 1, 0), np.where(age == age[0], 9, 0), age, spent)
        + (None,),
        "heavy tails": (*some(600, random), random.pareto(0.8, 600) + 1, None),
        "wild amounts": (*some(600, random), np.exp(random.normal(0, 6, 600)), None),
        "huge amounts": (*some(600, random), spent * 1e8, None),
    }


@pytest.mark.parametrize("name", degenerate())
def test_a_degenerate_base_is_refused_with_a_reason_or_fitted_finitely(name):
    x, t_x, age, value, reason = degenerate()[name]
    if reason:
        with pytest.raises(NotFitted, match=reason):
            btyd_fit.fit(x, t_x, age, value)
        return
    fitted = btyd_fit.fit(x, t_x, age, value)
    history = (fitted.parameters, x, t_x, age)
    revenue = btyd.predicted_revenue(*history, value, 730.5)
    no_purchase = btyd.no_purchase_probability(*history, 90)
    assert np.isfinite([fitted.log_likelihood, fitted.value_log_likelihood]).all()
    assert np.isfinite(revenue).all() and (revenue >= 0).all()
    assert ((no_purchase >= 0) & (no_purchase <= 1)).all()


def test_daily_buyers_go_on_daily_and_equal_amounts_stay_equal():
    x, t_x, age, value, _ = degenerate()["daily buyers of one price"]
    fitted = btyd_fit.fit(x, t_x, age, value)
    assert "r" in fitted.limits
    revenue = btyd.predicted_revenue(fitted.parameters, x, t_x, age, value, 365)
    assert revenue == pytest.approx(365 * 9.99, rel=0.01)
