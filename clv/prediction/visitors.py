"""Customers who have visited and never bought: how likely they are to buy, by the number of their
visits and their silence.

Pure. The first purchase is a Poisson process whose rate falls with the silence as a power, as
learning curves and relapse do: e^level · visits^often · (1 + R)^(−decay) per day, R being the days
since the last visit. A customer who buys is a buyer from then on, who comes back as
:mod:`clv.prediction.base` expects it of a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.prediction.log import Visits

# With fewer first purchases there is nothing to tell apart, and nothing is foretold.
MIN_FIRST_PURCHASES = 20
# A decay of 1 would divide by 0; the integral is continuous there.
_ONE = 1e-6
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Visitors:
    """The fitted rate of first purchases."""

    level: float
    often: float
    decay: float

    def silence(self, visits: Visits, days: float) -> np.ndarray:
        """P(no purchase within so many days): e^(−∫ rate)."""
        return np.exp(-_hazard((self.level, self.often, self.decay), visits, days))

    def median_days(self, visits: Visits) -> np.ndarray:
        """The days within which a visitor has bought with a probability of one half: the hazard
        is ln 2 then. Infinite if it never is."""
        power = _power(self.decay)
        begin = np.exp(power * np.log1p(visits.recency))
        rate = np.exp(self.level + self.often * np.log(visits.visits))
        end = begin + power * np.log(2.0) / rate
        with np.errstate(divide="ignore", over="ignore"):
            silence = np.exp(np.log(np.maximum(end, 0.0)) / power)
        return np.where(end > 0, silence - 1.0 - visits.recency, np.inf)


def fit(lessons: Sequence[tuple[Visits, np.ndarray]], days: float) -> Visitors | None:
    """The rate of greatest likelihood; None with too few first purchases.

    :param lessons: visitors at an earlier time, and which of them bought in the days after it
    """
    if not lessons:
        return None
    bought = np.concatenate([happened for _, happened in lessons])
    if bought.sum() < MIN_FIRST_PURCHASES:
        return None
    recency = np.concatenate([visits.recency for visits, _ in lessons])
    number = np.concatenate([visits.visits for visits, _ in lessons])
    keys, which = np.unique(np.stack([recency, number]), axis=1, return_inverse=True)
    customers = np.bincount(which.ravel())
    buyers = np.bincount(which.ravel(), bought)
    return _most_likely(Visits(*keys), customers, buyers, days)


def _most_likely(
    visits: Visits, customers: np.ndarray, buyers: np.ndarray, days: float
) -> Visitors | None:
    from scipy.optimize import minimize

    def negative(point: np.ndarray) -> float:
        hazard = np.maximum(_hazard(tuple(point), visits, days), 1e-12)
        likelihood = buyers @ np.log(-np.expm1(-hazard)) - (customers - buyers) @ hazard
        return float(_RIDGE * (point[1:] @ point[1:]) / 2.0 - likelihood) / customers.sum()

    level = float(np.log(buyers.sum() / customers.sum() / days))
    found = minimize(
        negative,
        np.array([level, 0.0, 0.5]),
        method="L-BFGS-B",
        bounds=[(-40.0, 5.0), (-3.0, 3.0), (0.0, 5.0)],
        options={"maxiter": 500},
    )
    return Visitors(*found.x.tolist()) if np.isfinite(found.fun) else None


def _hazard(parameters: tuple[float, ...], visits: Visits, days: float) -> np.ndarray:
    """∫ of the rate from now over so many days, with the silence growing by the day."""
    level, often, decay = parameters
    power = _power(decay)
    begin = np.log1p(visits.recency)
    end = np.log(1.0 + visits.recency + days)
    grown = (np.exp(power * end) - np.exp(power * begin)) / power
    return np.exp(level + often * np.log(visits.visits)) * grown


def _power(decay: float) -> float:
    power = 1.0 - decay
    return power if abs(power) > _ONE else _ONE
