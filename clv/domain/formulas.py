"""The formulas of the scores. Units are those of :mod:`clv.domain.units`."""

import math
from typing import Any

from clv.domain.settings import ScoreSettings
from clv.domain.time_zone import TimeZone
from clv.domain.units import MAX_STORED_INTEGER, MONTH_DAYS_DENOMINATOR, MONTH_DAYS_NUMERATOR

# Slope of the churn curve: with 30 at-risk days, 5 days without contact give 0.119.
CHURN_STEEPNESS = 2.4


def segment(
    recency: int, frequency: int, score: float, p25: float, p75: float, settings: ScoreSettings
) -> str:
    """The first segment that matches:

    - at_risk: R ≥ at_risk_days and F > 0
    - high: s ≥ P75 and s > P25
    - medium: s ≥ P25
    - low: the others

    Without an interaction nobody is at risk. If all customers are equal, or there is only one,
    then s = P25 = P75: medium. 30 days without contact are at_risk with 30 at-risk days, 29 are
    not.
    """
    if recency >= settings.at_risk_days and frequency > 0:
        return "at_risk"
    if score >= p75 and score > p25:
        return "high"
    return "medium" if score >= p25 else "low"


def recency_days(last_contact_ms: int, as_of_ms: int, zone: TimeZone) -> int:
    """R: calendar days since the last contact; 0 if that is in the future.

    From 23:59:59.999 to midnight is 1 day, from midnight to 23:59:59.999 is 0 days. It is midnight
    in this zone.
    """
    return max(0, zone.day(as_of_ms) - zone.day(last_contact_ms))


def composite(recency: Any, frequency: Any, monetary: Any, settings: ScoreSettings) -> Any:
    """s = 100 · (w_R·norm_R + w_F·norm_F + w_M·norm_M), of floats or of numpy arrays.

    Norms are from 0 to 1, and so s is from 0 to 100. Norms of 1, 0.5 and 0 give
    100 · (0.35 + 0.175) = 52.5. A single score and the percentiles of all use this same expression:
    both round alike, and a tie stays a tie.
    """
    return 100.0 * (
        settings.weight_recency * recency
        + settings.weight_frequency * frequency
        + settings.weight_monetary * monetary
    )


def churn_probability(recency: int, at_risk_days: int) -> float:
    """Logistic curve 1 / (1 + e^(−2.4·(R − D)/D)), with R and D in days.

    At R = D it is 0.5; with D = 30, 5 days give 0.119 and 60 days 0.917.
    """
    return 1.0 / (1.0 + math.exp(-CHURN_STEEPNESS * (recency - at_risk_days) / at_risk_days))


def predicted_revenue(monetary: int, tenure_days: int, settings: ScoreSettings) -> int:
    """Run rate: max(0, M) / max(tenure, min_tenure) · lifespan, in months of 30.4375 days.

    An amount of 360.00 earned in up to 6 months gives 1,440.00 over 24 months. All in integers of
    1/10,000 and truncated, so that rounding to cents happens only once, at the edge. At most
    ``MAX_STORED_INTEGER``.
    """
    months_scaled = max(
        max(0, tenure_days) * MONTH_DAYS_DENOMINATOR,
        settings.min_tenure_months * MONTH_DAYS_NUMERATOR,
    )
    value = max(0, monetary) * settings.lifespan_months * MONTH_DAYS_NUMERATOR // months_scaled
    return min(value, MAX_STORED_INTEGER)
