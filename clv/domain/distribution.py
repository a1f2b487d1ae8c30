"""How a tenant's customers are spread: breakpoints of a dimension, percentiles of the score.

Pure: arrays of float64 in, breakpoints out. Each dimension is better when higher; recency is
kept as the day of the last contact, so that it is, too.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from clv.domain.scoring import composite
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS

# Up to this many distinct values a dimension is exact; it is also the most that are kept.
MAX_BREAKPOINTS = 1024
# Of the values that several customers share, this many are kept exact.
MAX_SHARED = 512
# On the way to their norms values take ten times their memory: so many at a time.
NORMS_AT_ONCE = 32_768


@dataclass(frozen=True, slots=True)
class Dimension:
    """Breakpoints of one dimension: three arrays of float64 of the same length, values ascending.

    :param below: customers strictly below the value
    :param equal: customers that have the value
    :param customers: all customers
    """

    values: array
    below: array
    equal: array
    customers: int

    def norm(self, value: float) -> float:
        """``below / (below + above)`` for a value: 0 the worst, 1 the best, 0.5 if all are equal.

        Between breakpoints the number below is interpolated linearly in value; outside of them
        the norm is 0 or 1. Values 1, 2, 3 of three customers: 2 has one below, one above: 0.5.
        """
        value = float(value)
        at = bisect_right(self.values, value) - 1
        if at < 0:
            return 0.0
        left = self.values[at]
        below = self.below[at]
        equal = self.equal[at]
        if left == value:
            others = self.customers - equal
            return below / others if others else 0.5
        if at + 1 == len(self.values):
            return 1.0
        passed = below + equal
        share = (value - left) / (self.values[at + 1] - left)
        return (passed + share * (self.below[at + 1] - passed)) / self.customers

    def norms(self, values: np.ndarray) -> np.ndarray:
        """:meth:`norm` of each of an array of float64, bit by bit the same."""
        norms = np.empty(len(values))
        for start in range(0, len(values), NORMS_AT_ONCE):
            block = slice(start, start + NORMS_AT_ONCE)
            norms[block] = self._norms(values[block])
        return norms

    def _norms(self, values: np.ndarray) -> np.ndarray:
        breakpoints, below, equal = (
            np.frombuffer(a, dtype=np.float64) for a in (self.values, self.below, self.equal)
        )
        at = np.searchsorted(breakpoints, values, side="right") - 1
        left = np.maximum(at, 0)
        right = np.minimum(left + 1, len(breakpoints) - 1)
        others = self.customers - equal
        exact = np.where(others > 0, below / np.maximum(others, 1), 0.5)[left]
        passed = (below + equal)[left]
        width = breakpoints[right] - breakpoints[left]
        share = (values - breakpoints[left]) / np.where(width > 0, width, 1)
        between = (passed + share * (below[right] - passed)) / self.customers
        norms = np.where(breakpoints[left] == values, exact, between)
        norms[(at + 1 == len(breakpoints)) & (breakpoints[left] != values)] = 1.0
        norms[at < 0] = 0.0
        return norms


@dataclass(frozen=True, slots=True)
class Distribution:
    """A tenant's snapshot.

    :param as_of_ms: the time of the snapshot
    :param p25: 25th percentile of the unrounded score over all customers
    :param p75: 75th percentile
    """

    as_of_ms: int
    customers: int
    recency: Dimension
    frequency: Dimension
    monetary: Dimension
    p25: float
    p75: float

    def norms(self, day: int, frequency: int, monetary: int) -> tuple[float, float, float]:
        """Norms of recency, frequency and monetary.

        :param day: the last contact's day since 1970
        :param monetary: in 1/10,000, not negative
        """
        return (
            self.recency.norm(day),
            self.frequency.norm(frequency),
            self.monetary.norm(monetary),
        )


def dimension(values: np.ndarray) -> Dimension:
    """The breakpoints of an array of float64 with at least one value: exact up to 1,024 distinct
    values; beyond, the most shared values, the minimum, the maximum, and quantiles."""
    distinct, equal = np.unique(values, return_counts=True)
    up_to = np.cumsum(equal)
    below = up_to - equal
    if len(distinct) > MAX_BREAKPOINTS:
        keep = _breakpoints(distinct, equal, up_to)
        distinct, below, equal = distinct[keep], below[keep], equal[keep]
    return Dimension(_array(distinct), _array(below), _array(equal), len(values))


def percentiles(scores: np.ndarray) -> tuple[float, float]:
    """P25 and P75 by linear interpolation (Hyndman and Fan's type 7) of at least one score."""
    ordered = np.sort(scores)
    return _percentile(ordered, 0.25), _percentile(ordered, 0.75)


def to_bytes(distribution: Distribution) -> bytes:
    """The three dimensions as one blob: three counts, then values, below and equal of each."""
    dimensions = (distribution.recency, distribution.frequency, distribution.monetary)
    blob = array("d", (len(d.values) for d in dimensions))
    for d in dimensions:
        blob.extend(d.values)
        blob.extend(d.below)
        blob.extend(d.equal)
    return blob.tobytes()


def from_bytes(blob: bytes, as_of_ms: int, customers: int, p25: float, p75: float) -> Distribution:
    """The inverse of :func:`to_bytes`."""
    flat = array("d")
    flat.frombytes(blob)
    start, dimensions = 3, []
    for length in map(int, flat[:3]):
        values, below, equal = (
            flat[start + length * i : start + length * (i + 1)] for i in range(3)
        )
        dimensions.append(Dimension(values, below, equal, customers))
        start += 3 * length
    recency, frequency, monetary = dimensions
    return Distribution(as_of_ms, customers, recency, frequency, monetary, p25, p75)


def _breakpoints(distinct: np.ndarray, equal: np.ndarray, up_to: np.ndarray) -> np.ndarray:
    shared = np.flatnonzero(equal > 1)
    most = np.lexsort((distinct[shared], -equal[shared]))[:MAX_SHARED]
    ends = np.array([0, len(distinct) - 1])
    quantiles = MAX_BREAKPOINTS - len(most) - len(ends)
    customers = up_to[-1]
    ranks = np.ceil(np.arange(1, quantiles + 1) * customers / (quantiles + 1))
    return np.unique(np.concatenate((shared[most], ends, np.searchsorted(up_to, ranks))))


def _percentile(ordered: np.ndarray, share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    a, b = float(ordered[low]), float(ordered[high])
    return a + (b - a) * (position - low)


def _array(values: np.ndarray) -> array:
    return array("d", values.astype(np.float64).tobytes())


def distribution_of(
    frequency: np.ndarray,
    monetary: np.ndarray,
    last_ms: np.ndarray,
    settings: ScoreSettings,
    as_of_ms: int,
) -> Distribution:
    """The distribution of customers, from arrays of the same length of at least 1.

    :param monetary: in 1/10,000
    :param settings: what the percentiles of the score are made with
    """
    days = np.minimum(last_ms, as_of_ms) // DAY_MS
    monetary = np.maximum(monetary, 0.0)
    r, f, m = (dimension(values) for values in (days, frequency, monetary))
    scores = composite(r.norms(days), f.norms(frequency), m.norms(monetary), settings)
    p25, p75 = percentiles(np.minimum(scores, 100.0))
    return Distribution(as_of_ms, len(days), r, f, m, p25, p75)
