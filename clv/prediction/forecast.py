"""What the calibrated model expects of one customer within a horizon.

Pure. The horizon is a number of whole days up to the lifespan. A lifespan of 24 months has 730.5
days: the horizon of 730 days means all of it, so that the expected revenue within it is the
predicted revenue.

What the calibrated model does not predict is null: expected conversions, revenue and value where
rfm predicts revenue, the next conversion and P(alive) where rfm predicts churn. So is P(alive) of
who has not bought yet.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.domain.scoring import Totals
from clv.domain.settings import ScoreSettings
from clv.prediction import calibrated
from clv.prediction.calibrated import Customers
from clv.prediction.choice import Calibration
from clv.prediction.model import Model

# The horizons that a customer's explanation has beside the lifespan: a quarter and a year.
HORIZONS = (90, 365)
# Of lists and files, unless they ask for another one.
DEFAULT_HORIZON_DAYS = 365


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one customer; nulls where the model says nothing.

    :param expected_conversions: number of days with a conversion within the horizon
    :param expected_revenue: within the horizon, in 1/10,000
    :param expected_days_to_next_conversion: within so many days the next conversion comes with a
        probability of one half; None if that takes longer than the lifespan
    :param probability_active: P(alive)
    :param average_conversion_value: expected value of a day with a conversion, in 1/10,000
    """

    horizon_days: int
    expected_conversions: float | None = None
    expected_revenue: int | None = None
    expected_days_to_next_conversion: float | None = None
    probability_active: float | None = None
    average_conversion_value: int | None = None


def longest_horizon(settings: ScoreSettings) -> int:
    """The whole days of the lifespan: 730 of 24 months."""
    return int(calibrated.lifespan_days(settings))


def default_horizon(settings: ScoreSettings) -> int:
    """The horizon of lists and files that ask for none: a year, or the lifespan if it is less."""
    return min(DEFAULT_HORIZON_DAYS, longest_horizon(settings))


def horizons(settings: ScoreSettings) -> list[int]:
    """The horizons of an explanation that asks for none: a quarter, a year and the lifespan."""
    longest = longest_horizon(settings)
    return [*(days for days in HORIZONS if days < longest), longest]


def forecast_customers(
    customers: Sequence[Totals | None],
    as_of_ms: Sequence[int],
    settings: ScoreSettings,
    serving: Calibration | None,
    horizon_days: int,
) -> list[Forecast]:
    """A forecast for each customer. One alone gets the same to the last bit as among others.

    :param customers: None without summaries
    :param as_of_ms: for each customer, the time that the horizon begins at
    :param serving: what predicts; where it is not the calibrated model, there is no forecast
    """
    made = [Forecast(horizon_days)] * len(customers)
    if serving is None or serving.fitted is None:
        return made
    # Of visitors nothing is known where too few of them have bought.
    visitors = serving.fitted.visitors is not None
    for ms, known in _by_day(customers, as_of_ms, settings, visitors).items():
        those = Customers([totals for _, totals in known], settings, ms)
        forecasts = _forecasts(those, settings, serving, serving.fitted, horizon_days)
        for (place, _), forecast in zip(known, forecasts, strict=True):
            made[place] = forecast
    return made


def _by_day(
    customers: Sequence[Totals | None],
    as_of_ms: Sequence[int],
    settings: ScoreSettings,
    visitors: bool,
) -> dict[int, list[tuple[int, Totals]]]:
    """The places of those who did something and what it was, by a moment of the day of their
    forecast. The records of a run have all the same day."""
    moments: dict[int, int] = {}
    known: dict[int, list[tuple[int, Totals]]] = defaultdict(list)
    for place, (totals, ms) in enumerate(zip(customers, as_of_ms, strict=True)):
        if totals is None:
            continue
        if totals.purchases is not None or visitors and totals.frequency > 0:
            moment = moments.setdefault(settings.zone.day(ms), ms)
            known[moment].append((place, totals))
    return known


def _forecasts(
    those: Customers,
    settings: ScoreSettings,
    serving: Calibration,
    fitted: Model,
    horizon_days: int,
) -> list[Forecast]:
    lifespan = calibrated.lifespan_days(settings)
    horizon = lifespan if horizon_days == longest_horizon(settings) else float(horizon_days)
    nothing: list[None] = [None] * len(those.bought)
    conversions: Sequence[float | None] = nothing
    revenue: Sequence[int | None] = nothing
    value: Sequence[int | None] = nothing
    days: Sequence[float | None] = nothing
    active: Sequence[float | None] = nothing
    if serving.revenue.is_calibrated:
        conversions = those.purchases(fitted, horizon).tolist()
        revenue = calibrated.amounts(those.revenue(fitted, horizon))
        value = calibrated.amounts(those.value(fitted))
    if serving.churn.is_calibrated:
        median = those.days_to_next(fitted)
        days = _known(np.where(median <= lifespan, median, np.nan))
        active = _known(those.active(fitted))
    columns = zip(conversions, revenue, days, active, value, strict=True)
    return [Forecast(horizon_days, *column) for column in columns]


def _known(values: np.ndarray) -> list[float | None]:
    """None for NaN."""
    return [None if value != value else value for value in values.tolist()]
