"""Fits BG/NBD and Gamma-Gamma to buyers' histories by maximum likelihood.

Pure; terms and sources are those of :mod:`clv.prediction.btyd`. scipy is imported only when
something is fitted: a process that only predicts never loads it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from clv.errors import NotFitted
from clv.prediction.btyd import Parameters

# Converged is a gradient of at most this: of the mean log-likelihood per buyer, by the logarithms
# of the parameters.
_MAX_GRADIENT = 1e-5
# The starting points are compared on at most about this many buyers.
_SAMPLE_SIZE = 100_000
# Standard deviation of the weak prior, of the logarithms of the coordinates: e^3 is 20.
_PRIOR_WIDTH = 3.0
# The mean log-likelihood per buyer and its gradient, at the logarithms of the parameters.
_LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Fit:
    """Converged parameters, and how they were reached.

    :param log_likelihood: of BG/NBD, with times in days
    :param value_log_likelihood: of Gamma-Gamma
    """

    parameters: Parameters
    buyers: int
    log_likelihood: float
    value_log_likelihood: float


class Purchases(NamedTuple):
    """The parameters of BG/NBD."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class _SearchSpace:
    """Coordinates that are hardly correlated, with their bounds and starting points.

    A coordinate at a bound has run away: a limiting case of the model describes the data as well,
    such as one rate for all buyers (r), or buyers who never stop (b/a).

    :param to_logs: matrix from the coordinates to the logarithms of the model's parameters
    :param limits_serve: whether predictions of a limiting case make sense
    """

    names: tuple[str, ...]
    to_logs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    starts: tuple[tuple[float, ...], ...]
    limits_serve: bool = False

    def is_at_bound(self, point: np.ndarray) -> bool:
        """Whether a coordinate has run away."""
        return bool(((point <= self.low) | (point >= self.high)).any())


@dataclass(frozen=True, slots=True)
class _Optimum:
    """Where the search from one starting point ended, and the mean log-likelihood there."""

    point: np.ndarray
    value: float
    converged: bool


# alpha/r is the mean time between purchases if all buyers are alike; b/a are the mean odds of not
# stopping.
_BG_NBD = _SearchSpace(
    names=("r", "alpha/r", "a", "b/a"),
    to_logs=np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]),
    low=np.log([1e-3, 1e-4, 1e-6, 1e-4]),
    high=np.log([1e6, 1e4, 1e3, 1e7]),
    # The last one is for buyers of whom many never stop and some stop at once: with small a and b,
    # the probability of stopping is nearly 0 or nearly 1.
    starts=(
        (0.0, 0.0, 0.0, 1.0),
        (-1.5, -0.5, -0.5, 2.0),
        (1.0, 0.0, -1.0, 4.0),
        (0.0, 0.0, -6.0, 3.5),
    ),
)
# The coordinate q is the parameter less 1; the mean value of all buyers is p·v/(q − 1).
_GAMMA_GAMMA = _SearchSpace(
    names=("p", "q", "mean"),
    to_logs=np.array([[1, 0, 0], [0, 1, 0], [-1, 1, 1]]),
    low=np.log([1e-3, 1e-3, 1e-4]),
    high=np.log([1e4, 1e4, 1e4]),
    starts=((1.0, 1.0, 0.0), (2.0, 0.0, 0.0), (0.0, 2.0, 0.0)),
    # Where every value of a buyer is the same, the next one will be, too.
    limits_serve=True,
)


def fit(x: np.ndarray, t_x: np.ndarray, age: np.ndarray, mean_value: np.ndarray) -> Fit:
    """Fit both models.

    :param x: frequency; it, recency ``t_x`` and ``age`` T are integers, in days
    :param mean_value: mean value of all ``x + 1`` conversion days; where it is not positive
        (refunds), the buyer is left out of Gamma-Gamma
    :raises NotFitted: with the reason, if the data don't determine the parameters
    """
    purchases, likelihood = fit_purchases(x, t_x, age)
    values, value_likelihood = fit_values(x + 1, mean_value)
    return Fit(Parameters(*purchases, *values), len(x), likelihood, value_likelihood)


def fit_purchases(
    x: np.ndarray,
    t_x: np.ndarray,
    age: np.ndarray,
    elapsed: np.ndarray | None = None,
    near: Purchases | None = None,
) -> tuple[Purchases, float]:
    """Fit BG/NBD: its r, alpha, a, b, and the log-likelihood [FHL] eq. 6.

    The CDNOW sample gives r = 0.243, alpha = 4.414 weeks, a = 0.793, b = 2.426.

    :param elapsed: the time of the last 0, 1, 2, … days up to the oldest age, where days are not
        the unit of time (:mod:`clv.prediction.seasons`)
    :param near: parameters of nearly the same buyers, from which alone the search starts
    :raises NotFitted: if no buyer came back, or nothing converged within the bounds
    """
    if not len(x) or not x.max():
        raise NotFitted("No buyer has come back on a second day.")
    if elapsed is None:
        elapsed = np.arange(int(age.max()) + 1, dtype=np.float64)
    # The unit of time in the search: the mean time between purchases.
    unit = float(elapsed[age].sum()) / float(x.sum())

    def likelihood_of(buyers: slice) -> _LogLikelihood:
        histories = (x[buyers], t_x[buyers], age[buyers])
        return PurchaseLikelihood(*histories, elapsed / unit).log_likelihood

    space = _BG_NBD
    if near is not None:
        r, alpha, a, b = near
        logs = np.log([r, alpha / unit, a, b])
        space = replace(space, starts=(tuple(np.linalg.solve(space.to_logs, logs)),))
    (r, alpha, a, b), likelihood = _fitted(likelihood_of, len(x), space)
    # Back to a density per day: each of the Σx purchases brings one factor.
    likelihood = likelihood * len(x) - float(x.sum()) * math.log(unit)
    return Purchases(r, alpha * unit, a, b), likelihood


