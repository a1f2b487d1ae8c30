"""What buyers will do next: BG/NBD for how often, Gamma-Gamma for how much.

Pure: numpy arrays of one value a buyer in, arrays out; no function reads the clock. The fit is that
of ``clv.prediction.btyd_fit``.

A buyer's history counts days with a conversion, not conversions (several in a day are one
decision): ``x`` the conversion days after the first, ``t_x`` days from the first to the last,
``age`` (T in the literature) days from the first to now. Times are days, amounts are in whatever
unit they were fitted in.

The model knows buyers only. Of somebody who never converted it says nothing, and who asks must
not call it: by its own definitions such a customer's predicted revenue is 0, as in the contract's
run rate, and the probability that no conversion comes is 1, which is the nearest whole answer;
any other would be a conversion rate that was not estimated here.

Sources:

- [FHL] Fader, Hardie, Lee (2005): "Counting Your Customers" the Easy Way. Marketing Science 24(2).
- [PA] Fader, Hardie (2008): Computing P(alive) Using the BG/NBD Model. brucehardie.com/notes/021.
- [GG] Fader, Hardie (2013): The Gamma-Gamma Model of Monetary Value. brucehardie.com/notes/025.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# An integral over a Beta density is cut off where what is left is below e^-26 of it.
_CUT, _STEP, _WIDTH = 26.0, 0.08, 3.0
# Below this a power of e would leave the normal range of a float64.
_SMALLEST = -600.0
# Customers computed at a time: the arrays stay in the processor's cache.
_PAGE = 250
DRAWS = 10_000
SEED = 20_050_501


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was fitted for one tenant.

    :param r: shape of the buyers' rates of conversion days, λ ~ Gamma(r, alpha)
    :param alpha: in days; the mean rate is r / alpha a day
    :param a: of the probability to stop after a conversion day, Beta(a, b)
    :param b: see ``a``
    :param p: shape of one buyer's values, Gamma(p, ν)
    :param q: shape of the buyers' scales, ν ~ Gamma(q, v); above 1, so that the mean is finite
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
        """Names and numbers, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Parameters":
        """The inverse of :meth:`to_dict`."""
        return cls(**{name: float(value) for name, value in values.items()})


def p_alive(parameters: Parameters, x: Any, t_x: Any, age: Any) -> np.ndarray:
    """The probability of not having stopped, [PA] eq. 1 (1 for whoever bought on one day only).

    1 / (1 + a/(b + x − 1) · ((α + T)/(α + t_x))^(r + x)) for x > 0
    """
    x, t_x, age = _floats(x, t_x, age)
    growth = (parameters.r + x) * np.log((parameters.alpha + age) / (parameters.alpha + t_x))
    # The greatest power of e that a float64 holds; the probability is 0 by then.
    odds = parameters.a / (parameters.b + np.maximum(x, 1) - 1) * np.exp(np.minimum(growth, 700))
    return np.where(x > 0, 1.0 / (1.0 + odds), 1.0)


def expected_purchases(
    parameters: Parameters, x: Any, t_x: Any, age: Any, horizon: float
) -> np.ndarray:
    """Conversion days to come within ``horizon`` days: [FHL] eq. 10, as an integral.

    P(alive) · E[(1 − ((α + T)/(α + T + π·t))^(r + x)) / π], π ~ Beta(a, b + x), which is the step
    before the Gaussian hypergeometric function and has neither its pole at a = 1 nor its
    cancellations; within 1e-9 of eq. 10.
    """
    x, t_x, age = _floats(x, t_x, age)
    alive = np.empty(len(x))
    for start in range(0, len(x), _PAGE):
        page = slice(start, start + _PAGE)
        alive[page] = _expected_if_alive(parameters, x[page], age[page], horizon)
    return p_alive(parameters, x, t_x, age) * alive


def probability_of_silence(
    parameters: Parameters, x: Any, t_x: Any, age: Any, horizon: float
) -> np.ndarray:
    """P(no conversion within ``horizon`` days): has stopped, or is alive and waits longer.

    1 − P(alive) + P(alive) · ((α + T)/(α + T + h))^(r + x), by [FHL] eq. 2 over the posterior
    λ ~ Gamma(r + x, α + T)
    """
    x, t_x, age = _floats(x, t_x, age)
    alive = p_alive(parameters, x, t_x, age)
    elapsed = parameters.alpha + age
    return 1.0 + alive * np.expm1(-(parameters.r + x) * np.log1p(horizon / elapsed))


