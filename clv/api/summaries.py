"""What customers did: interaction summaries."""

from typing import Any

from flask.views import MethodView

from clv.api import uploads
from clv.api.schemas.summaries import MergeResult, SummaryList, SummaryQuery, SummaryRows
from clv.api.schemas.uploads import SummariesResult, UploadQuery
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.services import customers, loading
from clv.services.loading import Loaded
from clv.store.merging import Merged

blp = ClvBlueprint("summaries", __name__, url_prefix="/api/v1", description="Interaction summaries")

_EXAMPLE = (
    "customerId,periodType,periodKey,impressions,converts,totalValue,lastContactAt\n"
    "CUST-001,daily,2026-04-30,3,1,42.50,2026-04-30T09:15:00.000Z\n"
)
_NDJSON_EXAMPLE = (
    '{"customerId": "CUST-001", "periodType": "daily", "periodKey": "2026-04-30",'
    ' "impressions": 3, "lastContactAt": "2026-04-30T09:15:00.000Z"}\n'
)


@blp.route("/interaction-summaries")
class InteractionSummaries(MethodView):
    """A tenant's interaction summaries."""

    @blp.named("listInteractionSummaries")
    @blp.access(Role.VIEWER, 400)
    @blp.arguments(SummaryQuery, location="query")
    @blp.response(200, SummaryList)
    def get(self, query: dict[str, Any]) -> customers.SummaryList:
        """Read a customer's interaction summaries, the latest period first"""
        return customers.customer_summaries(principal().tenant, **query)

    @blp.named("addInteractionSummaries")
    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @blp.arguments(SummaryRows)
    @blp.response(200, MergeResult)
    def post(self, body: dict[str, Any]) -> Merged:
        """Insert or replace up to 1,000 interaction summaries

        Load what customers did (visits, clicks, orders), not what was sent to them.

        All or nothing: the natural key is customer, period, offer, creative and channel. Sending
        the same row again changes nothing, a corrected row replaces, and a row whose impressions,
        converts and totalValue are all 0 deletes the stored one. A row with a totalValue alone is
        a correction, such as a refund: it changes the customer's revenue and nothing else.
        """
        types, rows = zip(*body["data"], strict=True)
        return loading.add_summaries(principal().tenant, types[0], list(rows))

    @blp.named("loadInteractionSummaries")
    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @uploads.accepted(blp, {"text/csv": _EXAMPLE, "application/x-ndjson": _NDJSON_EXAMPLE})
    @blp.arguments(UploadQuery, location="query")
    @blp.response(200, SummariesResult)
    def put(self, query: dict[str, Any]) -> Loaded:
        """Load a file of interaction summaries of any size

        CSV with a header line, or NDJSON; gzipped or not. The columns are the fields of a row of
        POST, in camelCase or snake_case, with the same defaults and checks; an empty cell is as
        good as left out. Sending the file again changes nothing, a corrected row replaces, a row
        of zeros deletes. A line whose natural key an earlier one has is a bad line. One bad line
        keeps the whole file out, unless skipBadLines. Readers and runs see all of it or nothing.
        """
        return loading.load_summaries(principal().tenant, uploads.file(), **query)
