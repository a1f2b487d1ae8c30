"""The most likely parameters of BG/NBD and of Gamma-Gamma, given what buyers did.

Pure, by the formulas and in the terms of ``clv.prediction.btyd``. scipy is imported where something
is fitted, and only there: a process that predicts never loads it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clv.errors import NotFitted
from clv.prediction.btyd import Parameters

# Of the mean log-likelihood of a buyer, by the logarithm of a parameter.
_STEEPEST = 1e-5
# Buyers on whom the starts are compared.
_SAMPLE = 100_000
# Its mean and gradient at the logarithms of the parameters.
_LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, slots=True)
class _Chart:
    """Where to look for a maximum: hardly correlated coordinates, their bounds and starts.

    Beyond its bounds a coordinate has run away: the data are described as well by a limit.

    :param to_logs: makes the logarithms of a model's parameters from the coordinates
    """

    names: tuple[str, ...]
    to_logs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    starts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class _Peak:
    """The best found from one start; ``value`` is the mean log-likelihood."""

    place: np.ndarray
    value: float
    converged: bool


# alpha/r is the mean time between purchases where all buy alike, b/a the mean odds of going on.
_PURCHASES = _Chart(
    names=("r", "alpha/r", "a", "b/a"),
    to_logs=np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]),
    low=np.log([1e-3, 1e-4, 1e-3, 1e-4]),
    high=np.log([1e4, 1e4, 1e3, 1e5]),
    starts=((0.0, 0.0, 0.0, 1.0), (-1.5, -0.5, -0.5, 2.0), (1.0, 0.0, -1.0, 4.0)),
)
# The mean value is p·v/(q − 1); of q the model takes what it exceeds 1 by.
_VALUES = _Chart(
    names=("p", "q", "mean"),
    to_logs=np.array([[1, 0, 0], [0, 1, 0], [-1, 1, 1]]),
    low=np.log([1e-3, 1e-3, 1e-4]),
    high=np.log([1e4, 1e4, 1e4]),
    starts=((1.0, 1.0, 0.0), (2.0, 0.0, 0.0), (0.0, 2.0, 0.0)),
)


def fit_purchases(
    x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> tuple[tuple[float, float, float, float], float, tuple[str, ...]]:
    """r, alpha, a, b; the log-likelihood [FHL] eq. 6; the names of those at a bound.

    :raises NotFitted: where nobody came back, or nothing converged
    """
    if not len(x) or not x.max():
        raise NotFitted("No buyer has come back on a second day.")
    days = float(age.sum()) / float(x.sum())

    def of(some: slice) -> _LogLikelihood:
        return Histories(x[some], t_x[some], age[some], days).log_likelihood

    (r, alpha, a, b), likelihood, limits = _maximum(of, len(x), _PURCHASES)
    # A density by another unit of time: each of the Σx purchases brings one factor.
    likelihood = likelihood * len(x) - float(x.sum()) * math.log(days)
    return (r, alpha * days, a, b), likelihood, limits


def fit_values(
    count: np.ndarray, mean_value: np.ndarray
) -> tuple[tuple[float, float, float], float, tuple[str, ...]]:
    """p, q, v; the log-likelihood [GG] eq. 1a; the names of those at a bound.

    :param count: how many values each mean is of; means of 0 or below are left out
    :raises NotFitted: where no mean is positive, or nothing converged
    """
    used = (mean_value > 0) & (count > 0)
    if not used.any():
        raise NotFitted("No buyer has a positive value.")
    count, mean_value = count[used], mean_value[used]
    size, unit = len(count), float(mean_value.mean())

    def of(some: slice) -> _LogLikelihood:
        return Values(count[some], mean_value[some] / unit).log_likelihood

    (p, above, v), likelihood, limits = _maximum(of, size, _VALUES)
    likelihood = (likelihood - math.log(unit)) * size
    return (p, 1.0 + above, v * unit), likelihood, limits


class Histories:
    """Buyers' histories, counted: a distinct one of (x, t_x, T) is computed once."""

    def __init__(self, x: np.ndarray, t_x: np.ndarray, age: np.ndarray, days: float) -> None:
        x, t_x, age = (np.asarray(values, dtype=np.int64) for values in (x, t_x, age))
        span = int(age.max()) + 1
        self.buyers = len(x)
        self.times = np.arange(span) / days
        self.x, self.by_x = np.unique(x, return_counts=True)
        self.by_age = np.bincount(age, minlength=span)
        self.purchases_by_age = np.bincount(age, x, span)
        back = x > 0
        keys, self.counts = np.unique(
            (x[back] * span + t_x[back]) * span + age[back], return_counts=True
        )
        self.age, self.last = keys % span, keys // span % span
        self.which = np.searchsorted(self.x, keys // span**2)

    def log_likelihood(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean of [FHL] eq. 6 and its gradient, by ln r, ln alpha, ln a, ln b.

        As Σ ln of what every buyer has, (alpha + T)^−(r + x) among it, and for those who came back
        ln(1 + e^s), s the logarithm of the odds of having stopped
        (``btyd.p_alive``).
        """
        from scipy.special import gammaln, psi

        r, alpha, a, b = np.exp(logs)
        x, rate, after = self.x, r + self.x, b + np.maximum(self.x, 1) - 1
        log_time, inverse = np.log(alpha + self.times), 1.0 / (alpha + self.times)
        waits = r * self.by_age + self.purchases_by_age
        shared = gammaln(rate) - gammaln(r) + r * logs[1]
        shared += gammaln(a + b) - gammaln(b) + gammaln(b + x) - gammaln(a + b + x)
        silence = log_time[self.age] - log_time[self.last]
        rates = rate[self.which]
        stopped = (logs[2] - np.log(after))[self.which] + rates * silence
        ratio = np.exp(-np.abs(stopped))
        likelihood = self.by_x @ shared - waits @ log_time
        likelihood += (self.counts * (np.maximum(stopped, 0) + np.log1p(ratio))).sum()
        gone = self.counts * np.where(stopped > 0, 1.0, ratio) / (1.0 + ratio)
        # Sums, where @ would call a BLAS with threads, which a busy machine waits for.
        by_r = self.by_x @ (psi(rate) - psi(r) + logs[1]) - self.by_age @ log_time
        by_r += (gone * silence).sum()
        by_alpha = self.buyers * r / alpha - waits @ inverse
        by_alpha += (gone * rates * (inverse[self.age] - inverse[self.last])).sum()
        by_a = self.by_x @ (psi(a + b) - psi(a + b + x)) + gone.sum() / a
        by_b = self.by_x @ (psi(a + b) - psi(a + b + x) + psi(b + x) - psi(b))
        by_b -= np.bincount(self.which, gone, len(x)) @ (1.0 / after)
        gradient = np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])
        return float(likelihood) / self.buyers, gradient / self.buyers


class Values:
    """Buyers' mean values, in units of their mean; in order of how many values each is of."""

    def __init__(self, count: np.ndarray, mean_value: np.ndarray) -> None:
        order = np.argsort(count, kind="stable")
        self.count, self.starts, self.buyers = np.unique(
            count[order], return_index=True, return_counts=True
        )
        self.total = (count * mean_value)[order]
        self.log_total = np.add.reduceat(np.log(self.total), self.starts)
        self.log_mean = float(np.log(mean_value).mean())

    def log_likelihood(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean of [GG] eq. 1a and its gradient, by ln p, ln (q − 1), ln v."""
        from scipy.special import gammaln, psi

        p, above, v = np.exp(logs)
        q, n, size = 1.0 + above, self.count, len(self.total)
        shape, scale = p * n, self.total + v
        log_scale = np.add.reduceat(np.log(scale), self.starts)
        inverse = np.add.reduceat(1.0 / scale, self.starts)
        each = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * logs[2]
        likelihood = self.buyers @ each + shape @ self.log_total - (shape + q) @ log_scale
        by_shape = self.buyers * (psi(shape + q) - psi(shape)) + self.log_total - log_scale
        by_q = self.buyers @ (psi(shape + q) - psi(q) + logs[2]) - log_scale.sum()
        by_v = size * q / v - (shape + q) @ inverse
        gradient = np.array([n @ by_shape * p, by_q * above, by_v * v])
        return float(likelihood) / size - self.log_mean, gradient / size


def _maximum(
    of: Callable[[slice], _LogLikelihood], buyers: int, chart: _Chart
) -> tuple[list[float], float, tuple[str, ...]]:
    """Where a mean log-likelihood is greatest, its value there, and the coordinates at a bound.

    From several starts; of many buyers, on an even sample, and from the best then on all.

    :param of: the function of some of the buyers
    :raises NotFitted: where nothing converged
    """
    every = -(-buyers // _SAMPLE)
    function = of(slice(None, None, every))
    found = [_climb(function, chart, np.array(start)) for start in chart.starts]
    best = max(found, key=lambda one: (one.converged, one.value))
    if every > 1:
        best = _climb(of(slice(None)), chart, best.place)
    if not best.converged:
        raise NotFitted("The model did not converge on the buyers' histories.")
    at_bound = (best.place <= chart.low) | (best.place >= chart.high)
    limits = tuple(name for name, at in zip(chart.names, at_bound, strict=True) if at)
    return np.exp(chart.to_logs @ best.place).tolist(), best.value, limits


def _climb(function: _LogLikelihood, chart: _Chart, start: np.ndarray) -> _Peak:
    """By L-BFGS-B; converged where the gradient leads nowhere within the bounds."""
    from scipy.optimize import minimize

    def negative(place: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = function(chart.to_logs @ place)
        return -value, -(gradient @ chart.to_logs)

    found = minimize(
        negative,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(chart.low, chart.high, strict=True)),
        options={"maxiter": 1_000, "ftol": 1e-14, "gtol": _STEEPEST / 10},
    )
    step = np.clip(found.x - found.jac, chart.low, chart.high) - found.x
    converged = bool(np.isfinite(found.fun) and np.abs(step).max() <= _STEEPEST)
    return _Peak(found.x, -float(found.fun), converged)


@dataclass(frozen=True, slots=True)
class Fit:
    """Converged parameters, and how they were found.

    :param log_likelihood: of the BG/NBD model, times in days
    :param value_log_likelihood: of the Gamma-Gamma model
    :param limits: what ran to its bound; the model is then a limit of itself, such as buyers of one
        rate (r) or buyers who never stop (b/a)
    """

    parameters: Parameters
    buyers: int
    log_likelihood: float
    value_log_likelihood: float
    limits: tuple[str, ...]


def fit(x: np.ndarray, t_x: np.ndarray, age: np.ndarray, mean_value: np.ndarray) -> Fit:
    """Both models, by maximum likelihood.

    :param x: conversion days after the first; integers, as are ``t_x`` and ``age``, in days
    :param mean_value: mean value of all ``x + 1`` conversion days; the buyers with a mean of 0 or
        below (refunds) say nothing about values
    :raises NotFitted: with the reason, where the data don't determine the parameters
    """
    (r, alpha, a, b), likelihood, limits = fit_purchases(x, t_x, age)
    (p, q, v), value_likelihood, value_limits = fit_values(x + 1, mean_value)
    return Fit(
        Parameters(r, alpha, a, b, p, q, v),
        len(x),
        likelihood,
        value_likelihood,
        (*limits, *value_limits),
    )
