"""Lists of the scored customers, as pages of JSON or streamed as a file."""

from functools import partial
from typing import Any

from flask import Response, current_app, request
from flask.views import MethodView

from clv.api import downloads
from clv.api.paging import read_page
from clv.api.schemas.records import RecordList, RecordsQuery
from clv.auth.principal import Role
from clv.files import writer
from clv.files.kinds import KIND_OF
from clv.http.access import ClvBlueprint, principal
from clv.services import records

blp = ClvBlueprint("records", __name__, url_prefix="/api/v1", description="Lists of customers")

JSON = "application/json"
# What an Accept header may name, and what it gets then.
_OFFERED = {
    offer: offered
    for offered in (JSON, *KIND_OF)
    for offer in (offered, f"{offered};charset=utf-8")
}


@blp.route("/clv/records")
class Records(MethodView):
    """The scored customers of a tenant."""

    @blp.access(Role.VIEWER, 400)
    @blp.arguments(RecordsQuery, location="query")
    @blp.alt_response(
        200, success=True, content_type="application/x-ndjson", schema={"type": "string"}
    )
    @blp.alt_response(
        200,
        success=True,
        content_type="text/csv",
        schema={"type": "string"},
        example=f"{','.join(writer.COLUMNS)}\n",
    )
    @blp.response(200, RecordList, headers=downloads.FILE_HEADERS)
    def get(self, query: dict[str, Any]) -> Response:
        """List the scored customers

        As pages of JSON; or, with `Accept: text/csv` or `application/x-ndjson`, all that match as
        one file: unrounded, with the columns always in this order and new ones only at the end,
        and without `limit`, `cursor` and `count`; `include=model` adds a last one. A file whose
        transfer was not completed is not complete.

        Sorted by customerId, a walk from page to page meets each customer once, whatever is
        computed meanwhile; in another order, those whose scores change meanwhile can be met twice
        or not at all. A cursor belongs to its sort.
        """
        offered = _OFFERED[request.accept_mimetypes.best_match(_OFFERED, JSON)]
        return _page(query) if offered == JSON else _file(query, offered)


def _page(query: dict[str, Any]) -> Any:
    tenant, matching = principal().tenant, query["matching"]
    page = read_page(
        partial(records.page_of_records, tenant, matching, query["order"]),
        query["position"],
        query["limit"],
        query["cursor"],
        total=records.total_of_records(tenant, matching, query["count"]),
    )
    left_out = () if query["include"] == "model" else ("data.model",)
    response = current_app.json.response(RecordList(exclude=left_out).dump(page))
    response.vary.add("Accept")
    return response


def _file(query: dict[str, Any], mimetype: str) -> Response:
    downloads.refuse_paging()
    kind, with_model = KIND_OF[mimetype], query["include"] == "model"
    text = records.file_of_records(
        principal().tenant, query["matching"], query["order"], kind, with_model=with_model
    )
    return downloads.send(text, mimetype, "clv-records")
