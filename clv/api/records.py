"""Lists of the scored customers, as pages of JSON or streamed as a file."""

import time
from functools import partial
from typing import Any

from flask import Response, current_app
from flask.views import MethodView

from clv.api import downloads
from clv.api.paging import read_page
from clv.api.schemas.records import RecordList, RecordsQuery, record_list
from clv.auth.principal import Role
from clv.domain import calendar
from clv.files import writer
from clv.files.kinds import KIND_OF
from clv.http.access import ClvBlueprint, principal, seat
from clv.services import audiences, records

COUNT = {"type": "integer"}
AUDIENCE_HEADERS = {
    "X-CLV-Customers": {"description": "Of a file with `format`: its customers", "schema": COUNT},
    "X-CLV-Left-Out": {
        "description": "Of a file with `format`: customers that match and are not in it",
        "schema": COUNT,
    },
}
blp = ClvBlueprint("records", __name__, url_prefix="/api/v1", description="Lists of customers")


@blp.route("/clv/records")
class Records(MethodView):
    """The scored customers of a tenant."""

    @blp.named("listRecords")
    @blp.access(Role.VIEWER, 400)
    @blp.arguments(RecordsQuery, location="query")
    @downloads.also_as_file(blp, writer.COLUMNS)
    @blp.response(200, RecordList, headers={**downloads.HEADERS, **AUDIENCE_HEADERS})
    def get(self, query: dict[str, Any]) -> Response:
        """List the scored customers

        As pages of JSON; or, with `Accept: text/csv` or `application/x-ndjson`, all that match as
        one file: unrounded, with the columns always in this order and new ones only at the end,
        and without `limit`, `cursor` and `count`. A file whose transfer was not completed is not
        complete.

        What `include` asks for is added to the records of both, behind the columns of a file.
        A forecast is of the summaries and by the model as they are now, from computedAt on; its
        numbers are null for a customer without conversions, and where rfm serves.

        With `format`, all that match as a CSV for a marketing service, sorted likewise. Customers
        whose ids are no e-mail addresses are left out, and counted in `X-CLV-Left-Out`; when none
        is left, the answer is a 400.

        Sorted by customerId, a walk from page to page meets each customer once, whatever is
        computed meanwhile; in another order, those whose scores change meanwhile can be met twice
        or not at all. A cursor belongs to its sort.
        """
        if query["audience"] is not None:
            return _audience(query)
        wanted = downloads.wanted()
        return _page(query) if wanted == downloads.JSON else _file(query, wanted)


def _page(query: dict[str, Any]) -> Any:
    tenant, matching = principal().tenant, query["matching"]
    page = read_page(
        partial(
            records.page_of_records, tenant, matching, query["order"], include=query["include"]
        ),
        query["position"],
        query["limit"],
        query["cursor"],
        total=records.total_of_records(tenant, matching, query["count"]),
    )
    response = current_app.json.response(record_list(query["include"].words).dump(page))
    response.vary.add("Accept")
    return response


def _file(query: dict[str, Any], mimetype: str) -> Response:
    downloads.refuse_paging()
    text = records.file_of_records(
        principal().tenant,
        query["matching"],
        query["order"],
        KIND_OF[mimetype],
        include=query["include"],
    )
    return downloads.send(text, mimetype, "clv-records")


def _audience(query: dict[str, Any]) -> Response:
    downloads.refuse_paging()
    downloads.refuse(["include"], "Is for other files; with format, the columns are fixed.")
    tenant, matching, name = principal().tenant, query["matching"], query["audience"]
    with seat():
        audience = audiences.audience_of(tenant, matching, query["order"], name)
    today = calendar.key_of(tenant.settings.zone.day(int(time.time() * 1000)))
    filename = "-".join(filter(None, ("clv", name, matching.segment, today)))
    response = downloads.send(audience.text, "text/csv", filename)
    response.headers["X-CLV-Customers"] = str(audience.customers)
    response.headers["X-CLV-Left-Out"] = str(audience.left_out)
    return response
