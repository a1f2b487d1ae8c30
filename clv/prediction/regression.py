"""Ridge regressions for counts and for yes or no, by Newton's method.

Pure. McCullagh, Nelder (1989): Generalized Linear Models, sections 2.5, 4.4 and 6.3; ridge: Hoerl,
Kennard (1970). Columns are standardised, so that one penalty suits them all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# The penalty is that of this share of the rows.
RIDGE = 0.01
_STEPS = 50
_MOST_STEP = 2.0
_CONVERGED = 1e-9
_MOST_EXPONENT = 30.0


@dataclass(frozen=True, slots=True)
class Regression:
    """A linear predictor: intercept + Σ coefficient · column."""

    intercept: float
    coefficients: tuple[float, ...]

    def __call__(self, columns: tuple[np.ndarray, ...]) -> np.ndarray:
        """The linear predictor of each row. Column by column: a product of matrices would round
        one row alone otherwise than among others."""
        total = np.full(len(columns[0]), self.intercept)
        for coefficient, column in zip(self.coefficients, columns, strict=True):
            total += coefficient * column
        return total


def poisson(columns: tuple[np.ndarray, ...], counts: np.ndarray, offset: np.ndarray) -> Regression:
    """ln of the expected count = offset + predictor."""

    def mean(predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected = np.exp(np.clip(offset + predictor, -_MOST_EXPONENT, _MOST_EXPONENT))
        return expected, expected

    start = float(np.log((counts.sum() + 0.5) / np.exp(offset).sum()))
    return _fit(columns, counts, mean, start)


def logistic(columns: tuple[np.ndarray, ...], happened: np.ndarray) -> Regression:
    """ln of the odds = predictor."""

    def mean(predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probability = 1.0 / (1.0 + np.exp(-np.clip(predictor, -_MOST_EXPONENT, _MOST_EXPONENT)))
        return probability, probability * (1.0 - probability)

    return _fit(columns, happened.astype(np.float64), mean, 0.0)


def _fit(
    columns: tuple[np.ndarray, ...],
    target: np.ndarray,
    mean: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    start: float,
) -> Regression:
    """By Newton's method.

    :param mean: expected value and variance of each row, from its linear predictor
    """
    middles = [float(column.mean()) for column in columns]
    # A column that is the same in every row says nothing, and gets no weight.
    widths = [float(column.std()) or 1.0 for column in columns]
    rows = np.stack(
        [np.ones(len(target))]
        + [(c - m) / w for c, m, w in zip(columns, middles, widths, strict=True)]
    )
    penalty = np.full(len(rows), RIDGE * len(target))
    penalty[0] = 1e-9
    weights = np.zeros(len(rows))
    weights[0] = start
    for _ in range(_STEPS):
        expected, variance = mean(weights @ rows)
        gradient = rows @ (target - expected) - penalty * weights
        curvature = (rows * variance) @ rows.T + np.diag(penalty)
        step = np.clip(np.linalg.solve(curvature, gradient), -_MOST_STEP, _MOST_STEP)
        weights += step
        if np.abs(step).max() < _CONVERGED:
            break
    slopes = [float(w) / width for w, width in zip(weights[1:], widths, strict=True)]
    intercept = float(weights[0]) - sum(s * m for s, m in zip(slopes, middles, strict=True))
    return Regression(intercept, tuple(slopes))
