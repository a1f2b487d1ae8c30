"""What all downloads have in common: a file of any size as a streamed response."""

import errno
import logging
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain

from flask import Response, g, request

from clv import logs
from clv.errors import Invalid
from clv.files.kinds import CSV, KIND_OF
from clv.http.access import ClvBlueprint, seat

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
    "Content-Encoding": {"description": "Of a file: gzip, if accepted", "schema": _TEXT},
    "Vary": {"schema": _TEXT, "example": "Accept"},
}
# Of 100,000 records as CSV, 16.7 MB, level 1 makes 5.1 MB in 0.10 s of processor time, level 6
# 4.9 MB in 0.43 s; writing the text takes 0.89 s.
_LEVEL = 1
_GZIP_WINDOW = 31


def also_as_file(
    blp: ClvBlueprint, columns: Sequence[str], files: Collection[str] = KIND_OF.keys()
) -> Callable:
    """Document that a list is a file, too, of these columns.

    :param files: the kinds of files that there are
    """
    examples = {CSV: {"example": f"{','.join(columns)}\n"}}

    def decorator(view: Callable) -> Callable:
        for kind in files:
            documented = blp.alt_response(
                200, success=True, content_type=kind, schema=_TEXT, **examples.get(kind, {})
            )
            view = documented(view)
        return view

    return decorator


def wanted(files: Collection[str] = KIND_OF.keys()) -> str:
    """The media type that the current request prefers: JSON or one of a file.

    :param files: the kinds of files that there are
    """
    offers = [offer for offer, kind in _OFFERED.items() if kind == JSON or kind in files]
    return _OFFERED[request.accept_mimetypes.best_match(offers, JSON)]


def refuse_paging() -> None:
    """Check that the current request does not ask for a page of the list: a file has all of it.

    :raises Invalid: when it does
    """
    refuse(_OF_PAGES, "Is for pages of JSON; a file has all that match.")


def refuse(names: Sequence[str], reason: str) -> None:
    """Check that the current request has none of these parameters in its query.

    :raises Invalid: when it has, for this reason
    """
    given = [name for name in names if name in request.args]
    if given:
        raise Invalid(
            f"The request is not valid. {given[0]}: {reason}",
            {"query": {name: [reason] for name in given}},
        )


def send(text: Iterator[str], mimetype: str, name: str) -> Response:
    """A file that is sent while it is written, by one of the few threads that may take long;
    gzipped, if the client accepts that.

    :param name: of the file, without its ending
    :raises Unavailable: when no such thread is free
    """
    with ExitStack() as taken:
        taken.enter_context(seat())
        # Within the request, so that what fails at the first page is an error like any other.
        first = "" if request.method == "HEAD" else next(text, "")
        # A response to HEAD sends nothing of it.
        held = ExitStack() if request.method == "HEAD" else taken.pop_all()
    pieces: Iterator[bytes] = (piece.encode() for piece in chain([first], text))
    is_gzip = _accepts_gzip()
    sent = _sent(_gzipped(pieces) if is_gzip else pieces, g.request_id, held)
    response = Response(sent, content_type=f"{mimetype}; charset=utf-8")
    # It may never begin, or not be sent to its end.
    response.call_on_close(held.close)
    filename = f"{name}.{KIND_OF[mimetype]}"
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    if is_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.update(("Accept", "Accept-Encoding"))
    return response


def _accepts_gzip() -> bool:
    """Whether the client accepts gzip, and does not prefer the file as it is."""
    accepted = request.accept_encodings
    return accepted.quality("gzip") > 0 and accepted.quality("gzip") >= accepted.quality("identity")


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip file, as soon as they are written."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _sent(pieces: Iterator[bytes], request_id: str, held: ExitStack) -> Iterator[bytes]:
    """The pieces. If they break off, so does the connection: no partial file looks complete.

    :param held: closed behind the last piece, before the client sees the end: the next file that it
        asks for then finds the seat
    """
    try:
        yield from pieces
        held.close()
    except Exception as error:
        logs.event("file.broken_off", logging.ERROR, request=request_id, error=logs.trace(error))
        # gunicorn takes this for a client that is gone: it logs no traceback, and closes the
        # connection without the chunk that would end the body.
        raise BrokenPipeError(errno.EPIPE, "The file could not be sent whole.") from None
