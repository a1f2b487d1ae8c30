"""The seasonal clock: time that runs faster in months in which more is bought.

Pure. If a buyer's purchases are a Poisson process of rate λ·s(month), they are one of rate λ in the
time τ(d) = Σ s(month) over the days up to d (time rescaling: Daley, Vere-Jones 2003, An
Introduction to the Theory of Point Processes I, prop. 7.4.I). So every formula of
:mod:`clv.prediction.btyd` holds in τ. Without seasons τ is the day itself.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MONTHS = 12
# Days that the clock knows: 1970 to 2199.
_LAST_DAY = 84_005


@dataclass(frozen=True, slots=True)
class Clock:
    """Seasonal time.

    :param factors: s of January to December, of mean 1 over a year; empty without seasons
    """

    factors: tuple[float, ...] = ()

    def at(self, days: np.ndarray) -> np.ndarray:
        """τ at the end of each day, as floats. Only differences mean something."""
        days = np.asarray(days)
        if not self.factors:
            return days.astype(np.float64)
        return _table(self.factors)[np.clip(days, 0, _LAST_DAY)]

    def within(self, today: int, days: float) -> float:
        """The time from the end of today until this many days later, which need not be whole."""
        if not self.factors:
            return float(days)
        table = _table(self.factors)
        begin = min(max(today, 0), _LAST_DAY)
        end = min(begin + days, _LAST_DAY)
        whole = int(end)
        part = (end - whole) * (table[min(whole + 1, _LAST_DAY)] - table[whole])
        return float(table[whole] + part - table[begin])

    def days(self, today: int, times: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`within`: how many days these times take. Infinite ones, and those
        beyond the last day that the clock knows, take for ever."""
        if not self.factors:
            return times
        table = _table(self.factors)
        begin = min(max(today, 0), _LAST_DAY)
        ahead = table[begin:] - table[begin]
        days = np.interp(times, ahead, np.arange(len(ahead), dtype=np.float64))
        return np.where(times < ahead[-1], days, np.inf)


NO_SEASONS = Clock()


def normalised(factors: np.ndarray) -> tuple[float, ...]:
    """Factors of mean 1 over a year, each weighted by the days of its month."""
    days = np.bincount(months(np.arange(1_461)), minlength=MONTHS)
    return tuple((factors / (factors @ days / days.sum())).tolist())


def months(days: np.ndarray) -> np.ndarray:
    """The months of days since 1970: 0 is January."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % MONTHS


@lru_cache(maxsize=8)
def _table(factors: tuple[float, ...]) -> np.ndarray:
    """τ at the end of each day since 1970."""
    return np.cumsum(np.array(factors)[months(np.arange(_LAST_DAY + 1))])
