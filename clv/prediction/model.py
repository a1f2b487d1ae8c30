"""The calibrated model, version 2: the base, its corrections, and those who have not bought yet.

Pure. :func:`fit` learns from a :class:`~clv.prediction.log.Log`; the model predicts for histories
and visitors. Days ahead need not be whole.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clv.errors import NotFitted
from clv.prediction import base as bases
from clv.prediction import btyd
from clv.prediction import corrections as correcting
from clv.prediction import visitors as visiting
from clv.prediction.base import Base
from clv.prediction.btyd import Parameters
from clv.prediction.btyd_fit import Purchases
from clv.prediction.corrections import Corrections, Lesson
from clv.prediction.log import Histories, Log, Population, Visits, newcomer, population
from clv.prediction.regression import Regression
from clv.prediction.seasons import Clock
from clv.prediction.visitors import Visitors

# Lessons are of half of the history, at most this long.
_LESSON_DAYS = 365
_LESSONS = 4
# What is known before a lesson begins, at least: of buyers who are hardly known yet, lessons would
# teach to distrust the base, which knows them better by now.
_MIN_KNOWN_SHARE = 3 / 8
_MIN_KNOWN_DAYS = 28
_MIN_LESSON_BUYERS = 100
# Seasons are tried on the last quarter of a year.
_SEASON_DAYS = 91


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model. Amounts are in the unit of the log that it was fitted to.

    :param corrections: None where there was too little to learn them from
    :param visitors: None where too few visitors have become buyers
    """

    base: Base
    corrections: Corrections | None = None
    visitors: Visitors | None = None

    def purchases(self, histories: Histories, days: float) -> np.ndarray:
        """Expected conversion days of buyers."""
        expected = self.base.purchases(histories, self.base.time(histories.today, days))
        if self.corrections is None:
            return expected
        return expected * self.corrections.factor(self.base, histories)

    def revenue(self, histories: Histories, days: float) -> np.ndarray:
        """Expected revenue of buyers: days times value, which the model takes as independent."""
        return self.purchases(histories, days) * self.base.value(histories)

    def silence(self, histories: Histories, days: float) -> np.ndarray:
        """P(no conversion) of buyers."""
        time = self.base.time(histories.today, days)
        if self.corrections is None:
            return self.base.silence(histories, time)
        return self.corrections.silence_probability(self.base, histories, time)

    def days_to_next(self, histories: Histories) -> np.ndarray:
        """The median of the days until the next conversion of buyers: those within which silence
        has fallen to one half; infinite if it never does."""
        half = np.full(len(histories.x), 0.5)
        if self.corrections is not None:
            half = self.corrections.uncorrected(self.base, histories, 0.5)
        times = self.base.time_of_silence(histories, half)
        return self.base.clock.days(histories.today, times)

    def interval(
        self, histories: Histories, days: float, level: float, draws: int = btyd.DRAWS
    ) -> tuple[float, float]:
        """``btyd.interval`` of the only buyer in the histories."""
        factor = np.ones(1)
        if self.corrections is not None:
            factor = self.corrections.factor(self.base, histories)
        (t_x,), (age,) = self.base.times(histories)
        return btyd.interval(
            self.base.parameters_of(int(histories.first[0])),
            int(histories.x[0]),
            float(t_x),
            float(age),
            float(histories.mean_value[0]),
            self.base.time(histories.today, days),
            level,
            float(factor[0]),
            draws,
        )

    def visitors_purchases(self, visits: Visits, today: int, days: float) -> np.ndarray:
        """Expected conversion days of visitors: the first, and those of a new buyer in the half of
        the time that is left on average."""
        if self.visitors is None:
            return np.zeros(len(visits.visits))
        new = newcomer(today)
        later = float(self.base.purchases(new, self.base.time(today, days / 2.0))[0])
        return (1.0 - self.visitors_silence(visits, days)) * (1.0 + later)

    def visitors_revenue(self, visits: Visits, today: int, days: float) -> np.ndarray:
        """Expected revenue of visitors: their conversion days at everybody's mean value."""
        return self.visitors_purchases(visits, today, days) * self.usual_value

    def visitors_silence(self, visits: Visits, days: float) -> np.ndarray:
        """P(no conversion) of visitors; 1 where nothing is known of any."""
        if self.visitors is None:
            return np.ones(len(visits.visits))
        return self.visitors.silence(visits, days)

    def visitors_days_to_next(self, visits: Visits) -> np.ndarray:
        """The median of the days until the first conversion of visitors."""
        if self.visitors is None:
            return np.full(len(visits.visits), np.inf)
        return self.visitors.median_days(visits)

    @property
    def usual_value(self) -> float:
        """Mean value of a conversion day of all buyers."""
        p = self.base.parameters
        return p.p * p.v / (p.q - 1.0)

    def to_dict(self) -> dict[str, Any]:
        """The model, for JSON."""
        return asdict(self)


