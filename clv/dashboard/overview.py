"""The page Overview: what all customers add up to, from what the last run stored."""

from typing import Any, NamedTuple

from clv.dashboard import figures
from clv.dashboard.blueprint import blp, page
from clv.domain.overview import BIN_WIDTH, Group, Overview, Suggestion
from clv.domain.scoring import SEGMENTS
from clv.http.access import principal
from clv.services import insights, records
from clv.services.insights import LatestOverview, Point

# Full runs in the trend: a quarter, if one runs every night.
POINTS = 90
# Other at-risk days are suggested when they would move this share of the customers.
MISFIT_SHARE = 0.1
# Customers who slip away, of whom there may be many.
SHOWN = 5
NOBODY = Group(0, None, 0, 0, 0)


class Card(NamedTuple):
    """A number of all customers, with its value in the full run before.

    :param kind: count, decimal or money
    :param good: 1 if more is better, -1 if less is
    """

    label: str
    kind: str
    value: float | None
    before: float | None
    good: int
    hint: str


class Predicted(NamedTuple):
    """Which model predicted what in the last run, and why."""

    what: str
    model: str
    reason: str | None


@blp.get("/")
def overview() -> str:
    """How many customers there are, what they are worth, how much is at risk, whether it gets
    better, and whom to contact first."""
    tenant = principal().tenant
    latest = insights.latest_overview(tenant)
    if latest.overview is None:
        return page("overview_empty.html", tenant=tenant, latest=latest)
    points = insights.history(tenant, None, POINTS)
    return page(
        "overview.html",
        tenant=tenant,
        latest=latest,
        overview=latest.overview,
        predicted=_predicted(latest.overview),
        cards=_cards(latest.overview, _before(points, latest)),
        misfit=_misfit(latest.overview),
        histogram=_histogram(latest.overview),
        trend=_trend(points),
        points=points,
        slipping=records.slipping_away(tenant, SHOWN),
    )


def _before(points: list[Point], latest: LatestOverview) -> Overview | None:
    """The overview of the full run before the latest run."""
    return next((p.overview for p in points if p.run.job_id != latest.job_id), None)


def _cards(now: Overview, before: Overview | None) -> list[Card]:
    then = before.everyone if before else NOBODY
    return [
        Card("Customers", "count", now.everyone.customers, then.customers, 1, "with a score"),
        Card("Mean score", "decimal", now.everyone.mean_score, then.mean_score, 1, "of 100"),
        *_projection_cards(now, before),
    ]


def _projection_cards(now: Overview, before: Overview | None) -> list[Card]:
    # Figures that another model predicted can't be compared.
    is_same = before is not None and before.model == now.model
    then = before.everyone if before and is_same else NOBODY
    then_at_risk = then if before and before.churn_model == now.churn_model else NOBODY
    projection = figures.projection(now.model)
    predicted, at_risk = now.everyone.predicted_revenue, now.everyone.revenue_at_risk
    by_churn = f"{projection.lower()} × probability of churn"
    return [
        Card(projection, "money", predicted, then.predicted_revenue, 1, _about_projection(now)),
        Card("Revenue at risk", "money", at_risk, then_at_risk.revenue_at_risk, -1, by_churn),
    ]


def _about_projection(overview: Overview) -> str:
    months = overview.settings.lifespan_months
    if overview.model == "calibrated":
        return f"in the next {months} months, by the calibrated model"
    return f"revenue so far, carried on for {months} months; not a forecast"


def _predicted(overview: Overview) -> list[Predicted]:
    """How far to trust each prediction; one line for both where the same is to be said of both."""
    revenue = Predicted("Revenue", overview.model, overview.model_reason)
    churn = Predicted("Churn", overview.churn_model, overview.churn_model_reason)
    if revenue[1:] == churn[1:]:
        return [revenue._replace(what="Revenue and churn")]
    return [revenue, churn]


def _misfit(overview: Overview) -> Suggestion | None:
    """The suggested at-risk days, where those of the run don't fit the data."""
    suggestion = overview.suggestion
    if suggestion is None or suggestion.days == overview.settings.at_risk_days:
        return None
    change = abs(suggestion.share_now - suggestion.share_then)
    return suggestion if change >= MISFIT_SHARE else None


def _histogram(overview: Overview) -> dict[str, Any]:
    percentiles = (("P25", overview.p25), ("P75", overview.p75))
    return {
        "kind": "histogram",
        "labels": [f"{bin.start}–{bin.end}" for bin in overview.bins],
        "values": overview.histogram,
        "lines": [
            {"at": value / BIN_WIDTH, "label": label}
            for label, value in percentiles
            if value is not None
        ],
    }


def _trend(points: list[Point]) -> dict[str, Any]:
    """The customers of each segment, oldest run first."""
    overviews = [point.overview for point in reversed(points)]
    return {
        "kind": "trend",
        "times": [overview.as_of_ms for overview in overviews],
        "series": [
            {"name": name, "values": [overview.segments[name].customers for overview in overviews]}
            for name in SEGMENTS
        ],
    }
