"""The feed for other systems, as pages of JSON or streamed."""

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

from flask import Response, current_app
from flask.views import MethodView

from clv.api import downloads, paging
from clv.api.schemas.feed import FeedPage, FeedQuery
from clv.auth.principal import Role
from clv.files import writer
from clv.files.kinds import NDJSON
from clv.http.access import ClvBlueprint, principal
from clv.services import feed
from clv.services.feed import Place

blp = ClvBlueprint("feed", __name__, url_prefix="/api/v1", description="Keep other systems in step")

_KINDS = (int, int, int, int, int, int, int, str)
_HEADERS = {
    "Removal-Key": {
        "description": "Of a stream: the key of `customerHmac`",
        "schema": {"type": "string"},
    },
    **downloads.HEADERS,
}


@blp.route("/clv/feed")
class Feed(MethodView):
    """What was written and removed."""

    @blp.named("readFeed")
    @blp.access(Role.VIEWER, 400, 410)
    @blp.arguments(FeedQuery, location="query")
    @blp.alt_response(200, success=True, content_type=NDJSON, schema={"type": "string"})
    @blp.response(200, FeedPage, headers=_HEADERS)
    def get(self, query: dict[str, Any]) -> Response:
        """Follow what is written and removed

        Without `after`, all records come; with the cursor that was returned last, every record that
        was written since, and every customer who was removed. Who applies what comes in its order,
        and asks again at any times, ends with the same customers as the service. Anything may come
        more than once.

        A batch's records come when it has ended. A cursor from before something that is no longer
        kept is a 410: start again without `after`.

        With `Accept: application/x-ndjson`, all that is there comes as one stream, unrounded. The
        last line has a cursor, and so have some of the others: one for all up to that line.
        """
        place = _place(query["after"], principal().tenant_id)
        is_stream = downloads.wanted([NDJSON]) == NDJSON
        return _stream(place) if is_stream else _page(place, query["limit"])


def _page(place: Place | None, limit: int) -> Any:
    tenant_id = principal().tenant_id
    portion, has_more = feed.page(tenant_id, place, limit)
    page = {
        "data": portion.entries,
        "pagination": {"cursor": _cursor(portion.place), "has_more": has_more},
        "removal_key": feed.key_of_removals(tenant_id),
    }
    response = current_app.json.response(FeedPage().dump(page))
    response.vary.add("Accept")
    return response


def _stream(place: Place | None) -> Response:
    downloads.refuse_paging()
    tenant_id = principal().tenant_id
    key = feed.key_of_removals(tenant_id)
    response = downloads.send(_lines(feed.stream(tenant_id, place)), NDJSON, "clv-feed")
    response.headers["Removal-Key"] = key
    return response


def _lines(portions: Iterator[feed.Portion]) -> Iterator[str]:
    for portion in portions:
        yield writer.write_feed(portion.entries, _cursor(portion.place))


def _cursor(place: Place) -> str:
    return paging.encode(*astuple(place))


def _place(cursor: str | None, tenant_id: int) -> Place | None:
    """The place that a cursor stands for; None without one.

    :raises Invalid: when it is not one of this tenant's feed
    """
    values = paging.decode(cursor, *_KINDS, name="after")
    place = None if values is None else Place(*values)
    if place is not None and (place.tenant_id != tenant_id or place.part not in feed.PARTS):
        raise paging.refused("after")
    return place
