"""The calibrated model at the place of the run rate: where it serves, and what it predicts.

Pure. Score and segment are those of ``clv.domain.scoring`` whatever the model. Predicted revenue is
the expected revenue over the lifespan, churn the probability that no conversion comes within the
horizon (``clv.prediction.btyd``). Of who never had a conversion the model knows nothing: revenue 0,
churn 1.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv.domain import scoring
from clv.domain.distribution import Distribution
from clv.domain.scoring import CALIBRATED, RFM, Prediction, Scores, Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS, MONTH_DAYS_DENOMINATOR, MONTH_DAYS_NUMERATOR
from clv.prediction import btyd
from clv.prediction.btyd import Parameters

# How probable it is that a customer's revenue lies in the interval.
LEVEL = 0.8
# The greatest float64 below the greatest integer that can be stored.
_MOST = float(2**63 - 1024)
AS_SET = "The tenant's settings say so."
NEVER = Prediction(0, 1.0, CALIBRATED)
NOT_FITTED_YET = (
    "The calibrated model is fitted by a full run, and none has finished since it was chosen."
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known about the calibrated model of a tenant.

    :param parameters: of the calibrated model, which serves then; None where rfm does
    :param reason: why that one serves: a sentence
    :param as_of_ms: when that was found out, None if it did not have to be
    """

    parameters: Parameters | None
    reason: str
    as_of_ms: int | None = None

    @property
    def model(self) -> int:
        """The number of the model that serves, of ``clv.domain.scoring.MODELS``."""
        return RFM if self.parameters is None else CALIBRATED

    def to_json(self) -> str:
        """As it is stored with a snapshot."""
        parameters = None if self.parameters is None else self.parameters.to_dict()
        stored = {"parameters": parameters, "reason": self.reason, "as_of_ms": self.as_of_ms}
        return json.dumps(stored, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class History:
    """Buyers' days with conversions as ``btyd`` takes them: arrays of one value a buyer.

    :param x: days after the first
    :param t_x: days from the first to the last
    :param age: days from the first to now
    :param mean_value: of all ``x + 1`` days, in 1/10,000
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
    """Which model serves a tenant with these settings, and why.

    :param calibration: what the last full run found out, None before the first
    """
    if settings.model == "rfm":
        return Calibration(None, AS_SET)
    return calibration or Calibration(None, NOT_FITTED_YET)


def history(
    days: np.ndarray, first_day: np.ndarray, last_day: np.ndarray, value: np.ndarray, today: int
) -> History:
    """Buyers' histories, from the fields of ``clv.domain.scoring.Purchases``.

    :param today: days since 1970; a later day of the data (clocks differ) is taken for it
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
    """``clv.domain.scoring.score_customers``, predicted by the model that serves.

    :param parameters: None where that is rfm
    """
    predictions = predict(customers, settings, as_of_ms, parameters)
    return scoring.score_customers(customers, distribution, settings, as_of_ms, predictions)


def predict(
    customers: Sequence[Totals],
    settings: ScoreSettings,
    as_of_ms: int,
    parameters: Parameters | None,
) -> list[Prediction] | None:
    """What the calibrated model predicts of each customer, the same of one as of many to the last
    bit; None where rfm serves."""
    if parameters is None:
        return None
    buyers = [totals for totals in customers if totals.purchases is not None]
    if not buyers:
        return [NEVER] * len(customers)
    found = _history(buyers, as_of_ms)
    predictions = zip(
        _revenue(found, settings, parameters), _churn(found, settings, parameters), strict=True
    )
    return [
        NEVER if totals.purchases is None else Prediction(*next(predictions), CALIBRATED)
        for totals in customers
    ]


def interval(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, parameters: Parameters
) -> tuple[int, int] | None:
    """Between which amounts, in 1/10,000, the customer's revenue over the lifespan lies with a
    probability of :data:`LEVEL`; None of who never had a conversion."""
    if totals.purchases is None:
        return None
    found = _history([totals], as_of_ms)
    low, high = btyd.interval(
        parameters,
        int(found.x[0]),
        int(found.t_x[0]),
        int(found.age[0]),
        float(found.mean_value[0]),
        lifespan_days(settings),
        LEVEL,
    )
    return int(min(low, _MOST)), int(min(high, _MOST))


def lifespan_days(settings: ScoreSettings) -> float:
    """24 months are 730.5 days."""
    return settings.lifespan_months * MONTH_DAYS_NUMERATOR / MONTH_DAYS_DENOMINATOR


def _history(customers: Sequence[Totals], as_of_ms: int) -> History:
    days, first_day, last_day, value = np.array(
        [(p.days, p.first_day, p.last_day, p.value) for p in (c.purchases for c in customers) if p],
        dtype=np.float64,
    ).T
    return history(days, first_day, last_day, value, as_of_ms // DAY_MS)


def _revenue(found: History, settings: ScoreSettings, parameters: Parameters) -> list[int]:
    """In integers of 1/10,000, cut off: as the run rate's."""
    revenue = btyd.predicted_revenue(
        parameters, found.x, found.t_x, found.age, found.mean_value, lifespan_days(settings)
    )
    return [int(amount) for amount in np.minimum(revenue, _MOST).tolist()]


def _churn(found: History, settings: ScoreSettings, parameters: Parameters) -> list[float]:
    churn = btyd.probability_of_silence(
        parameters, found.x, found.t_x, found.age, settings.churn_horizon_days
    )
    return np.clip(churn, 0.0, 1.0).tolist()
