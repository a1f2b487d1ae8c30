"""Backtests: how well the prediction models would have done on a tenant's own history.

Pure. The history is split in time: models see the calibration period before the split, and their
predictions are compared with the holdout after it. Two forecast, and two show what that is worth:

- ``calibrated``: BG/NBD and Gamma-Gamma, and more (:mod:`clv.prediction.model`)
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
from clv.prediction import btyd, metrics, model, verdict
from clv.prediction.calibrated import LEVEL
from clv.prediction.log import Log, Population, population
from clv.prediction.model import Model
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, ZERO, Scorecard

# An interval takes 0.5 ms. Of so many customers the coverage is known within 4 points.
MAX_INTERVALS = 500
_DRAWS = 2_000
# A larger power of e overflows a float64.
_MAX_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class Split:
    """The customers who had visited or bought before the split: arrays of one value per customer,
    first the buyers, then the visitors who had not bought.

    :param population: what the calibrated model knows of them
    :param monetary: M at the split
    :param recency_days: R at the split
    :param tenure_days: days from the first contact to the split
    :param revenue: actual revenue in the holdout, in the unit of ``monetary``
    :param conversion_days: number of days with a conversion in the holdout
    :param holdout_days: length of the holdout
    """

    population: Population
    monetary: np.ndarray
    recency_days: np.ndarray
    tenure_days: np.ndarray
    revenue: np.ndarray
    conversion_days: np.ndarray
    holdout_days: int

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.monetary)


def split_at(log: Log, split_day: int, holdout_days: int) -> Split:
    """Divide a log.

    :param split_day: the first day of the holdout
    """
    before = log.between(0, split_day - 1)
    after = log.between(split_day, split_day + holdout_days - 1)
    known = population(before, split_day - 1)
    who = np.concatenate([known.buyers, known.visitors])
    contacts = before.is_contact
    first, last = np.full(log.customers, split_day), np.zeros(log.customers, dtype=np.int64)
    np.minimum.at(first, before.customer[contacts], before.first_contact[contacts])
    np.maximum.at(last, before.customer[contacts], before.last_contact[contacts])
    return Split(
        population=known,
        monetary=np.bincount(before.customer, before.total, log.customers)[who],
        recency_days=np.maximum(split_day - last[who], 0),
        tenure_days=split_day - first[who],
        revenue=np.bincount(after.customer, after.total, log.customers)[who],
        conversion_days=np.bincount(after.customer, after.converts, log.customers)[who],
        holdout_days=holdout_days,
    )


@dataclass(frozen=True, slots=True)
class Report:
    """How the models did on one holdout. Amounts are in the split's unit.

    :param customers: who had visited or bought before the holdout
    :param visitors: how many of them had not bought
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
    visitors: int = 0

    @property
    def recommended(self) -> str:
        """The model for revenue, under the name that it had when there was one verdict."""
        return self.revenue_model

    @property
    def coverage(self) -> float | None:
        """How often the interval of calibrated held."""
        coverages = (card.interval_coverage for card in self.models)
        return next((coverage for coverage in coverages if coverage is not None), None)


def backtest(log: Log, split_day: int, holdout_days: int, settings: ScoreSettings) -> Report:
    """Fit calibrated to the days before the split, score all models on the holdout, and say which
    to use for revenue and for churn.

    :param split_day: the first day of the holdout
    """
    split = split_at(log, split_day, holdout_days)
    fitted, reason = _fitted(log, split_day, holdout_days)
    scorecards = [rfm(split, settings), mean(split), zero(split)]
    if fitted is not None:
        scorecards.insert(0, calibrated(split, fitted))
    decided = verdict.decide(scorecards, split.holdout_days, reason)
    return Report(
        holdout_days=split.holdout_days,
        customers=split.customers,
        visitors=len(split.population.visitors),
        revenue=float(split.revenue.sum()),
        returned=int((split.conversion_days > 0).sum()),
        models=tuple(scorecards),
        parameters=None if fitted is None else fitted.base.parameters,
        not_fitted=reason,
        revenue_model=decided.revenue_model,
        churn_model=decided.churn_model,
        revenue_sentence=decided.revenue_sentence,
        churn_sentence=decided.churn_sentence,
        sentence=decided.sentence,
    )


def calibrated(split: Split, fitted: Model) -> Scorecard:
    """Score the calibrated model, with the holdout as its horizon."""
    known, days = split.population, split.holdout_days
    today = known.histories.today
    revenue = np.concatenate(
        [
            fitted.revenue(known.histories, days),
            fitted.visitors_revenue(known.visits, today, days),
        ]
    )
    churn = np.concatenate(
        [fitted.silence(known.histories, days), fitted.visitors_silence(known.visits, days)]
    )
    return score(CALIBRATED, split, revenue, churn, _interval_coverage(split, fitted))


def rfm(split: Split, settings: ScoreSettings) -> Scorecard:
    """Score the run rate, over the holdout instead of the lifespan, and the churn curve."""
    months = np.maximum(split.tenure_days / MONTH_DAYS, settings.min_tenure_months)
    revenue = np.maximum(split.monetary, 0.0) / months * (split.holdout_days / MONTH_DAYS)
    overdue = (split.recency_days - settings.at_risk_days) / settings.at_risk_days
    churn = 1.0 / (1.0 + np.exp(np.minimum(-CHURN_STEEPNESS * overdue, _MAX_EXPONENT)))
    return score(RFM, split, revenue, churn)


def mean(split: Split) -> Scorecard:
    """Score the holdout's mean revenue and share of churned customers, the same for everybody."""
    ones = np.ones(split.customers)
    revenue = max(0.0, float(split.revenue.mean())) if len(ones) else 0.0
    churned = float((split.conversion_days == 0).mean()) if len(ones) else 0.0
    return score(MEAN, split, ones * revenue, ones * churned)


def zero(split: Split) -> Scorecard:
    """Score revenue 0 for everybody: it has no order, and says nothing of churn."""
    zeros = np.zeros(split.customers)
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


def _interval_coverage(split: Split, fitted: Model) -> float | None:
    """Coverage of the interval of a buyer's revenue, of a sample of the buyers."""
    buyers = len(split.population.buyers)
    sample = np.zeros(buyers, dtype=bool)
    sample[np.linspace(0, buyers - 1, min(buyers, MAX_INTERVALS)).astype(int)] = True
    histories = split.population.histories.of(sample)
    places = np.arange(len(histories.x))
    ends = [
        fitted.interval(histories.of(places == place), split.holdout_days, LEVEL, _DRAWS)
        for place in places
    ]
    low, high = np.array(ends).reshape(-1, 2).T
    return metrics.coverage(low, high, split.revenue[:buyers][sample])


def _fitted(log: Log, split_day: int, holdout_days: int) -> tuple[Model | None, str | None]:
    """The model, or why there is none."""
    try:
        return model.fit(log, split_day - 1, holdout_days, holdout_days), None
    except NotFitted as error:
        return None, error.message
