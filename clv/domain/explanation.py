"""Why a customer's score is what it is."""

from dataclasses import dataclass

from clv.domain.distribution import Distribution
from clv.domain.formulas import composite, segment
from clv.domain.groups import Rfm, rfm_of
from clv.domain.scoring import Scores
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
    :param rfm: the fifths of the norms, and the group that they make
    """

    scores: Scores
    contributions: tuple[Contribution, Contribution, Contribution]
    p25: float
    p75: float
    reason: str
    days_until_at_risk: int | None
    settings: ScoreSettings
    rfm: Rfm


def explain(scores: Scores, distribution: Distribution, settings: ScoreSettings) -> Explanation:
    """How scores came about, which were computed with this distribution and these settings."""
    days_left = max(0, settings.at_risk_days - scores.recency_days)
    norms = _norms(scores, distribution, settings)
    return Explanation(
        scores=scores,
        contributions=_contributions(scores, norms, settings),
        p25=distribution.p25,
        p75=distribution.p75,
        reason=_reason(scores, distribution, settings),
        days_until_at_risk=days_left if scores.frequency > 0 else None,
        settings=settings,
        rfm=rfm_of(norms, scores.monetary),
    )


def agrees(scores: Scores, distribution: Distribution, settings: ScoreSettings) -> bool:
    """Whether this distribution and these settings give such a customer this very score and
    segment. Another distribution hardly ever gives the same score to the last bit."""
    score = min(composite(*_norms(scores, distribution, settings), settings), 100.0)
    recency, frequency, p25, p75 = (
        scores.recency_days,
        scores.frequency,
        distribution.p25,
        distribution.p75,
    )
    name = segment(recency, frequency, score, p25, p75, settings)
    return (score, name) == (scores.score, scores.segment)


def _contributions(
    scores: Scores, norms: tuple[float, float, float], settings: ScoreSettings
) -> tuple[Contribution, Contribution, Contribution]:
    raw = (scores.recency_days, scores.frequency, scores.monetary)
    recency, frequency, monetary = (
        Contribution(name, value, norm, weight, 100.0 * weight * norm)
        for name, value, norm, weight in zip(DIMENSIONS, raw, norms, settings.weights, strict=True)
    )
    return recency, frequency, monetary


def _norms(
    scores: Scores, distribution: Distribution, settings: ScoreSettings
) -> tuple[float, float, float]:
    last_day = settings.zone.day(scores.computed_ms) - scores.recency_days
    return distribution.norms(last_day, scores.frequency, max(0, scores.monetary))


def _reason(scores: Scores, distribution: Distribution, settings: ScoreSettings) -> str:
    p25, p75 = f"{distribution.p25:.2f}", f"{distribution.p75:.2f}"
    return {
        "at_risk": f"The last contact was {scores.recency_days} days ago, and the tenant's at-risk"
        f" days are {settings.at_risk_days}.",
        "high": f"The score {scores.score:.2f} is in the top quarter, from {p75}.",
        "medium": f"The score {scores.score:.2f} is between the quarters, from {p25}.",
        "low": f"The score {scores.score:.2f} is in the bottom quarter, below {p25}.",
    }[scores.segment]
