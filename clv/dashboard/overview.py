"""The overview: what all customers add up to, as of the last run, from what that run stored."""

from typing import Any, NamedTuple

from clv.dashboard import figures
from clv.dashboard.blueprint import blp, page
from clv.domain.overview import BIN_WIDTH, Group, Overview, Suggestion
from clv.domain.scoring import SEGMENTS
from clv.http.access import principal
from clv.services import insights, records
from clv.services.insights import Point, Summary
from clv.store.listing import Filter, Listed
from clv.store.rankings import Order
from clv.store.tenants import Tenant

# A quarter of nightly runs.
POINTS = 90
# Other at-risk days are suggested when so large a share of the customers would change sides.
MISFIT_SHARE = 0.1
# Who is slipping away is looked for among so many with the most revenue at risk: reading these
# takes as long with a million customers as with some thousands.
LEADERS_READ = 200
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


@blp.get("/")
def overview() -> str:
    """How many customers, what they are worth, how much is at risk, whether it gets better, and
    whom to contact first."""
    tenant = principal().tenant
    summary = insights.summary(tenant)
    if summary.found is None:
        return page("overview_empty.html", tenant=tenant, summary=summary)
    points = insights.history(tenant, None, POINTS)
    return page(
        "overview.html",
        tenant=tenant,
        summary=summary,
        found=summary.found,
        cards=_cards(summary.found, _before(points, summary), tenant),
        misfit=_misfit(summary.found),
        histogram=_histogram(summary.found),
        trend=_trend(points),
        points=points,
        slipping=_slipping(tenant),
    )


def _before(points: list[Point], summary: Summary) -> Overview | None:
    """The full run before the run of the summary."""
    return next((p.found for p in points if p.run.job_id != summary.job_id), None)


def _cards(found: Overview, before: Overview | None, tenant: Tenant) -> list[Card]:
    now, then = found.everyone, before.everyone if before else NOBODY
    # Predicted by another model, it is another figure.
    comparable = then if before and before.model == found.model else NOBODY
    return [
        Card("Customers", "count", now.customers, then.customers, 1, "with a score"),
        Card("Mean score", "decimal", now.mean_score, then.mean_score, 1, "of 100"),
        Card(
            figures.projection(found.model),
            "money",
            now.predicted_revenue,
            comparable.predicted_revenue,
            1,
            _about_projection(found),
        ),
        Card(
            "Revenue at risk",
            "money",
            now.revenue_at_risk,
            comparable.revenue_at_risk,
            -1,
            f"{figures.projection(found.model).lower()} × probability of churn",
        ),
    ]


def _about_projection(found: Overview) -> str:
    months = found.settings.lifespan_months
    if found.model == "calibrated":
        return f"in the next {months} months, by the calibrated model"
    return f"revenue so far, carried on for {months} months; not a forecast"


def _misfit(found: Overview) -> Suggestion | None:
    """The suggested at-risk days, where those of the run don't fit the data."""
    suggestion = found.suggestion
    if suggestion is None or suggestion.days == found.settings.at_risk_days:
        return None
    change = abs(suggestion.share_now - suggestion.share_then)
    return suggestion if change >= MISFIT_SHARE else None


def _histogram(found: Overview) -> dict[str, Any]:
    return {
        "kind": "histogram",
        "labels": [f"{n * BIN_WIDTH}–{(n + 1) * BIN_WIDTH}" for n in range(len(found.histogram))],
        "values": found.histogram,
        "lines": [
            {"at": value / BIN_WIDTH, "label": label}
            for label, value in (("P25", found.p25), ("P75", found.p75))
            if value is not None
        ],
    }


def _trend(points: list[Point]) -> dict[str, Any]:
    """The customers of each segment, oldest run first."""
    oldest_first = points[::-1]
    return {
        "kind": "trend",
        "times": [point.found.as_of_ms for point in oldest_first],
        "series": [
            {
                "name": name,
                "values": [point.found.segments[name].customers for point in oldest_first],
            }
            for name in SEGMENTS
        ],
    }


def _slipping(tenant: Tenant) -> list[Listed]:
    """Who is silent for longer than the at-risk days, but not yet three times as long, with the
    most revenue at risk."""
    days = tenant.settings.at_risk_days
    leaders = records.page_of_records(
        tenant, Filter(), Order("revenue_at_risk", descending=True), None, LEADERS_READ
    )
    found = [
        entry
        for entry in leaders
        if days <= entry.scores.recency_days < 3 * days and entry.scores.frequency > 0
    ]
    return found[:SHOWN]
