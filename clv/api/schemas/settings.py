"""A tenant's settings."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates

from clv.api.schemas.base import Input, Output, Time
from clv.domain.settings import MAX_AT_RISK_DAYS, MAX_CHURN_HORIZON_DAYS, MODEL_NAMES, ScoreSettings


class Weights(Output):
    """What each dimension counts in the score."""

    recency = fields.Float(required=True, metadata={"example": 0.35})
    frequency = fields.Float(required=True, metadata={"example": 0.35})
    monetary = fields.Float(required=True, metadata={"example": 0.3})


class WeightsChange(Input):
    """New weights: each at least 0, together 1."""

    recency = fields.Float(required=True, validate=validate.Range(0, 1))
    frequency = fields.Float(required=True, validate=validate.Range(0, 1))
    monetary = fields.Float(required=True, validate=validate.Range(0, 1))


class ScoreSettingsOut(Output):
    """The settings of scores."""

    weights = fields.Nested(Weights, required=True)
    atRiskDays = fields.Integer(required=True, metadata={"example": 30})
    lifespanMonths = fields.Integer(required=True, metadata={"example": 24})
    minTenureMonths = fields.Integer(required=True, metadata={"example": 6})
    churnHorizonDays = fields.Integer(
        required=True,
        metadata={"description": "Of the calibrated model's churn probability", "example": 90},
    )


class TenantSettings(ScoreSettingsOut):
    """The settings of a tenant's scores."""

    model = fields.String(required=True, validate=validate.OneOf(MODEL_NAMES))
    currency = fields.String(required=True, metadata={"example": "USD"})


class ServedSettings(TenantSettings):
    """The settings of a tenant's scores, and which model serves with them."""

    servingModel = fields.String(
        required=True,
        validate=validate.OneOf(MODEL_NAMES),
        metadata={"description": "What predicts revenue and churn now"},
    )
    servingReason = fields.String(
        required=True, metadata={"description": "Why that one, if another was chosen"}
    )
    fittedAt = Time(
        required=True,
        allow_none=True,
        metadata={"description": "The time of the full run that looked into the calibrated model"},
    )


class ScoreSettingsChange(Input):
    """Settings of the scores; those left out stay as they are."""

    weights = fields.Nested(WeightsChange)
    atRiskDays = fields.Integer(strict=True, validate=validate.Range(1, MAX_AT_RISK_DAYS))
    lifespanMonths = fields.Integer(strict=True, validate=validate.Range(1, 120))
    minTenureMonths = fields.Integer(strict=True, validate=validate.Range(1, 60))
    churnHorizonDays = fields.Integer(
        strict=True, validate=validate.Range(1, MAX_CHURN_HORIZON_DAYS)
    )

    @validates("weights")
    def _check_weights(self, weights: dict[str, float], **kwargs: Any) -> None:
        # Here already, so that the error names the field as it was sent.
        problems = ScoreSettings(**_weights_as_stored(weights)).problems()
        if problems:
            raise ValidationError(list(problems.values()))

    @post_load
    def _name_as_stored(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        names = {
            "atRiskDays": "at_risk_days",
            "lifespanMonths": "lifespan_months",
            "minTenureMonths": "min_tenure_months",
            "churnHorizonDays": "churn_horizon_days",
        }
        changes = _weights_as_stored(data.pop("weights", {}))
        return changes | {names.get(name, name): value for name, value in data.items()}


class SettingsChange(ScoreSettingsChange):
    """All settings of a tenant; those left out stay as they are."""

    model = fields.String(
        validate=validate.OneOf(MODEL_NAMES, error=f"Must be one of: {', '.join(MODEL_NAMES)}."),
        metadata={
            "description": "What predicts revenue and churn. The calibrated model is fitted by the"
            " next full run, and serves if its conditions hold then"
        },
    )
    currency = fields.String(
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Must be three capital letters of ISO 4217."),
        # The documents' expressions are JavaScript's, which has no \Z and needs none.
        metadata={
            "description": "ISO 4217, for display only",
            "example": "USD",
            "pattern": "^[A-Z]{3}$",
        },
    )


def _weights_as_stored(weights: dict[str, float]) -> dict[str, Any]:
    return {f"weight_{name}": weight for name, weight in weights.items()}
