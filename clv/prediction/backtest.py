"""Backtests: how well the prediction models would have done on a tenant's own history.

Pure. The history is split in time: models see the calibration period before the split, and their
predictions are compared with the holdout after it. There are three:

- ``calibrated``: BG/NBD and Gamma-Gamma (:mod:`clv.prediction.btyd`)
- ``rfm``: run rate and churn curve (:mod:`clv.domain.formulas`)
- ``mean``: the holdout's own mean for everybody. No forecast could know it; a model with a larger
  error does not tell customers apart.
"""

from dataclasses import dataclass

import numpy as np

from clv.domain.formulas import CHURN_STEEPNESS
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS
from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit, metrics
from clv.prediction.metrics import Decile

CALIBRATED, RFM, MEAN = "calibrated", "rfm", "mean"
# Of the four criteria, how many calibrated must win to be recommended.
MIN_WINS = 3
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
class Scorecard:
    """How good one model's predictions were, by :mod:`clv.prediction.metrics`.

    Churn means no conversion in the holdout; all other figures are of revenue.
    """

    model: str
    mean_absolute_error: float | None
    root_mean_squared_error: float | None
    total_ratio: float | None
    spearman: float | None
    top_decile_capture: float | None
    churn_auc: float | None
    churn_brier: float | None
    deciles: tuple[Decile, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How the models did on one holdout. Amounts are in the split's unit.

    :param customers: with a conversion before the holdout
    :param revenue: actual revenue of these customers in the holdout
    :param returned: how many of them had a conversion in the holdout
    :param models: how calibrated (if it could be fitted), rfm and mean did
    :param parameters: of calibrated, fitted to the calibration period alone
    :param not_fitted: why there are no parameters
    :param recommended: calibrated or rfm
    :param sentence: says which model to use, and how far off it was
    """

    holdout_days: int
    customers: int
    revenue: float
    returned: int
    models: tuple[Scorecard, ...]
    parameters: btyd.Parameters | None
    not_fitted: str | None
    recommended: str
    sentence: str


def backtest(split: Split, settings: ScoreSettings) -> Report:
    """Fit calibrated to the calibration period, score all three models on the holdout, and
    recommend one."""
    parameters, reason = _fitted(split)
    scorecards = [rfm(split, settings), mean(split)]
    if parameters is not None:
        scorecards.insert(0, calibrated(split, parameters))
    recommended, sentence = recommend(scorecards, split.holdout_days, reason)
    return Report(
        holdout_days=split.holdout_days,
        customers=len(split.x),
        revenue=float(split.revenue.sum()),
        returned=int((split.conversion_days > 0).sum()),
        models=tuple(scorecards),
        parameters=parameters,
        not_fitted=reason,
        recommended=recommended,
        sentence=sentence,
    )


def calibrated(split: Split, parameters: btyd.Parameters) -> Scorecard:
    """Score BG/NBD and Gamma-Gamma, both with the holdout as their horizon."""
    history = (parameters, split.x, split.t_x, split.age)
    revenue = btyd.predicted_revenue(*history, split.mean_value, split.holdout_days)
    churn = btyd.no_purchase_probability(*history, split.holdout_days)
    return score(CALIBRATED, split, revenue, churn)


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


def score(model: str, split: Split, revenue: np.ndarray, churn: np.ndarray) -> Scorecard:
    """Score predictions of one value per customer.

    :param revenue: predicted for the holdout
    :param churn: predicted probability of no conversion in the holdout
    """
    churned = split.conversion_days == 0
    return Scorecard(
        model=model,
        mean_absolute_error=metrics.mean_absolute_error(revenue, split.revenue),
        root_mean_squared_error=metrics.root_mean_squared_error(revenue, split.revenue),
        total_ratio=metrics.total_ratio(revenue, split.revenue),
        spearman=metrics.spearman(revenue, split.revenue),
        top_decile_capture=metrics.top_decile_capture(revenue, split.revenue),
        churn_auc=metrics.auc(churn, churned),
        churn_brier=metrics.brier(churn, churned),
        deciles=metrics.deciles(revenue, split.revenue),
    )


def recommend(
    scorecards: list[Scorecard], holdout_days: int, not_fitted: str | None = None
) -> tuple[str, str]:
    """The model to use, and a sentence that says so and how far off it was.

    calibrated, if it beats rfm on at least three of four criteria: mean absolute error, distance of
    the total ratio from 1, top-decile capture, Brier score of churn. A tie is not a win.
    """
    by_model = {card.model: card for card in scorecards}
    run_rate, fitted = by_model[RFM], by_model.get(CALIBRATED)
    if fitted is None:
        return RFM, f"Use rfm: the calibrated model could not be fitted. {not_fitted}"
    is_better = _wins(fitted, run_rate) >= MIN_WINS
    best, other = (fitted, run_rate) if is_better else (run_rate, fitted)
    if best.mean_absolute_error is None or other.mean_absolute_error is None:
        return RFM, "Use rfm: there were no customers to compare the models on."
    sentence = (
        f"Use {best.model}: over {holdout_days} days it predicted {_percent(best.total_ratio)} of"
        f" the actual revenue and was off by {best.mean_absolute_error:,.2f} a customer on average"
        f" ({other.model}: {_percent(other.total_ratio)} and {other.mean_absolute_error:,.2f})."
    )
    return best.model, sentence


def _fitted(split: Split) -> tuple[btyd.Parameters | None, str | None]:
    """The parameters, or why there are none."""
    try:
        fit = btyd_fit.fit(split.x, split.t_x, split.age, split.mean_value)
    except NotFitted as error:
        return None, error.message
    return fit.parameters, None


def _wins(one: Scorecard, other: Scorecard) -> int:
    """On how many of the four criteria one model is better than the other."""
    pairs = [
        (one.mean_absolute_error, other.mean_absolute_error),
        (_distance(one.total_ratio), _distance(other.total_ratio)),
        (other.top_decile_capture, one.top_decile_capture),
        (one.churn_brier, other.churn_brier),
    ]
    return sum(a is not None and b is not None and a < b for a, b in pairs)


def _distance(ratio: float | None) -> float | None:
    """Distance of a ratio from 1: half is as far as double."""
    if ratio is None:
        return None
    return abs(float(np.log(ratio))) if ratio > 0 else float("inf")


def _percent(ratio: float | None) -> str:
    return "an unknown share" if ratio is None else f"{100 * ratio:,.0f} %"
