"""What customers did: interaction summaries."""

from typing import Any

from flask import Response, current_app
from flask.views import MethodView

from clv.api import downloads, uploads
from clv.api.paging import Position, read_page
from clv.api.schemas.summaries import MergeResult, SummaryList, SummaryQuery, SummaryRows
from clv.api.schemas.uploads import SummariesResult, UploadQuery
from clv.auth.principal import Role, authorize
from clv.errors import Invalid
from clv.files.kinds import KIND_OF
from clv.files.summaries import writer
from clv.http.access import ClvBlueprint, principal
from clv.services import loading, summaries
from clv.services.loading import Loaded
from clv.store.merging import Merged
from clv.store.summaries import Chosen

blp = ClvBlueprint("summaries", __name__, url_prefix="/api/v1", description="Interaction summaries")

_POSITION = Position(
    {f"row.{name}": str for name in ("period_key", "offer_id", "creative_id", "channel_id")}
)
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
    @downloads.also_as_file(blp, writer.COLUMNS)
    @blp.response(200, SummaryList, headers=downloads.HEADERS)
    def get(self, query: dict[str, Any]) -> Response:
        """List a customer's interaction summaries, the latest period first

        Or, with `Accept: text/csv` or `application/x-ndjson`, all that match as one file, by
        customer and period, without `limit` and `cursor`: PUT /interaction-summaries takes it as
        it is. Without customerId it has the rows of all customers, and needs the role admin. What
        is loaded meanwhile can be in it in part; a file whose transfer was not completed is not
        complete.
        """
        wanted = downloads.wanted()
        return _page(**query) if wanted == downloads.JSON else _file(wanted, **query)

    @blp.named("addInteractionSummaries")
    @blp.access(Role.EDITOR, 400, 409, 413, 415)
    @uploads.fence_body
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
        since = uploads.since_removal()
        return loading.add_summaries(principal().tenant, types[0], list(rows), since)

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
        options = uploads.fenced(query["options"])
        with uploads.file() as file:
            return loading.load_summaries(principal().tenant, file, options)


def _page(chosen: Chosen, period_type: str | None, limit: int, cursor: str | None) -> Any:
    if chosen.customer_id is None:
        raise _customer_is_missing()
    tenant = principal().tenant
    page = read_page(
        lambda after, count: summaries.customer_summaries(
            tenant, chosen, after, count, period_type
        ),
        _POSITION,
        limit,
        cursor,
        total=summaries.count_summaries(tenant, chosen, period_type),
    )
    response = current_app.json.response(SummaryList().dump(page))
    response.vary.add("Accept")
    return response


def _customer_is_missing() -> Invalid:
    reason = (
        "Is missing. The rows of all customers come as a file alone, to an admin: send"
        " Accept: text/csv or application/x-ndjson."
    )
    return Invalid(
        f"The request is not valid. customerId: {reason}", {"query": {"customerId": [reason]}}
    )


def _file(mimetype: str, chosen: Chosen, period_type: str | None, **page: Any) -> Response:
    if chosen.customer_id is None:
        authorize(principal(), Role.ADMIN, None)
    downloads.refuse_paging()
    text = summaries.file_of_summaries(principal().tenant, chosen, KIND_OF[mimetype], period_type)
    return downloads.send(text, mimetype, "clv-interaction-summaries")
