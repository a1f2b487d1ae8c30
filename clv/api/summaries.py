"""What customers did: interaction summaries."""

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from clv import service
from clv.api.blueprint import ClvBlueprint, principal
from clv.auth import Role
from clv.schemas.summaries import MergeResult, SummaryRows

blp = ClvBlueprint("summaries", __name__, url_prefix="/api/v1", description="Data in")


@blp.route("/interaction-summaries")
class InteractionSummaries(MethodView):
    """A tenant's interaction summaries."""

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
