"""Schemas of a tenant's settings."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates

from clv.api.schemas.base import (
    Amount,
    Exact,
    Input,
    Output,
    StoredAmount,
    Time,
    TimeZoneName,
    Word,
)
from clv.domain.settings import (
    MAX_AT_RISK_DAYS,
    MAX_CHURN_HORIZON_DAYS,
    MODEL_NAMES,
    MODEL_SETTINGS,
    ScoreSettings,
)


class Weights(Output):
    """What each dimension counts in the score."""

    recency = Exact(required=True, metadata={"example": 0.35})
    frequency = Exact(required=True, metadata={"example": 0.35})
    monetary = Exact(required=True, metadata={"example": 0.3})


def _weight(attribute: str) -> fields.Float:
    return fields.Float(attribute=attribute, required=True, validate=validate.Range(0, 1))


class WeightsChange(Input):
    """New weights: each at least 0, together 1."""

    recency = _weight("weight_recency")
    frequency = _weight("weight_frequency")
    monetary = _weight("weight_monetary")


class ScoreSettingsOut(Output):
    """The settings of scores."""

    weights = fields.Nested(Weights, required=True)
    at_risk_days = fields.Integer(required=True, metadata={"example": 30})
    lifespan_months = fields.Integer(required=True, metadata={"example": 24})
    min_tenure_months = fields.Integer(required=True, metadata={"example": 6})
    churn_horizon_days = fields.Integer(
        required=True,
        metadata={"description": "Of the calibrated model's churn probability", "example": 90},
    )
    time_zone = fields.String(
        required=True,
        metadata={"description": "Whose calendar days count", "example": "Europe/Berlin"},
    )


class TenantSettings(ScoreSettingsOut):
    """The settings of a tenant's scores."""

    model = fields.String(
        required=True,
        validate=validate.OneOf(MODEL_SETTINGS),
        metadata={"description": "What may predict revenue and churn; auto: the better of each"},
    )
    currency = fields.String(required=True, metadata={"example": "USD"})


def _serving(prediction: str, description: str) -> fields.String:
    return fields.String(
        attribute=f"serving.{prediction}.name",
        required=True,
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": description},
    )


def _reason(prediction: str) -> fields.String:
    return fields.String(
        attribute=f"serving.{prediction}.reason",
        required=True,
        metadata={
            "description": "Why that one: what is missing, or how far off the models were in the"
            " last full run's backtest"
        },
    )


def _since(prediction: str) -> Time:
    return Time(
        attribute=f"serving.{prediction}.since_ms",
        required=True,
        allow_none=True,
        metadata={"description": "The time of the full run since which it serves; null: unknown"},
    )


class ServedSettings(TenantSettings):
    """The settings of a tenant, and which models serve with them."""

    gross_margin = Exact(
        required=True,
        metadata={"description": "The share of the revenue that is margin", "example": 0.4},
    )
    acquisition_cost = StoredAmount(
        required=True,
        allow_none=True,
        metadata={"description": "Of a new customer; null if it is not known", "example": 12.5},
    )
    serving_model = _serving("revenue", "What predicts revenue now")
    serving_reason = _reason("revenue")
    serving_since = _since("revenue")
    serving_churn_model = _serving("churn", "What predicts churn now")
    serving_churn_reason = _reason("churn")
    serving_churn_since = _since("churn")
    fitted_at = Time(
        attribute="serving.as_of_ms",
        required=True,
        allow_none=True,
        metadata={"description": "The time of the full run that looked into the calibrated model"},
    )


class ScoreSettingsChange(Input):
    """Settings of the scores; those left out stay as they are."""

    weights = fields.Nested(WeightsChange)
    at_risk_days = fields.Integer(strict=True, validate=validate.Range(1, MAX_AT_RISK_DAYS))
    lifespan_months = fields.Integer(strict=True, validate=validate.Range(1, 120))
    min_tenure_months = fields.Integer(strict=True, validate=validate.Range(1, 60))
    churn_horizon_days = fields.Integer(
        strict=True, validate=validate.Range(1, MAX_CHURN_HORIZON_DAYS)
    )
    time_zone = TimeZoneName(
        metadata={
            "description": "Whose calendar days count: a name of the IANA database",
            "example": "Europe/Berlin",
        }
    )

    @validates("weights")
    def _check_weights(self, weights: dict[str, Any], **kwargs: Any) -> None:
        # Here, so that the error names the field as it was sent.
        problems = ScoreSettings(**weights).problems()
        if problems:
            raise ValidationError(list(problems.values()))

    @post_load
    def _unnest_weights(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return data.pop("weights", {}) | data


class SettingsChange(ScoreSettingsChange):
    """All settings of a tenant; those left out stay as they are."""

    model = Word(
        MODEL_SETTINGS,
        metadata={
            "description": "What predicts revenue and churn. Full runs fit the calibrated model and"
            " measure both. auto: the better one serves, for revenue and churn apart, and changes"
            " when the other was better in three runs running. calibrated: the verdict of each run"
            " decides"
        },
    )
    currency = fields.String(
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Must be three capital letters of ISO 4217."),
        # The document's pattern is JavaScript's, which has no \Z and needs none.
        metadata={
            "description": "ISO 4217, for display only",
            "example": "USD",
            "pattern": "^[A-Z]{3}$",
        },
    )
    gross_margin = fields.Float(
        validate=validate.Range(0, 1),
        metadata={"description": "The share of the revenue that is margin, for cohorts"},
    )
    acquisition_cost = Amount(
        validate=validate.Range(0),
        allow_none=True,
        metadata={"description": "Of a new customer, for cohorts; null if it is not known"},
    )
