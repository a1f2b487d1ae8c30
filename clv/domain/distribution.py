"""A tenant's distribution: breakpoints of each dimension and percentiles of the score.

Pure. In every dimension a higher value is better; recency is therefore kept as the day of the last
contact.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

# The most values kept of a dimension. With no more distinct values than that it is exact.
MAX_BREAKPOINTS = 1024
# Of values that several customers share, this many are kept.
MAX_SHARED = 512
# Computing norms takes ten times the memory of the values, so they are computed in blocks.
NORM_BLOCK = 32_768


@dataclass(frozen=True, slots=True)
class Dimension:
    """Breakpoints of one dimension: three float64 arrays of the same length, values ascending.

    :param below: number of customers with a lower value
    :param equal: number of customers with this value
    :param customers: number of all customers
    """

    values: array
    below: array
    equal: array
    customers: int

    def norm(self, value: float) -> float:
        """Percentile rank among the customers with other values: below / (below + above).

        0 is the worst, 1 the best, 0.5 if all are equal. Between two breakpoints the number of
        customers below is interpolated linearly by value; outside all breakpoints the norm is 0 or
        1. Of the values 10, 10, 20, 30, the norm of 20 is 2 / (2 + 1) and that of 25 is 3 / 4.
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
        up_to_left = below + equal
        share = (value - left) / (self.values[at + 1] - left)
        return (up_to_left + share * (self.below[at + 1] - up_to_left)) / self.customers

    def norms(self, values: np.ndarray) -> np.ndarray:
        """:meth:`norm` of each value of a float64 array, the same to the last bit."""
        norms = np.empty(len(values))
        for start in range(0, len(values), NORM_BLOCK):
            block = slice(start, start + NORM_BLOCK)
            norms[block] = self._norms(values[block])
        return norms

    def _norms(self, values: np.ndarray) -> np.ndarray:
        # Each line is one of `norm`, for all values at once.
        breakpoints, below, equal = (
            np.frombuffer(a, dtype=np.float64) for a in (self.values, self.below, self.equal)
        )
        at = np.searchsorted(breakpoints, values, side="right") - 1
        left = np.maximum(at, 0)
        right = np.minimum(left + 1, len(breakpoints) - 1)
        others = self.customers - equal
        exact = np.where(others > 0, below / np.maximum(others, 1), 0.5)[left]
        up_to_left = (below + equal)[left]
        width = breakpoints[right] - breakpoints[left]
        share = (values - breakpoints[left]) / np.where(width > 0, width, 1)
        between = (up_to_left + share * (below[right] - up_to_left)) / self.customers
        norms = np.where(breakpoints[left] == values, exact, between)
        norms[(at + 1 == len(breakpoints)) & (breakpoints[left] != values)] = 1.0
        norms[at < 0] = 0.0
        return norms


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a tenant's customers are distributed: the part of a snapshot that scores depend on.

    :param as_of_ms: time of the snapshot
    :param p25: 25th percentile of the unrounded scores of all customers
    :param p75: their 75th percentile
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

        :param day: day of the last contact, in days since 1970
        :param monetary: in 1/10,000, not negative
        """
        return (
            self.recency.norm(day),
            self.frequency.norm(frequency),
            self.monetary.norm(monetary),
        )


def dimension(values: np.ndarray) -> Dimension:
    """Breakpoints of a float64 array of at least one value.

    Up to 1,024 distinct values are all kept. Of more, up to 512 that most customers share are kept,
    the minimum, the maximum, and quantiles.
    """
    distinct, equal = np.unique(values, return_counts=True)
    up_to = np.cumsum(equal)
    below = up_to - equal
    if len(distinct) > MAX_BREAKPOINTS:
        keep = _breakpoints(distinct, equal, up_to)
        distinct, below, equal = distinct[keep], below[keep], equal[keep]
    return Dimension(_array(distinct), _array(below), _array(equal), len(values))


def percentiles(scores: np.ndarray) -> tuple[float, float]:
    """P25 and P75 of at least one score, interpolated linearly (type 7 in Hyndman and Fan 1996).

    Scores of 0 and 4 give 1 and 3.
    """
    ordered = np.sort(scores)
    return _percentile(ordered, 0.25), _percentile(ordered, 0.75)


def to_bytes(distribution: Distribution) -> bytes:
    """The three dimensions as float64s: their three lengths, then values, below, equal of each."""
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
    """The indexes of the values to keep."""
    shared = np.flatnonzero(equal > 1)
    most_shared = shared[np.lexsort((distinct[shared], -equal[shared]))[:MAX_SHARED]]
    ends = np.array([0, len(distinct) - 1])
    quantiles = MAX_BREAKPOINTS - len(most_shared) - len(ends)
    ranks = np.ceil(np.arange(1, quantiles + 1) * up_to[-1] / (quantiles + 1))
    return np.unique(np.concatenate((most_shared, ends, np.searchsorted(up_to, ranks))))


def _percentile(ordered: np.ndarray, share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    a, b = float(ordered[low]), float(ordered[high])
    return a + (b - a) * (position - low)


def _array(values: np.ndarray) -> array:
    return array("d", values.astype(np.float64).tobytes())
