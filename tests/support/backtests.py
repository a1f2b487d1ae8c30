"""Results of backtests: of this version, and of one that chose one model for everything."""

from dataclasses import replace

from clv.prediction import backtest_result
from clv.prediction.backtest_result import BacktestResult
from clv.prediction.btyd import Parameters
from clv.prediction.metrics import Decile
from clv.prediction.scorecard import Scorecard

# As a version stored it that chose one model for revenue and churn, and wrote camelCase.
OLD = {
    "firstDay": "2026-01-01",
    "splitDay": "2026-04-01",
    "lastDay": "2026-06-30",
    "holdoutDays": 91,
    "customers": 600,
    "returned": 240,
    "revenue": 1234.5,
    "models": [
        {
            "model": "calibrated",
            "meanAbsoluteError": 1.5,
            "rootMeanSquaredError": 2.5,
            "totalRatio": 0.8,
            "spearman": 0.4,
            "topDecileCapture": 0.5,
            "churnAuc": None,
            "churnBrier": 0.2,
            "deciles": [{"customers": 60, "predicted": 1.25, "actual": 2.0}],
        }
    ],
    "parameters": {"r": 0.2, "alpha": 4.4, "a": 0.8, "b": 2.4, "p": 6.3, "q": 3.7, "v": 15.4},
    "notFitted": None,
    "recommended": "calibrated",
    "sentence": "Use calibrated.",
}
OLD_RESULT = BacktestResult(
    first_day="2026-01-01",
    split_day="2026-04-01",
    last_day="2026-06-30",
    holdout_days=91,
    customers=600,
    returned=240,
    revenue=1234.5,
    models=(
        Scorecard(
            model="calibrated",
            mean_absolute_error=1.5,
            root_mean_squared_error=2.5,
            total_ratio=0.8,
            spearman=0.4,
            top_decile_capture=0.5,
            churn_auc=None,
            churn_brier=0.2,
            deciles=(Decile(60, 1.25, 2.0),),
        ),
    ),
    parameters=Parameters(0.2, 4.4, 0.8, 2.4, 6.3, 3.7, 15.4),
    not_fitted=None,
    revenue_model="calibrated",
    churn_model="calibrated",
    revenue_sentence="Use calibrated.",
    churn_sentence=backtest_result.ONE_VERDICT,
    sentence="Use calibrated.",
)
RESULT = replace(
    OLD_RESULT,
    models=(
        replace(
            OLD_RESULT.models[0], normalized_gini=0.6, churn_log_loss=0.5, interval_coverage=0.79
        ),
        Scorecard(
            model="zero", mean_absolute_error=2.0, root_mean_squared_error=3.0, total_ratio=0.0
        ),
    ),
    churn_model="rfm",
    revenue_sentence="Use calibrated for revenue.",
    churn_sentence="Use rfm for churn.",
    sentence="Use calibrated for revenue. Use rfm for churn.",
)
