"""Fits the seasonal clock (:mod:`clv.prediction.seasons`) together with BG/NBD, by EM.

Pure. In turns: BG/NBD is fitted in the time of the clock, and each month's factor becomes
``(repeat days + 30) / (expected repeat days without seasons + 30)``. Whether a buyer is alive is
not known, so a buyer is expected to buy at P(alive)·(r + x)/(α + T), and up to the last purchase at
(1 − P(alive))·(r + x)/(α + t_x) besides (Dempster, Laird, Rubin 1977).
"""

import math

import numpy as np

from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit
from clv.prediction.btyd import Parameters
from clv.prediction.btyd_fit import Purchases
from clv.prediction.log import Histories
from clv.prediction.seasons import MONTHS, NO_SEASONS, Clock, months, normalised

# Twelve months of history show each month once.
MIN_DAYS = 365
# Repeat days that pull the factor of a month towards 1.
_PRIOR_DAYS = 30.0
_ROUNDS = 12
_CONVERGED = 0.003
# The clock is fitted on at most about this many buyers.
_SAMPLE_SIZE = 50_000


def fit(histories: Histories, before: Histories | None = None) -> tuple[Clock, Purchases]:
    """The clock, and the parameters of BG/NBD in its time.

    There are seasons if the Bayesian information criterion says so, and if what came next was
    foretold better with the clock that was known before than without one. One cycle can't tell a
    season from a trend.

    :param before: the histories at an earlier time; without them only the criterion decides
    :raises NotFitted: as ``btyd_fit.fit_purchases``
    """
    plain, _ = btyd_fit.fit_purchases(histories.x, histories.t_x, histories.age)
    clock = _clock(histories, plain)
    if not clock.factors or (before is not None and not _foretells(before, histories)):
        return NO_SEASONS, plain
    table = elapsed(clock, histories)
    purchases, _ = btyd_fit.fit_purchases(
        histories.x, histories.t_x, histories.age, table, near=plain
    )
    return clock, purchases


def elapsed(clock: Clock, histories: Histories) -> np.ndarray:
    """The time of the last 0, 1, 2, … days, up to the oldest age."""
    days = int(histories.age.max()) + 1
    times = clock.at(np.arange(histories.today, histories.today - days, -1))
    return times[0] - times


def _clock(histories: Histories, plain: Purchases) -> Clock:
    if histories.today - int(histories.first.min()) < MIN_DAYS:
        return NO_SEASONS
    step = -(-len(histories.x) // _SAMPLE_SIZE)
    sample = histories.of(np.arange(len(histories.x)) % step == 0)
    clock, purchases = NO_SEASONS, plain
    for _ in range(_ROUNDS):
        factors, gain, events = _factors(sample, clock, purchases)
        before, clock = clock, Clock(factors)
        try:
            purchases, _ = btyd_fit.fit_purchases(
                sample.x, sample.t_x, sample.age, elapsed(clock, sample), near=purchases
            )
        except NotFitted:
            return NO_SEASONS
        known = np.array(before.factors or [1.0] * MONTHS)
        if np.abs(np.array(clock.factors) - known).max() < _CONVERGED:
            break
    is_worth_it = 2.0 * gain > (MONTHS - 1) * math.log(max(events, 1.0))
    return clock if is_worth_it else NO_SEASONS


def _foretells(before: Histories, now: Histories) -> bool:
    """Whether the clock of an earlier time foretells the repeat days since then, month by month,
    better than none does. True if there was too little history for a clock.

    Only buyers known at that time count, and the sum of all months does not: that is the rate.
    """
    if before.today - int(before.first.min()) < MIN_DAYS:
        return True
    plain, _ = btyd_fit.fit_purchases(before.x, before.t_x, before.age)
    clock = _clock(before, plain)
    if not clock.factors:
        return False
    known = now.first[now.buyer] <= before.today
    days = np.arange(before.today + 1, now.today + 1)
    bought = np.bincount(months(now.days[known & (now.days > before.today)]), minlength=MONTHS)
    flat = np.bincount(months(days), minlength=MONTHS).astype(np.float64)
    seasonal = flat * np.array(clock.factors)
    gain = bought @ np.log(np.maximum(seasonal, 1e-9) / np.maximum(flat, 1e-9))
    return bool(gain > bought.sum() * np.log(seasonal.sum() / flat.sum()))


def _factors(
    histories: Histories, clock: Clock, purchases: Purchases
) -> tuple[tuple[float, ...], float, float]:
    """The factors; the gain in log-likelihood of the Poisson process by them; the repeat days."""
    expected = _expected(histories, clock, purchases)
    first_day = histories.today - len(expected) + 1
    month = months(np.arange(first_day, histories.today + 1))
    is_repeat = histories.days > histories.first[histories.buyer]
    repeats = np.bincount(months(histories.days[is_repeat]), minlength=MONTHS)
    flat = np.bincount(month, expected, MONTHS)
    factors = (repeats + _PRIOR_DAYS) / (flat + _PRIOR_DAYS)
    level = repeats.sum() / flat.sum()
    gain = repeats @ np.log(factors / level) - flat @ (factors - level)
    return normalised(factors), float(gain), float(repeats.sum())


def _expected(histories: Histories, clock: Clock, purchases: Purchases) -> np.ndarray:
    """Expected repeat days without seasons, on each day from the one after the first purchase of
    all on, but with the buyers' rates in the time of the clock."""
    p = Parameters(*purchases, 1.0, 2.0, 1.0)
    now = float(clock.at(np.array([histories.today]))[0])
    first, last = clock.at(histories.first), clock.at(histories.last)
    x, t_x, age = histories.x, last - first, now - first
    alive = btyd.p_alive(p, x, t_x, age)
    begin = int(histories.first.min())
    days = histories.today - begin + 1
    changes = np.zeros(days + 1)
    going_on = alive * (p.r + x) / (p.alpha + age)
    stopped = (1.0 - alive) * (p.r + x) / (p.alpha + t_x)
    np.add.at(changes, histories.first - begin + 1, going_on + stopped)
    np.add.at(changes, histories.last - begin + 1, -stopped)
    return np.cumsum(changes)[:days]
