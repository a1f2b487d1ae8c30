"""The calibrated model: when it is in use instead of rfm, and what it predicts for a customer.

Pure. Predicted revenue is the expected revenue over the lifespan; churn is the no-purchase
probability within the churn horizon (:mod:`clv.prediction.btyd`). Score and segment are the same
with every model.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.domain import scoring
from clv.domain.distribution import Distribution
from clv.domain.scoring import CALIBRATED, RFM, Prediction, Scores, Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS
from clv.prediction import btyd
from clv.prediction.btyd import Parameters

# The probability that a customer's revenue lies in the interval.
LEVEL = 0.8
# The largest float64 that is still an integer the database can store.
_MAX_AMOUNT = float(2**63 - 1024)
# BG/NBD describes buyers only. For a customer who never converted the run rate is 0, too; any
# probability but 1 would be a conversion rate that was not estimated.
NON_BUYER = Prediction(0, 1.0, CALIBRATED)
AS_SET = "The tenant's settings say so."
NOT_FITTED_YET = (
    "The calibrated model is fitted by a full run, and none has finished since it was chosen."
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Which model a tenant's predictions are made by, and why.

    :param parameters: of the calibrated model; None means rfm
    :param reason: a sentence
    :param as_of_ms: time of the fit; None if none was tried
    """

    parameters: Parameters | None
    reason: str
    as_of_ms: int | None = None

    @property
    def model(self) -> int:
        """The model in use: its index in ``clv.domain.scoring.MODELS``."""
        return RFM if self.parameters is None else CALIBRATED

    def to_json(self) -> str:
        """The calibration as it is stored with a snapshot."""
        parameters = None if self.parameters is None else self.parameters.to_dict()
        stored = {"parameters": parameters, "reason": self.reason, "as_of_ms": self.as_of_ms}
        return json.dumps(stored, ensure_ascii=False)


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


def from_json(text: str) -> Calibration:
    """The inverse of :meth:`Calibration.to_json`."""
    stored = json.loads(text)
    parameters = stored["parameters"]
    if parameters is not None:
        parameters = Parameters.from_dict(parameters)
    return Calibration(parameters, stored["reason"], stored["as_of_ms"])


def serving(settings: ScoreSettings, calibration: Calibration | None) -> Calibration:
    """Which model is in use for a tenant with these settings, and why.

    :param calibration: of the last full run; None before the first
    """
    if settings.model == "rfm":
        return Calibration(None, AS_SET)
    return calibration or Calibration(None, NOT_FITTED_YET)


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
    parameters: Parameters | None,
) -> list[Scores]:
    """``clv.domain.scoring.score_customers`` with the predictions of the model in use.

    :param parameters: of the calibrated model; None for rfm
    """
    predictions = predict(customers, settings, as_of_ms, parameters)
    return scoring.score_customers(customers, distribution, settings, as_of_ms, predictions)


def predict(
    customers: Sequence[Totals],
    settings: ScoreSettings,
    as_of_ms: int,
    parameters: Parameters | None,
) -> list[Prediction] | None:
    """The calibrated model's prediction for each customer; None for rfm.

    One customer alone gets the same to the last bit as among others.
    """
    if parameters is None:
        return None
    buyers = [totals for totals in customers if totals.purchases is not None]
    if not buyers:
        return [NON_BUYER] * len(customers)
    histories = _histories(buyers, settings.zone.day(as_of_ms))
    revenue = _revenue(histories, settings, parameters)
    churn = _churn(histories, settings, parameters)
    predictions = zip(revenue, churn, strict=True)
    return [
        NON_BUYER if totals.purchases is None else Prediction(*next(predictions), CALIBRATED)
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
