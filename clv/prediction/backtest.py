"""How far off the predictions would have been: a tenant's history, split in time.

Pure: the models see what was known at the split (the calibration period) and are scored on what
came after it (the holdout). Three are compared: ``calibrated``
(:mod:`clv.prediction.btyd`), ``rfm`` (the run rate and the logistic of :mod:`clv.domain.scoring`),
and ``mean``, one number for everybody. That number is the holdout's own mean, which no forecast can
know: who does not beat its error does not tell customers apart.

A figure that the data don't define is None: never NaN, so that all of it fits into JSON.
"""

from dataclasses import dataclass

import numpy as np

from clv.domain.scoring import CHURN_STEEPNESS
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS_DENOMINATOR, MONTH_DAYS_NUMERATOR
from clv.errors import NotFitted
from clv.prediction import btyd, btyd_fit

MONTH_DAYS = MONTH_DAYS_NUMERATOR / MONTH_DAYS_DENOMINATOR
CALIBRATED, RFM, MEAN = "calibrated", "rfm", "mean"
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Split:
    """The customers who had converted by the split; arrays of one value a customer.

    :param x: conversion days after the first, up to the split
    :param t_x: days from the first to the last conversion day
    :param age: days from the first conversion day to the split
    :param mean_value: mean value of the ``x + 1`` conversion days
    :param monetary: M at the split, in the unit of ``mean_value``
    :param recency_days: R at the split
    :param tenure_days: days from the first contact to the split
    :param revenue: what was earned in the holdout
    :param conversion_days: days with a conversion in the holdout
    :param holdout_days: its length
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
class Decile:
    """Customers of like predicted revenue: the mean predicted, and what came."""

    customers: int
    predicted: float
    actual: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One model on the holdout.

    :param mean_absolute_error: of a customer's revenue
    :param root_mean_squared_error: the same, where large errors weigh more
    :param total_ratio: total predicted over actual revenue
    :param spearman: rank correlation of predicted and actual revenue
    :param top_decile_capture: share of the actual revenue that came from the 10 % of customers of
        whom the most was predicted
    :param churn_auc: the chance that of two customers, of whom one converted and one did not, the
        latter had the higher churn probability
    :param churn_brier: mean squared error of the churn probability, churn being no conversion in
        the holdout
    :param deciles: by predicted revenue, ascending; customers of equal prediction stay together
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
    """A backtest.

    :param revenue: actual revenue of the holdout
    :param returned: customers with a conversion in the holdout
    :param scorecards: of calibrated (where it could be fitted), rfm and mean
    :param parameters: of calibrated, from the calibration period alone
    :param not_fitted: why there are none
    :param recommended: calibrated or rfm
    :param sentence: which one to use, and how far off it was
    """

    holdout_days: int
    customers: int
    revenue: float
    returned: int
    scorecards: tuple[Scorecard, ...]
    parameters: btyd.Parameters | None
    not_fitted: str | None
    recommended: str
    sentence: str


def backtest(split: Split, settings: ScoreSettings) -> Report:
    """Fit on what came before the split, predict the holdout, and score all three models."""
    parameters, reason = None, None
    try:
        parameters = btyd_fit.fit(split.x, split.t_x, split.age, split.mean_value).parameters
    except NotFitted as error:
        reason = error.message
    scorecards = [rfm(split, settings), mean(split)]
    if parameters is not None:
        scorecards.insert(0, calibrated(split, parameters))
    recommended, sentence = recommend(scorecards, split.holdout_days, reason)
    return Report(
        holdout_days=split.holdout_days,
        customers=len(split.x),
        revenue=float(split.revenue.sum()),
        returned=int((split.conversion_days > 0).sum()),
        scorecards=tuple(scorecards),
        parameters=parameters,
        not_fitted=reason,
        recommended=recommended,
        sentence=sentence,
    )


def calibrated(split: Split, parameters: btyd.Parameters) -> Scorecard:
    """BG/NBD and Gamma-Gamma, with the holdout as horizon of both predictions."""
    history = (parameters, split.x, split.t_x, split.age)
    revenue = btyd.predicted_revenue(*history, split.mean_value, split.holdout_days)
    churn = btyd.probability_of_silence(*history, split.holdout_days)
    return score(CALIBRATED, split, revenue, churn)


def rfm(split: Split, settings: ScoreSettings) -> Scorecard:
    """The contract's run rate, over the holdout instead of the lifespan, and its logistic."""
    months = np.maximum(split.tenure_days / MONTH_DAYS, settings.min_tenure_months)
    revenue = np.maximum(split.monetary, 0.0) / months * (split.holdout_days / MONTH_DAYS)
    beyond = (split.recency_days - settings.at_risk_days) / settings.at_risk_days
    # Beyond e^700 a float64 overflows, and the probability is 0 long before.
    churn = 1.0 / (1.0 + np.exp(np.minimum(-CHURN_STEEPNESS * beyond, 700.0)))
    return score(RFM, split, revenue, churn)


def mean(split: Split) -> Scorecard:
    """The holdout's mean revenue and share of churned customers, for everybody."""
    ones = np.ones(len(split.x))
    revenue = max(0.0, float(split.revenue.mean())) if len(ones) else 0.0
    churned = float((split.conversion_days == 0).mean()) if len(ones) else 0.0
    return score(MEAN, split, ones * revenue, ones * churned)