def expected_value(parameters: Parameters, count: Any, mean_value: Any) -> np.ndarray:
    """Mean value of a conversion day to come, [GG] eq. 5: p · (v + n·z̄) / (p·n + q − 1).

    :param count: how many values ``mean_value`` is of; 0, or a mean of 0 or below (refunds), gives
        the mean of all buyers
    """
    count, mean_value = _floats(count, mean_value)
    count = np.where(mean_value > 0, count, 0.0)
    total = count * np.maximum(mean_value, 0.0)
    return parameters.p * (parameters.v + total) / (parameters.p * count + (parameters.q - 1.0))


def predicted_revenue(
    parameters: Parameters, x: Any, t_x: Any, age: Any, mean_value: Any, horizon: float
) -> np.ndarray:
    """Expected revenue within ``horizon`` days: how often times how much, independent of each
    other in this model.

    :param mean_value: of all ``x + 1`` conversion days
    """
    count = np.atleast_1d(np.asarray(x, dtype=np.float64)) + 1.0
    purchases = expected_purchases(parameters, x, t_x, age, horizon)
    return purchases * expected_value(parameters, count, mean_value)


def interval(
    parameters: Parameters,
    x: int,
    t_x: int,
    age: int,
    mean_value: float,
    horizon: float,
    level: float = 0.8,
) -> tuple[float, float]:
    """Between which amounts one buyer's revenue lies with this probability.

    Simulated, from the posteriors of [FHL] eq. 6 and [GG] eq. 4: the number of conversion days is
    the lesser of a Poisson number and the day on which the buyer stops. Fixed seed: the same buyer
    gets the same answer. It is one buyer's: the sum of many is far less uncertain.
    """
    random = np.random.default_rng(SEED)
    rate = random.gamma(parameters.r + x, 1.0 / (parameters.alpha + age), DRAWS)
    stop = np.maximum(random.beta(parameters.a, parameters.b + x, DRAWS), 1e-12)
    purchases = np.minimum(random.poisson(rate * horizon), random.geometric(stop))
    purchases[random.random(DRAWS) > p_alive(parameters, x, t_x, age)] = 0
    count = x + 1 if mean_value > 0 else 0
    scale = parameters.v + count * max(mean_value, 0.0)
    inverse_scale = random.gamma(parameters.q + parameters.p * count, 1.0 / scale, DRAWS)
    revenue = random.gamma(parameters.p * purchases) / inverse_scale
    low, high = np.quantile(revenue, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _floats(*values: Any) -> tuple[np.ndarray, ...]:
    return tuple(np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in values)


def _expected_if_alive(
    parameters: Parameters, x: np.ndarray, age: np.ndarray, horizon: float
) -> np.ndarray:
    """E[(1 − (1 + π·u)^−(r + x)) / π], u = t/(α + T): the trapezoidal rule on a double exponential
    scale (Takahasi, Mori 1974) of the odds of π, around a/(b + x)."""
    a, b = parameters.a, parameters.b
    width = min(_WIDTH, 2 * _WIDTH / np.sqrt(a))
    # To the right the density falls first as e^(-a·odds), then as odds^-b; to the left likewise.
    right, left = (_CUT / far + np.log1p(_CUT / near) + 1.0 for far, near in ((b, a), (a, b)))
    left, right = (np.ceil(np.arcsinh(reach / width) / _STEP) for reach in (left, right))
    steps = np.arange(-left, right + 1) * _STEP
    logs = width * np.sinh(steps)
    distinct, which = np.unique(x, return_inverse=True)
    centre = np.log(a / (b + distinct))[:, None]
    log_odds = centre + logs
    spread = (a + b + distinct)[:, None] * (np.logaddexp(0, log_odds) - np.logaddexp(0, centre))
    weights = np.exp(a * logs - spread) * np.cosh(steps)
    weights /= weights.sum(axis=1, keepdims=True)
    chance = 1.0 / (1.0 + np.exp(np.clip(-log_odds, _SMALLEST, -_SMALLEST)))
    weights /= chance
    reach = chance[which] * (horizon / (parameters.alpha + age))[:, None]
    share = -np.expm1(-(parameters.r + x)[:, None] * np.log1p(reach))
    return (weights[which] * share).sum(axis=1)
