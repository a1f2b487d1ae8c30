"""Corrections of the base (:mod:`clv.prediction.base`) by what it can't see: whether a buyer buys
more or less often of late, how regularly, and what is spent.

Pure. Two ridge regressions (:mod:`clv.prediction.regression`) are trained on earlier days of the
same history, where what came next is known: one of the number of conversion days, with the base's
as its offset, one of silence. The result is the middle of base and regression, the geometric mean
of the numbers and the mean of the log odds, and in sum no more and no less than the base.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clv.prediction import metrics, regression
from clv.prediction.base import Base
from clv.prediction.log import Histories
from clv.prediction.regression import Regression

# With fewer buyers there is too little to learn from.
MIN_BUYERS = 250
# Days over which a purchase loses all but 1/e of its weight in a trend.
_TRENDS = (30.0, 90.0, 270.0)
# No correction multiplies or divides by more than e.
_MOST_EXPONENT = 2.0
_LEAST_PROBABILITY = 1e-9
_BISECTIONS = 60


@dataclass(frozen=True, slots=True)
class Corrections:
    """Fitted corrections.

    :param counts: ln of the factor of the number of conversion days; None where none helps
    :param silence: log odds of none; None likewise
    :param scale: brings the sum of corrected numbers to that of the base
    :param shift: brings the mean of corrected probabilities to that of the base
    """

    counts: Regression | None
    silence: Regression | None
    scale: float
    shift: float

    def factor(self, base: Base, histories: Histories) -> np.ndarray:
        """What each buyer's expected number of conversion days is multiplied by."""
        if self.counts is None:
            return np.ones(len(histories.x))
        return self.scale * _factor(self.counts, _columns(base, histories))

    def silence_probability(self, base: Base, histories: Histories, time: float) -> np.ndarray:
        """Corrected probability of no conversion within this time."""
        if self.silence is None:
            return base.silence(histories, time)
        return _probability(self.shift + _middle(self.silence, base, histories, time))

    def uncorrected(self, base: Base, histories: Histories, probability: float) -> np.ndarray:
        """What the base's probability of silence is where the corrected one is this."""
        if self.silence is None:
            return np.full(len(histories.x), probability)
        *others, of_base = self.silence.coefficients
        rest = Regression(self.silence.intercept, tuple(others))(
            _habits_of_silence(base, histories)
        )
        wanted = np.log(probability) - np.log1p(-probability)
        return _probability((2.0 * (wanted - self.shift) - rest) / (1.0 + of_base))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was known of some buyers on an earlier day, and what came next.

    :param buyers: their numbers in the log
    :param time: length of the part that came next, on the base's clock
    :param conversion_days: in it
    """

    buyers: np.ndarray
    histories: Histories
    time: float
    conversion_days: np.ndarray


def fit(
    base: Base,
    histories: Histories,
    lessons: Sequence[Lesson],
    time: float,
    silence_time: float,
) -> Corrections:
    """Learn from the lessons how to correct the base. What one half of the buyers teaches must
    help with the other half, or it is not used.

    :param histories: of all buyers now, whose corrected numbers shall sum up to the base's
    :param time: within which
    :param silence_time: and their corrected probabilities of silence, within this time
    """
    is_even = np.concatenate([lesson.buyers % 2 == 0 for lesson in lessons])
    days = np.concatenate([lesson.conversion_days for lesson in lessons])
    counts = _counts(base, lessons, days, is_even)
    silence = _silence(base, lessons, days == 0, is_even)
    scale, shift = 1.0, 0.0
    if counts is not None:
        purchases = base.purchases(histories, time)
        corrected = purchases * _factor(counts, _columns(base, histories))
        scale = float(purchases.sum() / corrected.sum()) if corrected.sum() > 0 else 1.0
    if silence is not None:
        middle = _middle(silence, base, histories, silence_time)
        shift = _shift(middle, float(base.silence(histories, silence_time).mean()))
    return Corrections(counts, silence, scale, shift)


def _counts(
    base: Base, lessons: Sequence[Lesson], days: np.ndarray, is_even: np.ndarray
) -> Regression | None:
    columns = _joined([_columns(base, lesson.histories) for lesson in lessons])
    expected = np.concatenate([base.purchases(x.histories, x.time) for x in lessons])
    expected = np.maximum(expected, 1e-12)

    def learnt(rows: np.ndarray) -> Regression:
        of_rows = tuple(column[rows] for column in columns)
        found = regression.poisson(of_rows, days[rows], np.log(expected[rows]))
        return Regression(0.0, found.coefficients)

    odd = ~is_even
    corrected = expected[odd] * _factor(learnt(is_even), tuple(c[odd] for c in columns))
    corrected *= expected[odd].sum() / corrected.sum()
    # The gain in log-likelihood of Poisson numbers whose sum is the same.
    helps = days[odd] @ np.log(corrected / expected[odd]) > 0
    return learnt(np.ones(len(days), dtype=bool)) if helps else None


def _silence(
    base: Base, lessons: Sequence[Lesson], silent: np.ndarray, is_even: np.ndarray
) -> Regression | None:
    columns = _joined([_silence_columns(base, x.histories, x.time) for x in lessons])

    def learnt(rows: np.ndarray) -> Regression:
        return regression.logistic(tuple(column[rows] for column in columns), silent[rows])

    odd = ~is_even
    plain, regressed = columns[-1][odd], learnt(is_even)(tuple(c[odd] for c in columns))
    mean = float(_probability(plain).mean())
    middle = (plain + regressed) / 2.0
    corrected = _probability(middle + _shift(middle, mean))
    better, worse = (
        metrics.log_loss(probability, silent[odd])
        for probability in (corrected, _probability(plain))
    )
    helps = better is not None and worse is not None and better < worse
    return learnt(np.ones(len(silent), dtype=bool)) if helps else None


def _factor(counts: Regression, columns: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.exp(np.clip(counts(columns), -_MOST_EXPONENT, _MOST_EXPONENT) / 2.0)


def _middle(silence: Regression, base: Base, histories: Histories, time: float) -> np.ndarray:
    """Mean of the log odds of the base and of the regression."""
    columns = _silence_columns(base, histories, time)
    return (columns[-1] + silence(columns)) / 2.0


def _columns(base: Base, histories: Histories) -> tuple[np.ndarray, ...]:
    """What the number of conversion days is corrected by.

    - three trends: ln of the purchases of late to those expected of the base's rate, with r of
      both added, so that few of them say little; late ones weigh more, over 30, 90 and 270 days
    - the silence in terms of the usual gap
    - how irregular the gaps are: their coefficient of variation
    - the longest gap, of all the time; the silence in terms of it
    - for how long the buyer has gone on visiting without buying
    """
    r, rate = base.parameters.r, base.rate(histories)
    trends = (np.log((late.bought + r) / (late.days * rate + r)) for late in _late(base, histories))
    return (*trends, *_habits(base, histories, rate))


def _silence_columns(base: Base, histories: Histories, time: float) -> tuple[np.ndarray, ...]:
    """What the log odds of silence are corrected by: habits, and the base's log odds."""
    return (*_habits_of_silence(base, histories), _log_odds(base, histories, time))


