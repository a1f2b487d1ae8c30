"""The settings of a tenant's scores, and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from clv.domain.stored import restored
from clv.domain.time_zone import UTC_ZONE, TimeZone, time_zone

# The prediction models, and what the setting may be: one of them, or the better of them.
MODEL_NAMES = ("rfm", "calibrated")
MODEL_SETTINGS = ("auto", *MODEL_NAMES)
# Three decimal fractions rarely sum to exactly 1 in binary.
WEIGHT_TOLERANCE = 1e-9
MAX_AT_RISK_DAYS = 3_650
MAX_CHURN_HORIZON_DAYS = 3_650
_LIMITS = {
    "weight_recency": (0, 1),
    "weight_frequency": (0, 1),
    "weight_monetary": (0, 1),
    "at_risk_days": (1, MAX_AT_RISK_DAYS),
    "lifespan_months": (1, 120),
    "min_tenure_months": (1, 60),
    "churn_horizon_days": (1, MAX_CHURN_HORIZON_DAYS),
}


class Weights(NamedTuple):
    """How much each dimension counts in the score; together 1."""

    recency: float
    frequency: float
    monetary: float


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """The settings of a tenant's scores. The weights sum to 1.

    :param at_risk_days: a customer is at risk after this many days without contact
    :param lifespan_months: the period that revenue is predicted for
    :param min_tenure_months: a shorter tenure counts as this many months in the run rate
    :param model: the prediction model: ``auto`` for the better one, ``rfm``, or ``calibrated``
        where its conditions hold
    :param churn_horizon_days: the calibrated model's churn probability is that of no conversion
        within this many days
    :param time_zone: name of the zone whose calendar days count
    """

    weight_recency: float = 0.35
    weight_frequency: float = 0.35
    weight_monetary: float = 0.30
    at_risk_days: int = 30
    lifespan_months: int = 24
    min_tenure_months: int = 6
    model: str = "auto"
    churn_horizon_days: int = 90
    time_zone: str = UTC_ZONE.name

    @property
    def weights(self) -> Weights:
        """The weights of recency, frequency and monetary, in this order."""
        return Weights(self.weight_recency, self.weight_frequency, self.weight_monetary)

    @property
    def zone(self) -> TimeZone:
        """The zone whose calendar days count."""
        return time_zone(self.time_zone)

    def problems(self) -> dict[str, str]:
        """A message for each field that is invalid; empty if the settings are valid."""
        problems = {}
        for name, (low, high) in _LIMITS.items():
            if not low <= getattr(self, name) <= high:
                problems[name] = f"Must be from {low} to {high}."
        if not problems and abs(sum(self.weights) - 1) > WEIGHT_TOLERANCE:
            problems["weight_recency"] = "The three weights must sum to 1."
        if self.model not in MODEL_SETTINGS:
            problems["model"] = f"Must be one of: {', '.join(MODEL_SETTINGS)}."
        try:
            time_zone(self.time_zone)
        except ValueError as error:
            problems["time_zone"] = str(error)
        return problems


def from_stored(values: Mapping[str, Any]) -> ScoreSettings:
    """Settings that were stored as JSON. Before there were models to choose from, rfm predicted."""
    return restored(ScoreSettings, {"model": "rfm", **values})
