"""Backtests: how well the prediction models would have done on a tenant's own history.

Pure. The history is split in time: models see the calibration period before the split, and their
predictions are compared with the holdout after it. Two forecast, and two show what that is worth:

- ``calibrated``: BG/NBD and Gamma-Gamma (:mod:`clv.prediction.btyd`)
- ``rfm``: run rate and churn curve (:mod:`clv.domain.formulas`)
- ``mean``: the holdout's own mean for everybody. No forecast could know it; a model with a larger
  error does not tell customers apart.
- ``zero``: revenue 0 for everybody. Where most customers buy nothing it has a small error, which is
  why errors decide nothing (:mod:`clv.prediction.verdict`).
"""

from dataclasses import dataclass

import numpy as np

from clv.domain.formulas import CHURN_STEEPNESS
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS
from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit, metrics, verdict
from clv.prediction.calibrated import LEVEL
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, ZERO, Scorecard

# An interval takes 2 ms. Of so many customers the coverage is known within 4 points.
MAX_INTERVALS = 500
# A larger power of e overflows a float64.
_MAX_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class Split:
    """The customers with a conversion before the split: arrays of one value per customer.

    :param x: frequency: conversion days after the first, before the split
    :param t_x: recency: days from the first to the last of these conversion days
    :param age: T: days from the first conversion day to the split
    :param mean_value: mean value of these ``x + 1`` conversion days
    :param monetary: M at the split, in the unit of ``mean_value``
    :param recency_days: R at the split
    :param tenure_days: days from the first contact to the split
    :param revenue: actual revenue in the holdout
    :param conversion_days: number of days with a conversion in the holdout
    :param holdout_days: length of the holdout
    """

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    mean_value: np.ndarray
    monetary: np.ndarray
    recency_days: np.ndarray
    tenure_days: np.ndarray
    revenue: np.ndarray
    conversion_days: np.ndarray
    holdout_days: int


@dataclass(frozen=True, slots=True)
class Report:
    """How the models did on one holdout. Amounts are in the split's unit.

    :param customers: with a conversion before the holdout
    :param revenue: actual revenue of these customers in the holdout
    :param returned: how many of them had a conversion in the holdout
    :param models: how calibrated (if it could be fitted), rfm, mean and zero did
    :param parameters: of calibrated, fitted to the calibration period alone
    :param not_fitted: why there are no parameters
    :param revenue_model: the one to use for revenue, calibrated or rfm
    :param churn_model: the one to use for churn
    :param revenue_sentence: says how far the forecast of revenue can be trusted
    :param churn_sentence: says how far the churn probability can be trusted
    :param sentence: both, and why calibrated could not be fitted
    """

    holdout_days: int
    customers: int
    revenue: float
    returned: int
    models: tuple[Scorecard, ...]
    parameters: btyd.Parameters | None
    not_fitted: str | None
    revenue_model: str
    churn_model: str
    revenue_sentence: str
    churn_sentence: str
    sentence: str

    @property
    def recommended(self) -> str:
        """The model for revenue, under the name that it had when there was one verdict."""
        return self.revenue_model


def backtest(split: Split, settings: ScoreSettings) -> Report:
    """Fit calibrated to the calibration period, score all models on the holdout, and say which to
    use for revenue and for churn."""
    parameters, reason = _fitted(split)
    scorecards = [rfm(split, settings), mean(split), zero(split)]
    if parameters is not None:
        scorecards.insert(0, calibrated(split, parameters))
    decided = verdict.decide(scorecards, split.holdout_days, reason)
    return Report(
        holdout_days=split.holdout_days,
        customers=len(split.x),
        revenue=float(split.revenue.sum()),
        returned=int((split.conversion_days > 0).sum()),
        models=tuple(scorecards),
        parameters=parameters,
        not_fitted=reason,
        revenue_model=decided.revenue_model,
        churn_model=decided.churn_model,
        revenue_sentence=decided.revenue_sentence,
        churn_sentence=decided.churn_sentence,
        sentence=decided.sentence,
    )


