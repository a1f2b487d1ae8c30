"""What all downloads have in common: a file of any size as a streamed response."""

import errno
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

from flask import Response, g, request

from clv import logs
from clv.errors import Invalid
from clv.files.kinds import KIND_OF
from clv.http.access import seat

_TEXT = {"type": "string"}
# Those of an endpoint that answers with a page or a file, for the document.
FILE_HEADERS = {
    "Content-Disposition": {"description": "Of a file: its name", "schema": _TEXT},
    "Vary": {"schema": _TEXT, "example": "Accept"},
}
_OF_PAGES = ("limit", "cursor", "count")


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
    with ExitStack() as taken:
        taken.enter_context(seat())
        # Within the request, so that what fails at the first page is an error like any other.
        first = "" if request.method == "HEAD" else next(text, "")
        response = Response(
            _sent(chain([first], text), g.request_id), content_type=f"{mimetype}; charset=utf-8"
        )
        response.call_on_close(taken.pop_all().close)
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
