"""What the calibrated model predicts for a customer.

Pure. Predicted revenue is the expected revenue over the lifespan; churn is the no-purchase
probability within the churn horizon (:mod:`clv.prediction.btyd`). Which model serves is decided in
:mod:`clv.prediction.choice`. Score and segment are the same with every model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.domain import scoring
from clv.domain.distribution import Distribution
from clv.domain.scoring import Prediction, Scores, Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS
from clv.prediction import btyd
from clv.prediction.btyd import Parameters
from clv.prediction.choice import Calibration

# The probability that a customer's revenue lies in the interval.
LEVEL = 0.8
# The largest float64 that is still an integer the database can store.
_MAX_AMOUNT = float(2**63 - 1024)
# BG/NBD describes buyers only. For a customer who never converted the run rate is 0, too; any
# probability but 1 would be a conversion rate that was not estimated.
NON_BUYER_REVENUE, NON_BUYER_CHURN = 0, 1.0


@dataclass(frozen=True, slots=True)
class History:
    """Buyers' conversion days, as ``btyd`` takes them: arrays of one value per buyer.

    :param x: frequency: conversion days after the first
    :param t_x: recency: days from the first to the last
    :param age: T: days from the first to now
    :param mean_value: mean value of all ``x + 1`` days, in 1/10,000
    """

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    mean_value: np.ndarray


def history(
    days: np.ndarray, first_day: np.ndarray, last_day: np.ndarray, value: np.ndarray, today: int
) -> History:
    """Buyers' histories, from the fields of ``clv.domain.scoring.Purchases``.

    :param today: in days since 1970; the last day with a conversion, if that is later (clocks
        differ)
    """
    age = np.maximum(last_day, today) - first_day
    x, t_x, age = (counts.astype(np.int32) for counts in (days - 1, last_day - first_day, age))
    return History(x, t_x, age, value / days)


def score_customers(
    customers: Sequence[Totals],
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    serving: Calibration | None,
) -> list[Scores]:
    """``clv.domain.scoring.score_customers`` with the predictions of what serves.

    :param serving: None for rfm
    """
    predictions = predict(customers, settings, as_of_ms, serving)
    return scoring.score_customers(customers, distribution, settings, as_of_ms, predictions)


def predict(
    customers: Sequence[Totals], settings: ScoreSettings, as_of_ms: int, serving: Calibration | None
) -> list[Prediction] | None:
    """What the calibrated model predicts for each customer, of revenue and churn what it serves;
    None if that is neither.

    One customer alone gets the same to the last bit as among others.
    """
    if serving is None or serving.fitted is None:
        return None
    fitted, model = serving.fitted, serving.index
    by_us = serving.revenue.is_calibrated, serving.churn.is_calibrated
    non_buyer = Prediction(
        NON_BUYER_REVENUE if by_us[0] else None, NON_BUYER_CHURN if by_us[1] else None, model
    )
    buyers = [totals for totals in customers if totals.purchases is not None]
    if not buyers:
        return [non_buyer] * len(customers)
    histories = _histories(buyers, settings.zone.day(as_of_ms))
    by_rfm = [None] * len(buyers)
    revenue = _revenue(histories, settings, fitted) if by_us[0] else by_rfm
    churn = _churn(histories, settings, fitted) if by_us[1] else by_rfm
    predictions = zip(revenue, churn, strict=True)
    return [
        non_buyer if totals.purchases is None else Prediction(*next(predictions), model)
        for totals in customers
    ]


def interval(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, parameters: Parameters
) -> tuple[int, int] | None:
    """The amounts, in 1/10,000, between which a customer's revenue over the lifespan lies with a
    probability of :data:`LEVEL`; None without a conversion."""
    if totals.purchases is None:
        return None
    history = _histories([totals], settings.zone.day(as_of_ms))
    x, t_x, age = int(history.x[0]), int(history.t_x[0]), int(history.age[0])
    mean_value, days = float(history.mean_value[0]), lifespan_days(settings)
    low, high = btyd.interval(parameters, x, t_x, age, mean_value, days, LEVEL)
    return int(min(low, _MAX_AMOUNT)), int(min(high, _MAX_AMOUNT))


def lifespan_days(settings: ScoreSettings) -> float:
    """The lifespan in days: 24 months are 730.5 days."""
    return settings.lifespan_months * MONTH_DAYS


def _histories(buyers: Sequence[Totals], today: int) -> History:
    days, first_day, last_day, value = np.array(
        [(p.days, p.first_day, p.last_day, p.value) for p in (b.purchases for b in buyers) if p],
        dtype=np.float64,
    ).T
    return history(days, first_day, last_day, value, today)


def _revenue(histories: History, settings: ScoreSettings, parameters: Parameters) -> list[int]:
    """In 1/10,000, truncated as the run rate is."""
    revenue = btyd.predicted_revenue(
        parameters,
        histories.x,
        histories.t_x,
        histories.age,
        histories.mean_value,
        lifespan_days(settings),
    )
    return [int(amount) for amount in np.minimum(revenue, _MAX_AMOUNT).tolist()]


def _churn(histories: History, settings: ScoreSettings, parameters: Parameters) -> list[float]:
    churn = btyd.no_purchase_probability(
        parameters, histories.x, histories.t_x, histories.age, settings.churn_horizon_days
    )
    return np.clip(churn, 0.0, 1.0).tolist()
