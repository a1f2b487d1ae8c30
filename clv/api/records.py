"""Lists of the scored customers, as pages of JSON or streamed as a file."""

import errno
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any

from flask import Response, g, request
from flask.views import MethodView

from clv import logs
from clv.api import paging
from clv.api.schemas.records import RecordList, RecordsQuery
from clv.auth.principal import Role
from clv.domain.scoring import MODELS
from clv.errors import Invalid
from clv.files import writer
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import records
from clv.store.listing import Filter, Listed

blp = ClvBlueprint("records", __name__, url_prefix="/api/v1", description="Lists of customers")

JSON = "application/json"
FILES = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
# What an Accept header may name, and what it gets then.
_OFFERED = {
    offer: offered for offered in (JSON, *FILES) for offer in (offered, f"{offered};charset=utf-8")
}
# How the value of a cursor must look, by what the list is sorted by.
_KINDS = {
    "customer_id": str,
    "score": float,
    "predicted_revenue": int,
    "revenue_at_risk": float,
    "recency_days": int,
}
_PAGED = ("limit", "cursor", "count")
_TEXT = {"type": "string"}
_HEADERS = {
    "Content-Disposition": {"description": "Of a file: its name", "schema": _TEXT},
    "Vary": {"schema": _TEXT, "example": "Accept"},
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
    @blp.response(200, RecordList, headers=_HEADERS)
    def get(self, query: dict[str, Any]) -> Any:
        """List the scored customers

        As pages of JSON; or, with `Accept: text/csv` or `application/x-ndjson`, all that match as
        one file: unrounded, with the columns always in this order and new ones only at the end,
        and without `limit`, `cursor` and `count`; `include=model` adds a last one. A file whose
        transfer was not completed is not complete.

        Sorted by customerId, a walk from page to page meets each customer once, whatever is
        computed meanwhile; in another order, those whose scores change meanwhile can be met twice
        or not at all. A cursor belongs to its sort.
        """
        offered = request.accept_mimetypes.best_match(_OFFERED, JSON)
        if _OFFERED[offered] in FILES:
            return file_of(query, _OFFERED[offered])
        return page_of(query), {"Vary": "Accept"}


def page_of(query: dict[str, Any]) -> dict[str, Any]:
    """A page of the list that a loaded :class:`RecordsQuery` asks for."""
    tenant, wanted, limit = principal().tenant, _wanted(query), query["limit"]
    found = records.page_of_records(
        tenant, wanted, writer.SORTS[query["sort"]], _after(query), limit + 1
    )
    body = paging.page(
        [_view(entry, query["include"] == "model") for entry in found],
        limit,
        lambda n: paging.encode(query["sort"], found[n].value, found[n].scores.customer_id),
    )
    body["pagination"]["total"] = records.total_of_records(tenant, wanted, query["count"])
    return body


def file_of(query: dict[str, Any], mimetype: str, for_spreadsheets: bool = False) -> Response:
    """The whole list as a file."""
    _refuse_pages()
    kind = FILES[mimetype]
    pages = records.all_records(principal().tenant, _wanted(query), writer.SORTS[query["sort"]])
    text = writer.write(pages, kind, query["include"] == "model", for_spreadsheets)
    room = components().waiting_room
    with ExitStack() as seat:
        seat.enter_context(room.seat())
        # Within the request: what fails at the first page is an error like any other.
        first = "" if request.method == "HEAD" else next(text, "")
        response = Response(
            _sent(chain([first], text), g.request_id), content_type=f"{mimetype}; charset=utf-8"
        )
        response.call_on_close(seat.pop_all().close)
    response.headers.set("Content-Disposition", "attachment", filename=f"clv-records.{kind}")
    response.vary.add("Accept")
    return response


def _sent(text: Iterator[str], request_id: str) -> Iterator[str]:
    """The text; when it breaks off, so does the connection, and nobody takes the file for whole."""
    try:
        yield from text
    except Exception as error:
        logs.event("file.broken_off", logging.ERROR, request=request_id, error=logs.summary(error))
        # To gunicorn a client that is gone: it closes the connection without the chunk that
        # would end the body, and logs no traceback.
        raise BrokenPipeError(errno.EPIPE, "The file could not be sent whole.") from None


def _refuse_pages() -> None:
    given = [name for name in _PAGED if name in request.args]
    if given:
        reason = "Is for pages of JSON; a file has all that match."
        raise Invalid(
            f"The request is not valid. {given[0]}: {reason}",
            {"query": {name: [reason] for name in given}},
        )


def _after(query: dict[str, Any]) -> tuple[Any, str] | None:
    """Value and customer id of the entry that the cursor names."""
    sort = query["sort"]
    found = paging.decode(query["cursor"], str, _KINDS[writer.SORTS[sort].by], str)
    if found is None:
        return None
    of_sort, value, customer_id = found
    if of_sort != sort:
        raise paging.refused()
    return value, customer_id


def _wanted(query: dict[str, Any]) -> Filter:
    return Filter(
        segment=query["segment"],
        customer_ids=query["customerId"],
        min_score=query["minScore"],
        max_score=query["maxScore"],
        min_recency=query["minRecency"],
        max_recency=query["maxRecency"],
        min_frequency=query["minFrequency"],
        min_revenue=query["minRevenue"],
        min_tenure_days=query["minTenureDays"],
        computed_after=query["computedAfter"],
        computed_before=query["computedBefore"],
    )


def _view(entry: Listed, with_model: bool) -> dict[str, Any]:
    scores = entry.scores
    more = {"model": MODELS[scores.model]} if with_model else {}
    return {
        "customerId": scores.customer_id,
        "clvScore": int(scores.score + 0.5),
        "predictedRevenue": scores.predicted_revenue,
        "churnProbability": scores.churn_probability,
        "revenueAtRisk": scores.revenue_at_risk,
        "rfmRecency": scores.recency_days,
        "rfmFrequency": scores.frequency,
        "rfmMonetary": scores.monetary,
        "segment": scores.segment,
        "computedAt": scores.computed_ms,
        "jobId": entry.job_id,
        **more,
    }