def _log_odds(base: Base, histories: Histories, time: float) -> np.ndarray:
    silent = base.silence(histories, time)
    silent = np.clip(silent, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    return np.log(silent) - np.log1p(-silent)


def _habits_of_silence(base: Base, histories: Histories) -> tuple[np.ndarray, ...]:
    """The same habits, and

    - three trends: ln of the mean rate after the purchases of late alone to the base's rate
    - the mean value of a conversion day, in terms of everybody's
    - silence, frequency and age
    """
    p, rate = base.parameters, base.rate(histories)
    trends = (
        np.log((late.bought + p.r) / (late.days + p.alpha) / rate)
        for late in _late(base, histories)
    )
    usual = p.p * p.v / (p.q - 1.0)
    value = np.where(histories.mean_value > 0, histories.mean_value, usual)
    return (
        *trends,
        *_habits(base, histories, rate),
        np.log(value / usual),
        np.log1p((histories.today - histories.last).astype(np.float64)),
        np.log1p(histories.x.astype(np.float64)),
        np.log1p(histories.age.astype(np.float64)),
    )


def _habits(base: Base, histories: Histories, rate: np.ndarray) -> tuple[np.ndarray, ...]:
    t_x, age = base.times(histories)
    gaps = _gaps(histories)
    longest = np.where(histories.x > 0, np.maximum(gaps.longest, 1.0), histories.age + 1.0)
    silence = (histories.today - histories.last).astype(np.float64)
    visited = (histories.today - histories.last_contact).astype(np.float64)
    return (
        np.log1p((age - t_x) * rate),
        gaps.variation,
        np.log1p(gaps.longest) - np.log1p(histories.age.astype(np.float64)),
        np.log1p(silence / longest),
        np.log1p(np.maximum(silence - visited, 0.0)),
    )


class _Late(NamedTuple):
    """Repeat purchases of late, each weighing e^(−days ago ÷ scale), and the days that a buyer had
    for them, weighing the same."""

    bought: np.ndarray
    days: np.ndarray


def _late(base: Base, histories: Histories) -> list[_Late]:
    now = float(base.clock.at(np.array([histories.today]))[0])
    age = base.times(histories)[1]
    is_repeat = histories.days > histories.first[histories.buyer]
    who, ago = histories.buyer[is_repeat], now - base.clock.at(histories.days[is_repeat])
    return [
        _Late(
            np.bincount(who, np.exp(-ago / scale), len(histories.x)),
            scale * -np.expm1(-age / scale),
        )
        for scale in _TRENDS
    ]


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The gaps between a buyer's conversion days, in days; 0 without any.

    :param variation: standard deviation ÷ mean; 1, as of a Poisson process, for less than two
    """

    longest: np.ndarray
    variation: np.ndarray


def _gaps(histories: Histories) -> _Gaps:
    buyers = len(histories.x)
    same = histories.buyer[1:] == histories.buyer[:-1]
    who, gap = histories.buyer[1:][same], np.diff(histories.days)[same].astype(np.float64)
    count = np.maximum(histories.x, 1)
    mean = np.bincount(who, gap, buyers) / count
    spread = np.maximum(np.bincount(who, gap * gap, buyers) / count - mean * mean, 0.0)
    variation = np.where(histories.x > 1, np.sqrt(spread) / np.maximum(mean, 1.0), 1.0)
    longest = np.zeros(buyers)
    np.maximum.at(longest, who, gap)
    return _Gaps(longest, variation)


def _joined(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0)))


def _shift(log_odds: np.ndarray, mean: float) -> float:
    """What has to be added to all log odds for the probabilities to have this mean."""
    low, high = -50.0, 50.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if _probability(log_odds + middle).mean() < mean:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
