"""Schemas of backtests."""

from typing import Any

from marshmallow import fields, validate

from clv.api.schemas.base import Input, Money, Output, Pagination, Probability, Rounded, Time
from clv.api.schemas.customers import ModelParameters
from clv.domain.settings import MODEL_NAMES
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, ZERO

STATUSES = ("queued", "running", "finished", "failed")
MAX_HOLDOUT_DAYS = 3_650
# Of the measures that are no probabilities: enough to tell models apart.
RATIO_DECIMALS = 4


class BacktestRequest(Input):
    """What to hold out."""

    holdout_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MAX_HOLDOUT_DAYS),
        metadata={
            "description": "The last days of the history, less than all of them; null or left out:"
            " half of them, at most 365"
        },
    )


class Decile(Output):
    """Customers of like predicted revenue: what was predicted and what came, on average."""

    customers = fields.Integer(required=True)
    predicted = Money(required=True)
    actual = Money(required=True)


class Scorecard(Output):
    """One model on the holdout; what the data don't define is null. Amounts are in the tenant's
    currency."""

    model = fields.String(
        required=True,
        validate=validate.OneOf((CALIBRATED, RFM, MEAN, ZERO)),
        metadata={
            "description": "mean: the holdout's own mean, for everybody. zero: revenue 0 for"
            " everybody, of which only the errors and the total mean something"
        },
    )
    mean_absolute_error = Money(
        required=True, allow_none=True, metadata={"description": "Of a customer's revenue"}
    )
    root_mean_squared_error = Money(required=True, allow_none=True)
    total_ratio = Rounded(
        RATIO_DECIMALS,
        required=True,
        allow_none=True,
        metadata={"description": "Total predicted over actual revenue", "example": 0.8},
    )
    spearman = Rounded(
        RATIO_DECIMALS,
        required=True,
        allow_none=True,
        metadata={"description": "Rank correlation of predicted and actual revenue"},
    )
    normalized_gini = Rounded(
        RATIO_DECIMALS,
        required=True,
        allow_none=True,
        metadata={
            "description": "How well the revenue is ordered: 1 is perfect, 0 is chance. Null in"
            " results of earlier versions"
        },
    )
    top_decile_capture = Probability(
        required=True,
        allow_none=True,
        metadata={"description": "Share of the revenue that came from the predicted best tenth"},
    )
    churn_auc = Probability(
        required=True,
        allow_none=True,
        metadata={"description": "Churn is no conversion in the holdout"},
    )
    churn_brier = Rounded(RATIO_DECIMALS, required=True, allow_none=True)
    churn_log_loss = Rounded(
        RATIO_DECIMALS,
        required=True,
        allow_none=True,
        metadata={
            "description": "Mean of −ln(the probability given to what came); less is better."
            " Null in results of earlier versions"
        },
    )
    interval_coverage = Probability(
        required=True,
        allow_none=True,
        metadata={
            "description": "Share of the customers whose revenue was in the 80 % interval. Only"
            " calibrated has one"
        },
    )
    deciles = fields.List(
        fields.Nested(Decile),
        required=True,
        metadata={"description": "By predicted revenue, ascending"},
    )


class _Day(fields.String):
    def __init__(self, *, metadata: dict[str, str], **kwargs: Any) -> None:
        super().__init__(metadata={**metadata, "format": "date"}, **kwargs)


class BacktestResult(Output):
    """What a backtest found."""

    first_day = _Day(required=True, metadata={"description": "Of the history"})
    split_day = _Day(required=True, metadata={"description": "Of the holdout, the first"})
    last_day = _Day(required=True, metadata={"description": "Of both"})
    holdout_days = fields.Integer(required=True)
    customers = fields.Integer(
        required=True,
        metadata={
            "description": "Who had visited or bought before the holdout; of a tenant of more than"
            " 100,000, every n-th"
        },
    )
    visitors = fields.Integer(
        required=True, metadata={"description": "Of these, without a conversion by then"}
    )
    returned = fields.Integer(
        required=True, metadata={"description": "Of these, with a conversion in the holdout"}
    )
    revenue = Money(required=True, metadata={"description": "Of these customers, in the holdout"})
    models = fields.List(fields.Nested(Scorecard), required=True)
    parameters = fields.Nested(
        ModelParameters,
        required=True,
        allow_none=True,
        metadata={"description": "Of the calibrated model, from what was before the holdout"},
    )
    not_fitted = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it was not fitted"}
    )
    recommended = fields.String(
        required=True,
        validate=validate.OneOf(MODEL_NAMES),
        attribute="revenue_model",
        metadata={"description": "The model to use for revenue"},
    )
    recommended_churn = fields.String(
        required=True,
        validate=validate.OneOf(MODEL_NAMES),
        attribute="churn_model",
        metadata={"description": "The model to use for churn"},
    )
    revenue_sentence = fields.String(
        required=True, metadata={"description": "How far to trust the forecast of revenue"}
    )
    churn_sentence = fields.String(
        required=True, metadata={"description": "How far to trust the churn probability"}
    )
    sentence = fields.String(
        required=True,
        metadata={"description": "Both sentences, and why calibrated was not fitted if it was not"},
    )


class Backtest(Output):
    """A backtest."""

    backtest_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    holdout_days = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Null until it is known, if it was left out"},
    )
    requested_by = fields.String(required=True)
    created_at = Time(required=True, attribute="created_ms")
    started_at = Time(required=True, allow_none=True, attribute="started_ms")
    finished_at = Time(required=True, allow_none=True, attribute="finished_ms")
    message = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it failed, for one"}
    )
    result = fields.Nested(BacktestResult, required=True, allow_none=True)


class BacktestList(Output):
    """Backtests, newest first."""

    data = fields.List(fields.Nested(Backtest), required=True)
    pagination = fields.Nested(Pagination, required=True)