def calibrated(split: Split, parameters: btyd.Parameters) -> Scorecard:
    """Score BG/NBD and Gamma-Gamma, both with the holdout as their horizon."""
    history = (parameters, split.x, split.t_x, split.age)
    revenue = btyd.predicted_revenue(*history, split.mean_value, split.holdout_days)
    churn = btyd.no_purchase_probability(*history, split.holdout_days)
    return score(CALIBRATED, split, revenue, churn, _interval_coverage(split, parameters))


def rfm(split: Split, settings: ScoreSettings) -> Scorecard:
    """Score the run rate, over the holdout instead of the lifespan, and the churn curve."""
    months = np.maximum(split.tenure_days / MONTH_DAYS, settings.min_tenure_months)
    revenue = np.maximum(split.monetary, 0.0) / months * (split.holdout_days / MONTH_DAYS)
    overdue = (split.recency_days - settings.at_risk_days) / settings.at_risk_days
    churn = 1.0 / (1.0 + np.exp(np.minimum(-CHURN_STEEPNESS * overdue, _MAX_EXPONENT)))
    return score(RFM, split, revenue, churn)


def mean(split: Split) -> Scorecard:
    """Score the holdout's mean revenue and share of churned customers, the same for everybody."""
    ones = np.ones(len(split.x))
    revenue = max(0.0, float(split.revenue.mean())) if len(ones) else 0.0
    churned = float((split.conversion_days == 0).mean()) if len(ones) else 0.0
    return score(MEAN, split, ones * revenue, ones * churned)


def zero(split: Split) -> Scorecard:
    """Score revenue 0 for everybody: it has no order, and says nothing of churn."""
    zeros = np.zeros(len(split.x))
    return Scorecard(
        model=ZERO,
        mean_absolute_error=metrics.mean_absolute_error(zeros, split.revenue),
        root_mean_squared_error=metrics.root_mean_squared_error(zeros, split.revenue),
        total_ratio=metrics.total_ratio(zeros, split.revenue),
    )


def score(
    model: str,
    split: Split,
    revenue: np.ndarray,
    churn: np.ndarray,
    coverage: float | None = None,
) -> Scorecard:
    """Score predictions of one value per customer.

    :param revenue: predicted for the holdout
    :param churn: predicted probability of no conversion in the holdout
    :param coverage: of the model's intervals, if it has any
    """
    churned = split.conversion_days == 0
    return Scorecard(
        model=model,
        mean_absolute_error=metrics.mean_absolute_error(revenue, split.revenue),
        root_mean_squared_error=metrics.root_mean_squared_error(revenue, split.revenue),
        total_ratio=metrics.total_ratio(revenue, split.revenue),
        spearman=metrics.spearman(revenue, split.revenue),
        normalized_gini=metrics.normalized_gini(revenue, split.revenue),
        top_decile_capture=metrics.top_decile_capture(revenue, split.revenue),
        churn_auc=metrics.auc(churn, churned),
        churn_brier=metrics.brier(churn, churned),
        churn_log_loss=metrics.log_loss(churn, churned),
        interval_coverage=coverage,
        deciles=metrics.deciles(revenue, split.revenue),
    )


def _interval_coverage(split: Split, parameters: btyd.Parameters) -> float | None:
    """Coverage of the interval of a customer's revenue, of a sample of the customers."""
    customers = len(split.x)
    sample = np.linspace(0, customers - 1, min(customers, MAX_INTERVALS)).astype(int)
    history = (split.x, split.t_x, split.age, split.mean_value)
    buyers = zip(*(column[sample].tolist() for column in history), strict=True)
    ends = [
        btyd.interval(parameters, x, t_x, age, mean_value, split.holdout_days, LEVEL)
        for x, t_x, age, mean_value in buyers
    ]
    low, high = np.array(ends).reshape(-1, 2).T
    return metrics.coverage(low, high, split.revenue[sample])


def _fitted(split: Split) -> tuple[btyd.Parameters | None, str | None]:
    """The parameters, or why there are none."""
    try:
        fit = btyd_fit.fit(split.x, split.t_x, split.age, split.mean_value)
    except NotFitted as error:
        return None, error.message
    return fit.parameters, None
