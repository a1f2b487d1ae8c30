"""What the calibrated model expects of one customer within a horizon.

Pure. The horizon is a number of whole days up to the lifespan. A lifespan of 24 months has 730.5
days: the horizon of 730 days means all of it, so that the expected revenue within it is the
predicted revenue.

A customer whom the model says nothing about has a forecast of nulls: one who never had a
conversion, and any customer where rfm serves, for which nothing was fitted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.domain.scoring import Purchases, Totals
from clv.domain.settings import ScoreSettings
from clv.prediction import btyd, calibrated
from clv.prediction.btyd import Parameters
from clv.prediction.calibrated import History

# The horizons that a customer's explanation has beside the lifespan: a quarter and a year.
HORIZONS = (90, 365)
# Of lists and files, unless they ask for another one.
DEFAULT_HORIZON_DAYS = 365
# As large as a predicted revenue can be.
_MAX_AMOUNT = float(2**63 - 1024)


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
    parameters: Parameters | None,
    horizon_days: int,
) -> list[Forecast]:
    """A forecast for each customer. One alone gets the same to the last bit as among others.

    :param customers: None without summaries
    :param as_of_ms: for each customer, the time that the horizon begins at
    :param parameters: of the calibrated model; None where none was fitted, or rfm serves
    """
    made = [Forecast(horizon_days)] * len(customers)
    if parameters is None:
        return made
    for today, buyers in _by_day(customers, as_of_ms, settings).items():
        history = _history([purchases for _, purchases in buyers], today)
        forecasts = _forecasts(history, settings, parameters, horizon_days)
        for (place, _), forecast in zip(buyers, forecasts, strict=True):
            made[place] = forecast
    return made


def _by_day(
    customers: Sequence[Totals | None], as_of_ms: Sequence[int], settings: ScoreSettings
) -> dict[int, list[tuple[int, Purchases]]]:
    """The places of those who bought and what they bought, by the day of their forecast. The
    records of a run have all the same day."""
    buyers: dict[int, list[tuple[int, Purchases]]] = defaultdict(list)
    for place, (totals, ms) in enumerate(zip(customers, as_of_ms, strict=True)):
        if totals is not None and totals.purchases is not None:
            buyers[settings.zone.day(ms)].append((place, totals.purchases))
    return buyers


def _history(purchases: Sequence[Purchases], today: int) -> History:
    days, first_day, last_day, value = np.array(purchases, dtype=np.float64).T
    return calibrated.history(days, first_day, last_day, value, today)


def _forecasts(
    history: History, settings: ScoreSettings, parameters: Parameters, horizon_days: int
) -> list[Forecast]:
    of_buyer = (parameters, history.x, history.t_x, history.age)
    lifespan = calibrated.lifespan_days(settings)
    horizon = lifespan if horizon_days == longest_horizon(settings) else float(horizon_days)
    conversions = btyd.expected_purchases(*of_buyer, horizon)
    value = btyd.expected_value(parameters, history.x + 1.0, history.mean_value)
    median = days_to_next(*of_buyer)
    columns = (
        conversions.tolist(),
        _amounts(conversions * value),
        np.where(median <= lifespan, median, np.nan).tolist(),
        np.clip(btyd.p_alive(*of_buyer), 0.0, 1.0).tolist(),
        _amounts(value),
    )
    return [
        Forecast(horizon_days, count, revenue, None if days != days else days, active, each)
        for count, revenue, days, active, each in zip(*columns, strict=True)
    ]


def days_to_next(
    parameters: Parameters, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """The median of the days until a buyer's next conversion; infinite for a buyer who has stopped
    with a probability of one half or more.

    ``btyd.no_purchase_probability`` = 1/2 solved for the horizon:
    (α + T) · ((1 − 1/(2 · P(alive)))^(−1/(r + x)) − 1). With x = 2, t_x = 213, T = 272 it is
    206.3.
    """
    alive = btyd.p_alive(parameters, x, t_x, age)
    with np.errstate(divide="ignore", over="ignore"):
        waits = np.log1p(-np.minimum(0.5 / alive, 1.0))
        return (parameters.alpha + age) * np.expm1(-waits / (parameters.r + x))


def _amounts(values: np.ndarray) -> list[int]:
    """In 1/10,000, truncated as the predicted revenue is."""
    return [int(amount) for amount in np.minimum(values, _MAX_AMOUNT).tolist()]