def score(model: str, split: Split, revenue: np.ndarray, churn: np.ndarray) -> Scorecard:
    """Predictions of one model beside what came.

    :param revenue: predicted for the holdout, one a customer
    :param churn: predicted probability of no conversion in the holdout
    """
    error = revenue - split.revenue
    churned = split.conversion_days == 0
    return Scorecard(
        model=model,
        mean_absolute_error=float(np.abs(error).mean()) if len(error) else None,
        root_mean_squared_error=float(np.sqrt((error**2).mean())) if len(error) else None,
        total_ratio=total_ratio(revenue, split.revenue),
        spearman=spearman(revenue, split.revenue),
        top_decile_capture=top_decile_capture(revenue, split.revenue),
        churn_auc=auc(churn, churned),
        churn_brier=float(((churn - churned) ** 2).mean()) if len(churn) else None,
        deciles=deciles(revenue, split.revenue),
    )


def recommend(
    scorecards: list[Scorecard], holdout_days: int, not_fitted: str | None = None
) -> tuple[str, str]:
    """Which model to use, and one sentence that says so and how far off it was.

    calibrated, if it was better in at least three of four ways: error of a customer's revenue,
    total, revenue found in the top tenth, Brier score of churn. A draw is no win.
    """
    by_model = {card.model: card for card in scorecards}
    plain, ours = by_model[RFM], by_model.get(CALIBRATED)
    if ours is None:
        return RFM, f"Use rfm: the calibrated model could not be fitted. {not_fitted}"
    best, other = (ours, plain) if _wins(ours, plain) >= 3 else (plain, ours)
    if best.mean_absolute_error is None or other.mean_absolute_error is None:
        return RFM, "Use rfm: there were no customers to compare the models on."
    sentence = (
        f"Use {best.model}: over {holdout_days} days it predicted {_percent(best.total_ratio)} of"
        f" the actual revenue and was off by {best.mean_absolute_error:,.2f} a customer on average"
        f" ({other.model}: {_percent(other.total_ratio)} and {other.mean_absolute_error:,.2f})."
    )
    return best.model, sentence


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ascending; equal values share the mean of their ranks: 5, 9, 9 give 1, 2.5,
    2.5."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((2 * last - counts + 1) / 2.0)[which]


def total_ratio(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Σ predicted / Σ actual; None without any revenue."""
    total = float(actual.sum())
    return float(predicted.sum()) / total if total > 0 else None


def spearman(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Correlation of the ranks, from −1 to 1; None where all predicted or all actual are equal."""
    if len(predicted) < 2:
        return None
    one, other = (ranks(values) - (len(values) + 1) / 2.0 for values in (predicted, actual))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread > 0 else None


def top_decile_capture(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Share of Σ actual from the 10 % with the highest predictions; those who tie for the last
    places share them. None without any revenue."""
    total = float(actual.sum())
    if total <= 0:
        return None
    places = max(1, round(len(predicted) / GROUPS))
    threshold = np.sort(predicted)[-places]
    above, level = predicted > threshold, predicted == threshold
    share = (places - int(above.sum())) / int(level.sum())
    return float(actual[above].sum() + share * actual[level].sum()) / total


def auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Area under the ROC curve, by the rank sum (Mann and Whitney 1947): P(score of a positive >
    of a negative), ties counting half; None where one of the two classes is empty."""
    one = int(positive.sum())
    other = len(positive) - one
    if not one or not other:
        return None
    rank_sum = float(ranks(scores)[positive].sum())
    return (rank_sum - one * (one + 1) / 2.0) / (one * other)


def deciles(predicted: np.ndarray, actual: np.ndarray) -> tuple[Decile, ...]:
    """Means of predicted and actual by tenths of the customers in order of prediction; fewer than
    ten where many are equal."""
    if not len(predicted):
        return ()
    group = np.minimum((ranks(predicted) - 0.5) * GROUPS // len(predicted), GROUPS - 1).astype(int)
    counts, expected, came = (
        np.bincount(group, weights, GROUPS) for weights in (None, predicted, actual)
    )
    return tuple(
        Decile(int(count), float(e) / int(count), float(c) / int(count))
        for count, e, c in zip(counts, expected, came, strict=True)
        if count
    )


def _wins(one: Scorecard, other: Scorecard) -> int:
    """In how many of the four ways the one is better than the other."""
    pairs = [
        (one.mean_absolute_error, other.mean_absolute_error),
        (_distance(one.total_ratio), _distance(other.total_ratio)),
        (other.top_decile_capture, one.top_decile_capture),
        (one.churn_brier, other.churn_brier),
    ]
    return sum(a is not None and b is not None and a < b for a, b in pairs)


def _distance(ratio: float | None) -> float | None:
    """How far from 1: half is as far as double."""
    if ratio is None:
        return None
    return abs(float(np.log(ratio))) if ratio > 0 else float("inf")


def _percent(ratio: float | None) -> str:
    return "an unknown share" if ratio is None else f"{100 * ratio:,.0f} %"
