"""The base of the calibrated model: BG/NBD and Gamma-Gamma (:mod:`clv.prediction.btyd`) in seasonal
time, with two sets of parameters where buyers differ by when they came.

Pure. Every function takes :class:`~clv.prediction.log.Histories` and gives one value per buyer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit, season_fit
from clv.prediction.btyd import Parameters
from clv.prediction.btyd_fit import Purchases
from clv.prediction.log import Histories
from clv.prediction.seasons import NO_SEASONS, Clock

# Buyers who were first seen so early in the log most likely bought before it began.
EARLY_DAYS = 60
# With fewer buyers a set of parameters is poorly determined.
MIN_SET_BUYERS = 100


@dataclass(frozen=True, slots=True)
class Base:
    """Fitted parameters.

    :param parameters: with times in days of the clock
    :param early: of BG/NBD for the buyers who first bought before ``since``; None for the same
    """

    parameters: Parameters
    clock: Clock = NO_SEASONS
    early: Purchases | None = None
    since: int = 0

    def time(self, today: int, days: float) -> float:
        """The time on the clock of the next days."""
        return self.clock.within(today, days)

    def rate(self, histories: Histories) -> np.ndarray:
        """Mean rate of a buyer who is alive: (r + x)/(α + T)."""
        return self._of_each(histories, lambda p, x, t_x, age: (p.r + x) / (p.alpha + age))

    def p_alive(self, histories: Histories) -> np.ndarray:
        """``btyd.p_alive``."""
        return self._of_each(histories, btyd.p_alive)

    def purchases(self, histories: Histories, time: float) -> np.ndarray:
        """``btyd.expected_purchases`` within this time."""
        return self._of_each(histories, btyd.expected_purchases, time)

    def silence(self, histories: Histories, time: float) -> np.ndarray:
        """``btyd.no_purchase_probability`` within this time."""
        return self._of_each(histories, btyd.no_purchase_probability, time)

    def time_of_silence(self, histories: Histories, probability: np.ndarray) -> np.ndarray:
        """``btyd.time_of_silence`` down to these probabilities, one for each buyer."""
        return self._of_each(histories, btyd.time_of_silence, probability)

    def value(self, histories: Histories) -> np.ndarray:
        """``btyd.expected_value`` of a conversion day."""
        return btyd.expected_value(self.parameters, histories.x + 1, histories.mean_value)

    def parameters_of(self, first: int) -> Parameters:
        """The parameters for a buyer who first bought on this day."""
        if self.early is None or first >= self.since:
            return self.parameters
        p = self.parameters
        return Parameters(*self.early, p.p, p.q, p.v)

    def times(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        """t_x and T on the clock."""
        now = float(self.clock.at(np.array([histories.today]))[0])
        first, last = self.clock.at(histories.first), self.clock.at(histories.last)
        return last - first, now - first

    def _of_each(
        self, histories: Histories, function: Callable[..., np.ndarray], *more: Any
    ) -> np.ndarray:
        x = histories.x.astype(np.float64)
        t_x, age = self.times(histories)
        if self.early is None:
            return function(self.parameters, x, t_x, age, *more)
        values = np.empty(len(x))
        is_early = histories.first < self.since
        for chosen, first in ((is_early, self.since - 1), (~is_early, self.since)):
            history = (x[chosen], t_x[chosen], age[chosen])
            of_chosen = (m[chosen] if isinstance(m, np.ndarray) else m for m in more)
            values[chosen] = function(self.parameters_of(first), *history, *of_chosen)
        return values


def fit(histories: Histories, before: Histories | None = None) -> Base:
    """Fit the clock, BG/NBD, once or for early and later buyers apart, and Gamma-Gamma.

    Two sets if the Bayesian information criterion (Schwarz 1978) says so: twice the gain in
    log-likelihood is more than 4 · ln(buyers) for the 4 parameters more.

    :param before: the same at an earlier time, for seasons to be tried on what came next
    :raises NotFitted: with the reason, if the data don't determine the parameters
    """
    clock, purchases = season_fit.fit(histories, before)
    values, _ = btyd_fit.fit_values(histories.x + 1, histories.mean_value)
    since = int(histories.first.min()) + EARLY_DAYS
    sets = _two_sets(histories, clock, purchases, since)
    if sets is None:
        return Base(Parameters(*purchases, *values), clock)
    early, late = sets
    return Base(Parameters(*late, *values), clock, early, since)


def _two_sets(
    histories: Histories, clock: Clock, one: Purchases, since: int
) -> tuple[Purchases, Purchases] | None:
    is_early = histories.first < since
    if min(is_early.sum(), (~is_early).sum()) < MIN_SET_BUYERS:
        return None
    try:
        together = _fit_set(histories, clock, one)[1]
        early, early_likelihood = _fit_set(histories.of(is_early), clock, one)
        late, late_likelihood = _fit_set(histories.of(~is_early), clock, one)
    except NotFitted:
        return None
    gain = early_likelihood + late_likelihood - together
    is_worth_it = 2.0 * gain > len(early) * math.log(len(histories.x))
    return (early, late) if is_worth_it else None


def _fit_set(histories: Histories, clock: Clock, near: Purchases) -> tuple[Purchases, float]:
    elapsed = season_fit.elapsed(clock, histories)
    return btyd_fit.fit_purchases(histories.x, histories.t_x, histories.age, elapsed, near)
