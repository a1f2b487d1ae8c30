"""Why a customer's score is what it is."""

from dataclasses import dataclass

from clv.domain.distribution import Distribution
from clv.domain.scoring import Prediction, Scores, Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import AMOUNT_SCALE

DIMENSIONS = ("recency", "frequency", "monetary")


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one dimension adds to a score: points = 100 · weight · norm.

    A weight of 0.35 and a norm of 0.5 give 17.5 points.
    """

    dimension: str
    value: int
    norm: float
    weight: float
    points: float

    @property
    def value_in_units(self) -> float:
        """The value as days, as a number of interactions, or as money."""
        return self.value / AMOUNT_SCALE if self.dimension == "monetary" else self.value


@dataclass(frozen=True, slots=True)
class Explanation:
    """A customer's scores and how they came about.

    :param reason: why the customer is in the segment
    :param days_until_at_risk: days without contact until at_risk; 0 if at risk now, None without
        any interaction
    """

    scores: Scores
    contributions: tuple[Contribution, Contribution, Contribution]
    p25: float
    p75: float
    reason: str
    days_until_at_risk: int | None
    settings: ScoreSettings


def explain(
    totals: Totals,
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    prediction: Prediction | None = None,
) -> Explanation:
    """:func:`score_customer`, with the three contributions, whose points sum to the score.

    :raises Unscorable: as :func:`score_customer`
    """
    scores = score_customer(totals, distribution, settings, as_of_ms, prediction)
    days_left = max(0, settings.at_risk_days - scores.recency_days)
    return Explanation(
        scores=scores,
        contributions=_contributions(totals, scores, distribution, settings),
        p25=distribution.p25,
        p75=distribution.p75,
        reason=_reason(scores, distribution, settings),
        days_until_at_risk=days_left if totals.frequency > 0 else None,
        settings=settings,
    )


def _contributions(
    totals: Totals, scores: Scores, distribution: Distribution, settings: ScoreSettings
) -> tuple[Contribution, Contribution, Contribution]:
    last_day = settings.zone.day(min(totals.last_contact_ms, scores.computed_ms))
    norms = distribution.norms(last_day, totals.frequency, max(0, totals.monetary))
    raw = (scores.recency_days, scores.frequency, scores.monetary)
    recency, frequency, monetary = (
        Contribution(name, value, norm, weight, 100.0 * weight * norm)
        for name, value, norm, weight in zip(DIMENSIONS, raw, norms, settings.weights, strict=True)
    )
    return recency, frequency, monetary


def _reason(scores: Scores, distribution: Distribution, settings: ScoreSettings) -> str:
    p25, p75 = f"{distribution.p25:.2f}", f"{distribution.p75:.2f}"
    return {
        "at_risk": f"The last contact was {scores.recency_days} days ago, and the tenant's at-risk"
        f" days are {settings.at_risk_days}.",
        "high": f"The score {scores.score:.2f} is in the top quarter, from {p75}.",
        "medium": f"The score {scores.score:.2f} is between the quarters, from {p25}.",
        "low": f"The score {scores.score:.2f} is in the bottom quarter, below {p25}.",
    }[scores.segment]
