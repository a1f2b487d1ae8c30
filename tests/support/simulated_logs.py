"""Logs of simulated customers with a known structure, for tests of what the model finds in them."""

from collections.abc import Sequence

import numpy as np

from clv.prediction.btyd_fit import Purchases
from clv.prediction.log import Log
from clv.prediction.seasons import NO_SEASONS, Clock, normalised
from tests.support import buyers

# 2020-01-01, in days since 1970.
FIRST_DAY = 18_262
ALL_ALIKE = Purchases(0.8, 40.0, 0.6, 2.5)
_DAYS_TO_1970 = 719_163


def of_days(customer: np.ndarray, day: np.ndarray, value: np.ndarray) -> Log:
    """A log of purchases alone: one row per customer and day, in order."""
    rows = len(day)
    converts = np.ones(rows, dtype=bool)
    columns = (customer, day, np.ones(rows), converts, value, value, day, day)
    return Log(int(customer.max()) + 1, *columns)


def cdnow() -> Log:
    """The packaged purchase log."""
    log = buyers.cdnow()
    return of_days(log.buyer, log.day - _DAYS_TO_1970, log.value)


def shop(
    customers: int,
    days: int,
    seed: int = 1,
    seasons: Sequence[float] = (),
    purchases: Purchases = ALL_ALIKE,
    early: Purchases | None = None,
    days_before: int = 0,
) -> Log:
    """Buyers as BG/NBD in seasonal time describes them, who come at any time, and whose log begins
    on :data:`FIRST_DAY`.

    :param early: of those who came before, in the ``days_before`` that the log does not have
    """
    random = np.random.default_rng(seed)
    clock = Clock(normalised(np.array(seasons))) if seasons else NO_SEASONS
    times = clock.at(np.arange(FIRST_DAY - days_before, FIRST_DAY + days))
    begin = random.integers(0, len(times), customers)
    is_early = begin < days_before
    drawn = [
        (random.gamma(p.r, 1 / p.alpha, customers), random.beta(p.a, p.b, customers))
        for p in (purchases, early or purchases)
    ]
    rate, stop = (np.where(is_early, *both[::-1]) for both in zip(*drawn, strict=True))
    time, alive, rows = times[begin].copy(), np.arange(customers), [(np.arange(customers), begin)]
    while len(alive):
        time[alive] += random.exponential(1 / rate[alive])
        alive = alive[time[alive] <= times[-1]]
        rows.append((alive.copy(), np.searchsorted(times, time[alive])))
        alive = alive[random.random(len(alive)) >= stop[alive]]
    who, day = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    who, day = who[day >= days_before], day[day >= days_before] - days_before + FIRST_DAY
    keys = np.unique(who * 10**6 + day)
    scale = random.gamma(4, 1 / 15.0, customers)
    value = random.gamma(6, 1 / scale[keys // 10**6])
    return of_days(np.unique(keys // 10**6, return_inverse=True)[1], keys % 10**6, value)


def visits(customers: int, days: int = 365, seed: int = 3) -> Log:
    """Visitors who come back as long as they like, and buy at some of their visits."""
    random = np.random.default_rng(seed)
    begin, gap = random.integers(0, days, customers), 1 / random.gamma(0.7, 1 / 10.0, customers)
    stop, buy = random.beta(0.5, 1.5, customers), random.beta(0.3, 4, customers)
    rows = []
    for customer in range(customers):
        day = int(begin[customer])
        while day < days:
            bought = random.random() < buy[customer]
            rows.append((customer, day + FIRST_DAY, bought, random.gamma(6, 10) * bought))
            if random.random() < stop[customer]:
                break
            day += int(min(np.ceil(random.exponential(gap[customer])), days)) or 1
    who, day, bought, value = (np.array(column) for column in zip(*rows, strict=True))
    return Log(customers, who, day, np.ones(len(day)), bought, value, value, day, day)
