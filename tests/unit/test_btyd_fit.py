"""The fit of the model of buyers: published values, exactness, and what it makes of poor data."""

import numpy as np
import pytest

from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit
from clv.prediction.btyd_fit import PurchaseLikelihood, ValueLikelihood
from tests.support import buyers
from tests.unit.support import PUBLISHED


@pytest.fixture(scope="module")
def sample():
    """39 weeks of the 2,357 customers whom publications use."""
    return buyers.histories(buyers.cdnow(sample=True), buyers.ordinal("1997-09-30"))


def test_bg_nbd_finds_the_published_parameters(sample):
    assert len(sample.x) == 2_357
    (r, alpha, a, b), total = btyd_fit.fit_purchases(sample.x, sample.t_x, sample.age)
    assert (round(r, 3), round(a, 3), round(b, 3)) == (0.243, 0.793, 2.426)
    assert alpha / 7 == pytest.approx(4.414, abs=5e-4)
    # In weeks, as published: a density by week is 7 times one by day for each purchase.
    assert total + sample.x.sum() * np.log(7) == pytest.approx(-9582.4, abs=0.05)


def test_gamma_gamma_finds_the_published_parameters(sample):
    # The literature takes the repeat purchases alone.
    (p, q, v), total = btyd_fit.fit_values(sample.x, sample.repeat_value)
    assert (p, q, v) == pytest.approx((6.25, 3.74, 15.45), abs=0.01)
    assert total == pytest.approx(-4055.92, abs=0.01)


def test_the_optimum_beats_the_published_parameters_by_their_rounding_alone(sample):
    x, t_x, age = sample.x, sample.t_x, sample.age
    _, best = btyd_fit.fit_purchases(x, t_x, age)
    published = np.log([PUBLISHED.r, PUBLISHED.alpha, PUBLISHED.a, PUBLISHED.b])
    mean, _ = PurchaseLikelihood(x, t_x, age, days(age, 1.0)).log_likelihood(published)
    assert 0 <= best - mean * len(x) < 0.01


def days(age: np.ndarray, unit: float) -> np.ndarray:
    """The time of the last days, where each is as long as the next."""
    return np.arange(int(age.max()) + 1) / unit


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_those_of_finite_differences(seed):
    random = np.random.default_rng(seed)
    age = random.integers(1, 400, 50)
    x = np.minimum(random.poisson(3, 50), age)
    t_x = np.where(x > 0, np.maximum(x, (age * random.random(50)).astype(int)), 0)
    uneven = np.concatenate([[0.0], np.cumsum(random.gamma(2, 0.005, age.max()))])
    purchases = PurchaseLikelihood(x, t_x, age, uneven).log_likelihood
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
    mean, _ = PurchaseLikelihood(x, t_x, age, days(age, 10.0)).log_likelihood(
        np.log([r, alpha, a, b])
    )
    assert mean == pytest.approx(np.log(each).mean(), rel=1e-12)
    p, q, v, n, z = 1.5, 2.5, 0.8, np.array([1, 3, 3]), np.array([0.7, 1.5, 0.9])
    each = gamma(p * n + q) / gamma(p * n) / gamma(q) * v**q * z ** (p * n - 1) * n ** (p * n)
    each /= (n * z + v) ** (p * n + q)
    mean, _ = ValueLikelihood(n, z).log_likelihood(np.log([p, q - 1, v]))
    assert mean == pytest.approx(np.log(each).mean(), rel=1e-12)


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


def test_yearly_donors_of_whom_few_stop_at_once_are_fitted_at_small_a_and_b():
    """Ten years of them. The search from larger values alone ends at a bound, far less likely."""
    random, size = np.random.default_rng(1), 3_000
    age, rate = random.integers(300, 3_650, size), random.gamma(3.0, 1 / 1_100.0, size)
    stops = random.random(size) < 0.03
    x = np.minimum(random.poisson(rate * age), age)
    gifts = [random.integers(1, days + 1, count) for days, count in zip(age, x, strict=True)]
    last = np.array([days.max(initial=0) for days in gifts])
    first = np.array([days.min() if len(days) else 0 for days in gifts])
    t_x, x = np.where(stops, first, last), np.where(stops & (x > 0), 1, x)
    (r, alpha, a, b), likelihood = btyd_fit.fit_purchases(x, t_x, age)
    assert a < 0.1 and b < 1.0
    assert (r, alpha) == pytest.approx((3.0, 1_100.0), rel=0.1)
    mean, _ = PurchaseLikelihood(x, t_x, age, days(age, 1.0)).log_likelihood(
        np.log([2.8, 1_000.0, 0.01, 1e5])
    )
    assert likelihood > mean * size + 10.0


def test_a_search_that_runs_away_is_held_by_a_weak_prior():
    """Buyers who never stop: any b is as likely, the larger the better."""
    random = np.random.default_rng(1)
    age = random.integers(100, 700, 3_000)
    x = np.minimum(random.poisson(random.gamma(1, 1 / 30, 3_000) * age), age)
    last = (age * random.beta(np.maximum(x, 1), 1)).astype(int)
    t_x = np.where(x > 0, np.clip(last, x, age), 0)
    (r, alpha, a, b), _ = btyd_fit.fit_purchases(x, t_x, age)
    assert b / a < 1e5
    assert r / alpha == pytest.approx(1 / 30, rel=0.05)


def test_a_result_at_a_bound_is_refused(monkeypatch):
    """Everybody buys twelve times a year on the day: one rate for all, without the prior."""
    monkeypatch.setattr(btyd_fit, "_PRIOR_WIDTH", 1e9)
    x = np.full(3_000, 12)
    with pytest.raises(NotFitted, match="converge"):
        btyd_fit.fit_purchases(x, x * 30, np.full(3_000, 365))


def test_seasonal_time_changes_the_unit_and_nothing_else(sample):
    x, t_x, age = sample.x, sample.t_x, sample.age
    plain, likelihood = btyd_fit.fit_purchases(x, t_x, age)
    double, other = btyd_fit.fit_purchases(x, t_x, age, days(age, 0.5))
    assert double.alpha == pytest.approx(2 * plain.alpha, rel=1e-4)
    assert (double.r, double.a, double.b) == pytest.approx((plain.r, plain.a, plain.b), rel=1e-4)
    assert other == pytest.approx(likelihood - x.sum() * np.log(2), abs=1e-4)


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
    revenue = btyd.predicted_revenue(fitted.parameters, x, t_x, age, value, 365)
    assert revenue == pytest.approx(365 * 9.99, rel=0.01)
