"""What a backtest says of one model: its figures on the holdout."""

from dataclasses import dataclass

from clv.prediction.metrics import Decile

CALIBRATED, RFM, MEAN, ZERO = "calibrated", "rfm", "mean", "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How good one model's predictions were, by :mod:`clv.prediction.metrics`.

    Churn means no conversion in the holdout; all other figures are of revenue. None is what the
    data don't define, what says nothing of this model, and what an earlier version did not measure.

    :param interval_coverage: share of the customers whose revenue was in the model's 80 % interval;
        only calibrated has intervals
    """

    model: str
    mean_absolute_error: float | None
    root_mean_squared_error: float | None
    total_ratio: float | None
    spearman: float | None = None
    normalized_gini: float | None = None
    top_decile_capture: float | None = None
    churn_auc: float | None = None
    churn_brier: float | None = None
    churn_log_loss: float | None = None
    interval_coverage: float | None = None
    deciles: tuple[Decile, ...] = ()