def from_dict(values: Mapping[str, Any]) -> Model:
    """The inverse of :meth:`Model.to_dict`."""
    base, corrections, visitors = (values.get(n) for n in ("base", "corrections", "visitors"))
    if base is None:
        raise ValueError("There is no base.")
    early = base["early"]
    return Model(
        Base(
            Parameters.from_dict(base["parameters"]),
            Clock(tuple(base["clock"]["factors"])),
            None if early is None else Purchases(*early),
            base["since"],
        ),
        None if corrections is None else _corrections(corrections),
        None if visitors is None else Visitors(**visitors),
    )


def fit(log: Log, today: int, days: float, silence_days: float) -> Model:
    """Learn from what is known by the end of a day.

    :param days: within which revenue will be predicted
    :param silence_days: within which silence will be
    :raises NotFitted: with the reason, if the data don't determine the model
    """
    known = log.between(0, today)
    now = population(known, today)
    if not len(now.buyers):
        raise NotFitted("Nobody has bought yet.")
    earlier = population(known.between(0, today - _SEASON_DAYS), today - _SEASON_DAYS)
    base = bases.fit(now.histories, earlier.histories if len(earlier.buyers) else None)
    length = _lesson_days(now, days)
    ends = _lesson_ends(now, length)
    begun = [population(known.between(0, end), end) for end in ends]
    lessons = [lesson for one in begun if (lesson := _lesson(known, base, one, length))]
    corrections = None
    if lessons and len(now.buyers) >= correcting.MIN_BUYERS:
        times = (base.time(today, days), base.time(today, silence_days))
        corrections = correcting.fit(base, now.histories, lessons, *times)
    visits = [(one.visits, _bought(known, one, length)[one.visitors] > 0) for one in begun]
    return Model(base, corrections, visiting.fit(visits, length))


def _lesson_days(now: Population, days: float) -> int:
    span = now.histories.today - int(now.histories.first.min()) + 1
    return max(1, min(_LESSON_DAYS, span // 2, int(days)))


def _lesson_ends(now: Population, length: int) -> list[int]:
    """The last days that are known in each lesson."""
    first, today = int(now.histories.first.min()), now.histories.today
    least = max(_MIN_KNOWN_DAYS, int(_MIN_KNOWN_SHARE * (today - first)))
    ends = (today - length - lesson * length // 4 for lesson in range(_LESSONS))
    return [end for end in ends if end - first >= least]


def _lesson(log: Log, base: Base, then: Population, length: int) -> Lesson | None:
    if len(then.buyers) < _MIN_LESSON_BUYERS:
        return None
    time = base.time(then.histories.today, length)
    return Lesson(then.buyers, then.histories, time, _bought(log, then, length)[then.buyers])


def _bought(log: Log, then: Population, length: int) -> np.ndarray:
    """The number of conversion days of all customers in the days after a lesson begins."""
    today = then.histories.today
    after = log.converts & (log.day > today) & (log.day <= today + length)
    return np.bincount(log.customer[after], minlength=log.customers)


def _corrections(values: Mapping[str, Any]) -> Corrections:
    counts, silence = (
        None if part is None else Regression(part["intercept"], tuple(part["coefficients"]))
        for part in (values["counts"], values["silence"])
    )
    return Corrections(counts, silence, values["scale"], values["shift"])
