"""What customers did: interaction summaries."""

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from clv import service
from clv.api.blueprint import ClvBlueprint, principal
from clv.auth import Role
from clv.schemas.summaries import MergeResult, SummaryList, SummaryQuery, SummaryRows
from clv.store.summaries import Summary

blp = ClvBlueprint("summaries", __name__, url_prefix="/api/v1", description="Interaction summaries")


@blp.route("/interaction-summaries")
class InteractionSummaries(MethodView):
    """A tenant's interaction summaries."""

    @blp.access(Role.VIEWER, 400)
    @blp.arguments(SummaryQuery, location="query")
    @blp.response(200, SummaryList)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Read a customer's interaction summaries, the latest period first"""
        tenant = principal().tenant
        rows, total = service.customer_summaries(
            tenant,
            query["customerId"],
            query["periodType"],
            query["offerId"],
            query["channelId"],
            query["limit"],
        )
        return {"data": [_view(row, tenant.period_type) for row in rows], "total": total}

    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @blp.arguments(SummaryRows)
    @blp.response(200, MergeResult)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Insert or replace up to 1,000 interaction summaries

        Load what customers did (visits, clicks, orders), not what was sent to them.

        All or nothing: the natural key is customer, period, offer, creative and channel. Sending
        the same row again changes nothing, a corrected row replaces, and a row whose impressions,
        converts and totalValue are all 0 deletes the stored one.
        """
        types, rows = zip(*body["data"], strict=True)
        return asdict(service.add_summaries(principal().tenant, types[0], list(rows)))


def _view(row: Summary, period_type: str | None) -> dict[str, Any]:
    return {
        "customerId": row.customer_id,
        "periodType": period_type,
        "periodKey": row.period_key,
        "offerId": row.offer_id,
        "creativeId": row.creative_id,
        "channelId": row.channel_id,
        "impressions": row.impressions,
        "converts": row.converts,
        "totalValue": row.total_value,
        "lastContactAt": row.last_contact_ms,
        "firstContactAt": row.first_contact_ms,
    }
