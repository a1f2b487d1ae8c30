"""What a tenant's scores say: the summary, its history, and how customers moved."""

from typing import Any

from flask.views import MethodView

from clv.api.paging import Position, paginated, read_page
from clv.api.schemas.insights import ChangesQuery, ClvSummary, CustomerChanges, SummaryHistory
from clv.auth.principal import Role
from clv.http import etags
from clv.http.access import ClvBlueprint, principal
from clv.services import insights
from clv.services.insights import Point

blp = ClvBlueprint("insights", __name__, url_prefix="/api/v1", description="What the scores say")

_CHANGE = Position({"at_ms": int, "customer_id": str})


@blp.route("/clv/summary")
class Summary(MethodView):
    """All of the tenant's customers."""

    @blp.named("getSummary")
    @blp.access(Role.VIEWER, headers=[etags.IF_NONE_MATCH])
    @etags.tagged
    @blp.may_be_known()
    @blp.response(200, ClvSummary, headers=etags.HEADER)
    def get(self) -> insights.LatestOverview:
        """Read what the customers add up to

        As of the last finished run, which stored it. After a run of a segment the others are as
        their last computations left them.
        """
        return insights.latest_overview(principal().tenant)


@blp.route("/clv/summary/history")
class SummaryPoints(MethodView):
    """What the tenant's customers added up to."""

    @blp.named("listSummaryHistory")
    @blp.access(Role.VIEWER, 400)
    @paginated(blp, SummaryHistory, Position({"run.id": int}))
    def get(self, before: int | None, limit: int) -> list[Point]:
        """List what each full run found, newest first"""
        return insights.history(principal().tenant, before, limit)


@blp.route("/clv/changes")
class Changes(MethodView):
    """How the tenant's customers moved."""

    @blp.named("listChanges")
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
        tenant, to, since = principal().tenant, query["to"], query["since"]
        page = read_page(
            lambda before, limit: insights.page_of_changes(tenant, to, since, before, limit),
            _CHANGE,
            query["limit"],
            query["cursor"],
        )
        changes = insights.newest_model_changes(tenant, since)
        return {"data": page.data, "pagination": page.pagination, "model_changes": changes}
