"""What a tenant's scores say: the summary, its history, and how customers moved."""

from typing import Any

from flask.views import MethodView

from clv.api import paging
from clv.api.schemas.base import PageQuery
from clv.api.schemas.insights import ChangesQuery, ClvSummary, CustomerChanges, SummaryHistory
from clv.auth.principal import Role
from clv.domain.overview import BIN_WIDTH, Group, Overview, Suggestion
from clv.http.access import ClvBlueprint, principal
from clv.services import insights
from clv.services.insights import Point
from clv.store.changes import Change

blp = ClvBlueprint("insights", __name__, url_prefix="/api/v1", description="What the scores say")


@blp.route("/clv/summary")
class Summary(MethodView):
    """All of the tenant's customers."""

    @blp.access(Role.VIEWER)
    @blp.response(200, ClvSummary)
    def get(self) -> dict[str, Any]:
        """Read what the customers add up to

        As of the last finished run, which stored it. After a run of a segment the others are as
        their last computations left them.
        """
        tenant = principal().tenant
        found = insights.summary(tenant)
        return {
            **_overview(found.found),
            "customers": found.found.everyone.customers if found.found else found.customers,
            "currency": tenant.currency,
            "jobId": found.job_id,
            "dataUpdatedAt": found.data_updated_ms,
            "lastFullRunAt": found.last_full_run_ms,
            "stale": found.stale,
            "settingsChangedSinceLastRun": found.settings_changed,
            "message": found.message,
        }


@blp.route("/clv/summary/history")
class SummaryPoints(MethodView):
    """What the tenant's customers added up to."""

    @blp.access(Role.VIEWER, 400)
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, SummaryHistory)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List what each full run found, newest first"""
        limit = query["limit"]
        (before,) = paging.decode(query["cursor"], int) or (None,)
        points = insights.history(principal().tenant, before, limit + 1)
        rows = [_point(point) for point in points]
        return paging.page(rows, limit, lambda index: paging.encode(points[index].run.id))


@blp.route("/clv/changes")
class Changes(MethodView):
    """How the tenant's customers moved."""

    @blp.access(Role.VIEWER, 400)
    @blp.arguments(ChangesQuery, location="query")
    @blp.response(200, CustomerChanges)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List how customers moved, newest first

        A row when a customer is scored for the first time, when the segment changes, and when the
        score has moved by 5 or more since the customer's last row. The rows of a run bear its asOf
        and appear while it goes on: to miss none, ask when it has finished, since the asOf of the
        run before.
        """
        limit = query["limit"]
        before: Any = paging.decode(query["cursor"], int, str)
        found = insights.page_of_changes(
            principal().tenant, query["to"], query["since"], before, limit + 1
        )
        rows = [{"customerId": change.customer_id, **change_view(change)} for change in found]
        return paging.page(
            rows, limit, lambda index: paging.encode(found[index].at_ms, found[index].customer_id)
        )


def change_view(change: Change) -> dict[str, Any]:
    """A row of a history as the API shows it."""
    return {
        "at": change.at_ms,
        "clvScore": int(change.score + 0.5),
        "score": change.score,
        "segment": change.segment,
        "previousSegment": change.previous_segment,
    }


def _overview(found: Overview | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(ClvSummary().fields)
    return {
        **_figures(found),
        "histogram": [
            {"from_": number * BIN_WIDTH, "to": (number + 1) * BIN_WIDTH, "customers": customers}
            for number, customers in enumerate(found.histogram)
        ],
        "customersWithoutInteraction": found.silent,
        "suggestion": _suggestion(found.suggestion),
        "modelReason": found.model_reason,
        "asOf": found.as_of_ms,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        **_figures(point.found),
        "jobId": point.run.job_id,
        "asOf": point.found.as_of_ms,
        "finishedAt": point.run.finished_ms,
    }


def _figures(found: Overview) -> dict[str, Any]:
    return {
        **_group(found.everyone),
        "segments": {name: _group(group) for name, group in found.segments.items()},
        "newCustomers": _group(found.new),
        "p25": found.p25,
        "p75": found.p75,
        "model": found.model,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "customers": group.customers,
        "meanScore": group.mean_score,
        "revenue": group.revenue,
        "predictedRevenue": group.predicted_revenue,
        "revenueAtRisk": group.revenue_at_risk,
    }


def _suggestion(found: Suggestion | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "atRiskDays": found.days,
        "shareAtRiskNow": found.share_now,
        "shareAtRiskThen": found.share_then,
    }