def fit_values(
    count: np.ndarray, mean_value: np.ndarray
) -> tuple[tuple[float, float, float], float]:
    """Fit Gamma-Gamma: its p, q, v, and the log-likelihood [GG] eq. 1a.

    The CDNOW sample gives p = 6.25, q = 3.74, v = 15.45.

    :param count: number of values each mean is of; means that are not positive are left out
    :raises NotFitted: if no mean is positive, or nothing converged within the bounds
    """
    used = (mean_value > 0) & (count > 0)
    if not used.any():
        raise NotFitted("No buyer has a positive value.")
    count, mean_value = count[used], mean_value[used]
    size, unit = len(count), float(mean_value.mean())

    def likelihood_of(buyers: slice) -> _LogLikelihood:
        return ValueLikelihood(count[buyers], mean_value[buyers] / unit).log_likelihood

    (p, q_less_1, v), likelihood = _fitted(likelihood_of, size, _GAMMA_GAMMA)
    likelihood = (likelihood - math.log(unit)) * size
    return (p, 1.0 + q_less_1, v * unit), likelihood


class PurchaseLikelihood:
    """The likelihood of BG/NBD for some buyers: each distinct (x, t_x, T) is computed once.

    :param elapsed: the time of the last 0, 1, 2, … days up to the oldest age at least
    """

    def __init__(
        self, x: np.ndarray, t_x: np.ndarray, age: np.ndarray, elapsed: np.ndarray
    ) -> None:
        x, t_x, age = (np.asarray(values, dtype=np.int64) for values in (x, t_x, age))
        span = int(age.max()) + 1
        self.buyers = len(x)
        self.times = elapsed[:span]
        self.x, self.buyers_by_x = np.unique(x, return_counts=True)
        self.buyers_by_age = np.bincount(age, minlength=span)
        self.purchases_by_age = np.bincount(age, x, span)
        # The distinct histories of those who came back.
        back = x > 0
        keys, self.counts = np.unique(
            (x[back] * span + t_x[back]) * span + age[back], return_counts=True
        )
        self.age, recency = keys % span, keys // span % span
        self.last = self.times[self.age] - self.times[self.age - recency]
        self.x_index = np.searchsorted(self.x, keys // span**2)

    def log_likelihood(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean of [FHL] eq. 6 per buyer and its gradient, by ln r, ln alpha, ln a, ln b.

        Eq. 6 is a sum of two terms, "alive" and "stopped". The first, which every buyer has, is
        factored out: ln of it, plus ln(1 + odds) for those who came back, with the odds of having
        stopped as in ``btyd.p_alive``.
        """
        r, alpha, _, b = np.exp(logs)
        log_time = np.log(alpha + self.times)
        gap = log_time[self.age] - np.log(alpha + self.last)
        log_odds = (logs[2] - np.log(b + np.maximum(self.x, 1) - 1))[self.x_index]
        log_odds += (r + self.x)[self.x_index] * gap
        decay = np.exp(-np.abs(log_odds))
        likelihood = self._log_likelihood_if_alive(logs, log_time)
        likelihood += (self.counts * (np.maximum(log_odds, 0) + np.log1p(decay))).sum()
        stopped = self.counts * np.where(log_odds > 0, 1.0, decay) / (1.0 + decay)
        gradient = self._gradient(logs, log_time, gap, stopped)
        return float(likelihood) / self.buyers, gradient / self.buyers

    def _log_likelihood_if_alive(self, logs: np.ndarray, log_time: np.ndarray) -> float:
        """Σ ln of Γ(r + x)/Γ(r) · α^r / (α + T)^(r + x) · B(a, b + x)/B(a, b)."""
        from scipy.special import gammaln

        r, _, a, b = np.exp(logs)
        x = self.x
        by_x = gammaln(r + x) - gammaln(r) + r * logs[1]
        by_x += gammaln(a + b) - gammaln(b) + gammaln(b + x) - gammaln(a + b + x)
        exponents = r * self.buyers_by_age + self.purchases_by_age
        return self.buyers_by_x @ by_x - exponents @ log_time

    def _gradient(
        self, logs: np.ndarray, log_time: np.ndarray, gap: np.ndarray, stopped: np.ndarray
    ) -> np.ndarray:
        """The gradient of the sum over all buyers.

        :param stopped: expected number of buyers who have stopped, of each distinct history
        """
        from scipy.special import psi

        r, alpha, a, b = np.exp(logs)
        x, rate, inverse = self.x, r + self.x, 1.0 / (alpha + self.times)
        # .sum() where @ would call a BLAS with threads, which a busy machine waits for.
        by_r = self.buyers_by_x @ (psi(rate) - psi(r) + logs[1]) - self.buyers_by_age @ log_time
        by_r += (stopped * gap).sum()
        exponents = r * self.buyers_by_age + self.purchases_by_age
        by_alpha = self.buyers * r / alpha - exponents @ inverse
        shift = inverse[self.age] - 1.0 / (alpha + self.last)
        by_alpha += (stopped * rate[self.x_index] * shift).sum()
        by_a = self.buyers_by_x @ (psi(a + b) - psi(a + b + x)) + stopped.sum() / a
        by_b = self.buyers_by_x @ (psi(a + b) - psi(a + b + x) + psi(b + x) - psi(b))
        after = b + np.maximum(x, 1) - 1
        by_b -= np.bincount(self.x_index, stopped, len(x)) @ (1.0 / after)
        return np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])


class ValueLikelihood:
    """The likelihood of Gamma-Gamma for some buyers, in the order of their number of values.

    :param mean_value: in units of the mean of all
    """

    def __init__(self, count: np.ndarray, mean_value: np.ndarray) -> None:
        order = np.argsort(count, kind="stable")
        self.count, self.starts, self.buyers = np.unique(
            count[order], return_index=True, return_counts=True
        )
        self.total = (count * mean_value)[order]
        self.log_total = np.add.reduceat(np.log(self.total), self.starts)
        self.log_mean = float(np.log(mean_value).mean())

    def log_likelihood(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean of [GG] eq. 1a per buyer and its gradient, by ln p, ln (q − 1), ln v."""
        from scipy.special import gammaln, psi

        p, q_less_1, v = np.exp(logs)
        q, n, size = 1.0 + q_less_1, self.count, len(self.total)
        shape, scale = p * n, self.total + v
        log_scale = np.add.reduceat(np.log(scale), self.starts)
        inverse = np.add.reduceat(1.0 / scale, self.starts)
        by_count = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * logs[2]
        likelihood = self.buyers @ by_count + shape @ self.log_total - (shape + q) @ log_scale
        by_shape = self.buyers * (psi(shape + q) - psi(shape)) + self.log_total - log_scale
        by_q = self.buyers @ (psi(shape + q) - psi(q) + logs[2]) - log_scale.sum()
        by_v = size * q / v - (shape + q) @ inverse
        gradient = np.array([n @ by_shape * p, by_q * q_less_1, by_v * v])
        return float(likelihood) / size - self.log_mean, gradient / size


def _fitted(
    likelihood_of: Callable[[slice], _LogLikelihood], buyers: int, space: _SearchSpace
) -> tuple[list[float], float]:
    """The parameters of greatest likelihood, and the mean log-likelihood.

    The search starts from several points on an even sample of the buyers, and then from the best
    of these optima on all buyers. If that ends at a bound, a weak prior decides what the buyers
    leave open.

    :raises NotFitted: if nothing converged within the bounds
    """
    every = -(-buyers // _SAMPLE_SIZE)
    sampled = likelihood_of(slice(None, None, every))
    optima = [_maximize(sampled, space, np.array(start)) for start in space.starts]
    best = max(optima, key=lambda optimum: (optimum.converged, optimum.value))
    function = sampled if every == 1 else likelihood_of(slice(None))
    if every > 1:
        best = _maximize(function, space, best.point)
    if space.is_at_bound(best.point) and not space.limits_serve:
        best = _maximize(function, space, best.point, prior=1.0 / buyers)
    is_limit = space.is_at_bound(best.point) and not space.limits_serve
    if not best.converged or is_limit:
        raise NotFitted("The model did not converge on the buyers' histories.")
    return np.exp(space.to_logs @ best.point).tolist(), best.value


def _maximize(
    function: _LogLikelihood, space: _SearchSpace, start: np.ndarray, prior: float = 0.0
) -> _Optimum:
    """By L-BFGS-B. Converged if the gradient leads nowhere within the bounds.

    :param prior: weight of the normal prior around the middle of the bounds
    """
    from scipy.optimize import minimize

    middle = (space.low + space.high) / 2

    def negative(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = function(space.to_logs @ point)
        pull = prior * (point - middle) / _PRIOR_WIDTH**2
        penalty = pull @ (point - middle) / 2
        return penalty - value, pull - gradient @ space.to_logs

    result = minimize(
        negative,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(space.low, space.high, strict=True)),
        options={"maxiter": 1_000, "ftol": 1e-14, "gtol": _MAX_GRADIENT / 10},
    )
    step = np.clip(result.x - result.jac, space.low, space.high) - result.x
    converged = bool(np.isfinite(result.fun) and np.abs(step).max() <= _MAX_GRADIENT)
    return _Optimum(result.x, -float(result.fun), converged)
