"""BG/NBD for how often customers will buy, Gamma-Gamma for how much.

Pure. Every function takes arrays of one value per buyer (or single numbers) and returns arrays. The
fit is in :mod:`clv.prediction.btyd_fit`.

A buyer is a customer with a conversion. The models count days with a conversion, not conversions:
several on one day are one decision. In the terms of the literature:

- frequency x: conversion days after the first
- recency t_x: days from the first conversion day to the last
- age T: days from the first conversion day to now
- monetary value z̄: mean value of a conversion day

Times are in days; amounts are in the unit that the parameters were fitted in. A customer who never
converted is outside the models: no function here may be asked about one.

Sources:

- [FHL] Fader, Hardie, Lee (2005): "Counting Your Customers" the Easy Way: An Alternative to the
  Pareto/NBD Model. Marketing Science 24(2), 275-284.
- [PA] Fader, Hardie (2008): Computing P(alive) Using the BG/NBD Model. brucehardie.com/notes/021.
- [GG] Fader, Hardie (2013): The Gamma-Gamma Model of Monetary Value. brucehardie.com/notes/025.

The worked numbers are of the parameters published there for the CDNOW sample: r = 0.243,
α = 4.414 weeks, a = 0.793, b = 2.426; p = 6.25, q = 3.74, v = 15.45.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clv.domain.stored import known

# The integral in expected_purchases: it ends where the density has fallen to e^-26 = 5e-12 of its
# peak; the step and the widest scale bring the result within 1e-9.
_TAIL_EXPONENT = 26.0
_STEP = 0.08
_MAX_SCALE = 3.0
# e to a smaller power leaves the normal range of a float64, e to a larger one overflows.
_MIN_EXPONENT = -600.0
_MAX_EXPONENT = 700.0
# Customers computed at a time, so that the arrays stay in the processor's cache.
_PAGE_CUSTOMERS = 250
# Of the simulation in interval: the number of draws, and the seed, which makes it repeatable.
DRAWS = 10_000
SEED = 20_050_501


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters fitted for one tenant.

    :param r: shape of the rates of conversion days among buyers: λ ~ Gamma(r, alpha)
    :param alpha: in days; the mean rate is r / alpha per day
    :param a: of the probability of stopping after a conversion day: Beta(a, b)
    :param b: see ``a``
    :param p: shape of one buyer's values: Gamma(p, ν)
    :param q: shape of ν among buyers: Gamma(q, v); above 1, so that the mean value is finite
    :param v: an amount; the mean value of a conversion day is p · v / (q − 1)
    """

    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float

    def to_dict(self) -> dict[str, float]:
        """The parameters by name, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Parameters":
        """The inverse of :meth:`to_dict`."""
        return cls(**{name: float(value) for name, value in known(cls, values).items()})


def p_alive(parameters: Parameters, x: Any, t_x: Any, age: Any) -> np.ndarray:
    """P(alive): the probability that a buyer has not stopped, [PA] eq. 1.

    1 / (1 + a/(b + x − 1) · ((α + T)/(α + t_x))^(r + x)) for x > 0. With x = 0 it is 1: in this
    model buyers stop only after a repeat purchase. With x = 2, t_x = 213, T = 272 it is 0.727.
    """
    x, t_x, age = _floats(x, t_x, age)
    growth = (parameters.r + x) * np.log((parameters.alpha + age) / (parameters.alpha + t_x))
    # Beyond the greatest exponent the probability is 0 anyway.
    growth = np.exp(np.minimum(growth, _MAX_EXPONENT))
    odds = parameters.a / (parameters.b + np.maximum(x, 1) - 1) * growth
    return np.where(x > 0, 1.0 / (1.0 + odds), 1.0)


def expected_purchases(
    parameters: Parameters, x: Any, t_x: Any, age: Any, horizon: float
) -> np.ndarray:
    """Expected number of conversion days within ``horizon`` days, [FHL] eq. 10.

    Computed as the integral before the step to the Gaussian hypergeometric function, which has a
    pole at a = 1 and cancellations: P(alive) · E[(1 − ((α + T)/(α + T + π·horizon))^(r + x)) / π]
    with π ~ Beta(a, b + x). Within 1e-9 of eq. 10. With x = 2, t_x = 213, T = 272 and a horizon of
    273 days it is 1.226.
    """
    x, t_x, age = _floats(x, t_x, age)
    if_alive = np.empty(len(x))
    for start in range(0, len(x), _PAGE_CUSTOMERS):
        page = slice(start, start + _PAGE_CUSTOMERS)
        if_alive[page] = _expected_if_alive(parameters, x[page], age[page], horizon)
    return p_alive(parameters, x, t_x, age) * if_alive


def no_purchase_probability(
    parameters: Parameters, x: Any, t_x: Any, age: Any, horizon: float
) -> np.ndarray:
    """P(no conversion within ``horizon`` days): the buyer has stopped, or waits for longer.

    1 − P(alive) + P(alive) · ((α + T)/(α + T + horizon))^(r + x), which is [FHL] eq. 2 over the
    posterior λ ~ Gamma(r + x, α + T). With x = 0, T = 300 and a horizon of 90 days it is 0.943.
    """
    x, t_x, age = _floats(x, t_x, age)
    alive = p_alive(parameters, x, t_x, age)
    elapsed = parameters.alpha + age
    return 1.0 + alive * np.expm1(-(parameters.r + x) * np.log1p(horizon / elapsed))


def time_of_silence(
    parameters: Parameters, x: Any, t_x: Any, age: Any, probability: Any
) -> np.ndarray:
    """The horizon within which :func:`no_purchase_probability` has fallen to this: infinite if it
    never does.

    (α + T) · ((1 − (1 − p)/P(alive))^(−1/(r + x)) − 1). With x = 2, t_x = 213, T = 272 and p = 1/2
    it is 206.3 days.
    """
    x, t_x, age, probability = _floats(x, t_x, age, probability)
    alive = p_alive(parameters, x, t_x, age)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        waits = np.log1p(-np.minimum((1.0 - probability) / alive, 1.0))
        return (parameters.alpha + age) * np.expm1(-waits / (parameters.r + x))


def expected_value(parameters: Parameters, count: Any, mean_value: Any) -> np.ndarray:
    """Expected mean value of future conversion days, [GG] eq. 5: p · (v + n·z̄) / (p·n + q − 1).

    Two days of 22.35 on average give 24.67.

    :param count: n, the number of values that ``mean_value`` z̄ is of; if it is 0, or the mean is
        not positive (refunds), the result is the mean of all buyers, p · v / (q − 1)
    """
    count, mean_value = _floats(count, mean_value)
    count = np.where(mean_value > 0, count, 0.0)
    total = count * np.maximum(mean_value, 0.0)
    return parameters.p * (parameters.v + total) / (parameters.p * count + (parameters.q - 1.0))


def predicted_revenue(
    parameters: Parameters, x: Any, t_x: Any, age: Any, mean_value: Any, horizon: float
) -> np.ndarray:
    """Expected revenue within ``horizon`` days: expected purchases times expected value, which the
    models take as independent.

    With x = 2, t_x = 213, T = 272, z̄ = 22.35 of three days and a horizon of 273 days it is 29.42.

    :param mean_value: of all ``x + 1`` conversion days
    """
    count = np.atleast_1d(np.asarray(x, dtype=np.float64)) + 1.0
    purchases = expected_purchases(parameters, x, t_x, age, horizon)
    return purchases * expected_value(parameters, count, mean_value)


def interval(
    parameters: Parameters,
    x: int,
    t_x: float,
    age: float,
    mean_value: float,
    horizon: float,
    level: float = 0.8,
    factor: float = 1.0,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """The amounts between which one buyer's revenue within ``horizon`` days lies with a probability
    of ``level``: equal-tailed, or from 0 up where the lower tail is all of no revenue.

    Simulated from the posteriors of [FHL] eq. 6 and [GG] eq. 4. The seed is fixed: the same buyer
    gets the same answer. It must not be summed: the sum of many buyers is far less uncertain. With
    x = 2, t_x = 213, T = 272, z̄ = 22.35 and a horizon of 273 days it is about 0 to 54.

    :param factor: what the buyer's rate is multiplied by
    :param draws: of the simulation
    """
    random = np.random.default_rng(SEED)
    purchases = _simulated_purchases(random, parameters, x, age, horizon * factor, draws)
    purchases[random.random(draws) > p_alive(parameters, x, t_x, age)] = 0
    count = x + 1 if mean_value > 0 else 0
    scale = parameters.v + count * max(mean_value, 0.0)
    inverse_scale = random.gamma(parameters.q + parameters.p * count, 1.0 / scale, draws)
    revenue = random.gamma(parameters.p * purchases) / inverse_scale
    tail = (1.0 - level) / 2.0
    if (purchases == 0).mean() >= tail:
        return 0.0, float(np.quantile(revenue, level))
    low, high = np.quantile(revenue, [tail, 1.0 - tail])
    return float(low), float(high)


def _floats(*values: Any) -> tuple[np.ndarray, ...]:
    return tuple(np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in values)


def _expected_if_alive(
    parameters: Parameters, x: np.ndarray, age: np.ndarray, horizon: float
) -> np.ndarray:
    """E[(1 − (1 + π·u)^−(r + x)) / π] with u = horizon/(α + T) and π ~ Beta(a, b + x)."""
    distinct, which = np.unique(x, return_inverse=True)
    stop, weights = _quadrature(parameters.a, parameters.b, distinct)
    weights /= stop
    growth = stop[which] * (horizon / (parameters.alpha + age))[:, None]
    bought = -np.expm1(-(parameters.r + x)[:, None] * np.log1p(growth))
    return (weights[which] * bought).sum(axis=1)


def _quadrature(a: float, b: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for expectations over π ~ Beta(a, b + x): one row per x.

    The trapezoidal rule on a double exponential scale (Takahasi, Mori 1974) of the log odds of π,
    centred at ln(a/(b + x)).
    """
    scale = min(_MAX_SCALE, 2 * _MAX_SCALE / np.sqrt(a))
    steps = _steps(a, b, scale)
    offsets = scale * np.sinh(steps)
    centre = np.log(a / (b + x))[:, None]
    log_odds = centre + offsets
    spread = (a + b + x)[:, None] * (np.logaddexp(0, log_odds) - np.logaddexp(0, centre))
    weights = np.exp(a * offsets - spread) * np.cosh(steps)
    weights /= weights.sum(axis=1, keepdims=True)
    stop = 1.0 / (1.0 + np.exp(np.clip(-log_odds, _MIN_EXPONENT, -_MIN_EXPONENT)))
    return stop, weights


def _steps(a: float, b: float, scale: float) -> np.ndarray:
    # To the right the density falls first as e^(-a·odds), then as odds^-b; to the left the same
    # with a and b exchanged.
    right, left = (
        _TAIL_EXPONENT / far + np.log1p(_TAIL_EXPONENT / near) + 1.0
        for far, near in ((b, a), (a, b))
    )
    left, right = (np.ceil(np.arcsinh(reach / scale) / _STEP) for reach in (left, right))
    return np.arange(-left, right + 1) * _STEP


def _simulated_purchases(
    random: np.random.Generator,
    parameters: Parameters,
    x: int,
    age: float,
    horizon: float,
    draws: int,
) -> np.ndarray:
    """Conversion days within the horizon of a buyer who is alive: those that the rate brings, but
    none after the one on which the buyer stops."""
    rate = random.gamma(parameters.r + x, 1.0 / (parameters.alpha + age), draws)
    stop = np.maximum(random.beta(parameters.a, parameters.b + x, draws), 1e-12)
    return np.minimum(random.poisson(rate * horizon), random.geometric(stop))
