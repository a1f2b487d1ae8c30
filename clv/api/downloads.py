"""What all downloads have in common: a file of any size as a streamed response."""

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain

from flask import Response, g, request

from clv import logs
from clv.errors import Invalid
from clv.files.kinds import KIND_OF, NDJSON
from clv.http.access import ClvBlueprint
from clv.http.application import components

JSON = "application/json"
_OF_PAGES = ("limit", "cursor", "count")
# What an Accept header may name, and what it gets then.
_OFFERED = {
    offer: offered
    for offered in (JSON, *KIND_OF)
    for offer in (offered, f"{offered};charset=utf-8")
}
_TEXT = {"type": "string"}
# Of a list that is a file, too.
HEADERS = {
    "Content-Disposition": {"description": "Of a file: its name", "schema": _TEXT},
    "Vary": {"schema": _TEXT, "example": "Accept"},
}


def also_as_file(blp: ClvBlueprint, columns: Sequence[str]) -> Callable:
    """Document that a list is a file, too, of these columns."""

    def decorator(view: Callable) -> Callable:
        for kind, more in (("text/csv", {"example": f"{','.join(columns)}\n"}), (NDJSON, {})):
            documented = blp.alt_response(
                200, success=True, content_type=kind, schema=_TEXT, **more
            )
            view = documented(view)
        return view

    return decorator


def wanted() -> str:
    """The media type that the current request prefers: JSON or one of a file."""
    return _OFFERED[request.accept_mimetypes.best_match(_OFFERED, JSON)]


def refuse_paging() -> None:
    """Check that the current request does not ask for a page of the list: a file has all of it.

    :raises Invalid: when it does
    """
    given = [name for name in _OF_PAGES if name in request.args]
    if given:
        reason = "Is for pages of JSON; a file has all that match."
        raise Invalid(
            f"The request is not valid. {given[0]}: {reason}",
            {"query": {name: [reason] for name in given}},
        )


def send(text: Iterator[str], mimetype: str, name: str) -> Response:
    """A file that is sent while it is written, by one of the few threads that may take long.

    :param name: of the file, without its ending
    :raises Unavailable: when no such thread is free
    """
    with ExitStack() as seat:
        seat.enter_context(components().waiting_room.seat())
        # Within the request, so that what fails at the first page is an error like any other.
        first = "" if request.method == "HEAD" else next(text, "")
        response = Response(
            _sent(chain([first], text), g.request_id), content_type=f"{mimetype}; charset=utf-8"
        )
        response.call_on_close(seat.pop_all().close)
    filename = f"{name}.{KIND_OF[mimetype]}"
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    response.vary.add("Accept")
    return response


def _sent(text: Iterator[str], request_id: str) -> Iterator[str]:
    """The text. If it breaks off, so does the connection: no partial file looks complete."""
    try:
        yield from text
    except Exception as error:
        logs.event("file.broken_off", logging.ERROR, request=request_id, error=logs.trace(error))
        # gunicorn takes this for a client that is gone: it logs no traceback, and closes the
        # connection without the chunk that would end the body.
        raise BrokenPipeError(errno.EPIPE, "The file could not be sent whole.") from None
