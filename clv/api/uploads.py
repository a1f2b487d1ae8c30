"""What all uploads have in common: a file of any size as the body of a request."""

import io
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, BinaryIO, cast

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from clv.errors import BrokenOff
from clv.files.choices import Choices
from clv.files.effort import Effort
from clv.files.kinds import KIND_OF_TRANSACTIONS
from clv.files.stream import MAX_PREVIEW_BYTES, File
from clv.http.access import ClvBlueprint, principal, seat_in_turn
from clv.http.application import components
from clv.http.carried import accept_at_most, accept_beginning, carried
from clv.http.client import has_gone
from clv.http.parser import BROKEN_OFF, receive
from clv.services import loading
from clv.services.loading import Options

# gunicorn reads ahead by 1 MiB, and copies all that is left of it at each smaller read.
BUFFER_BYTES = 1_048_576


def accepted(blp: ClvBlueprint, examples: dict[str, str | None]) -> Callable:
    """Let a view accept files, and document that. The body's kind is checked before the query.

    :param examples: an example of each media type that is accepted, if it has one
    """

    def decorator(view: Callable) -> Callable:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            check_kind(examples)
            return view(*args, **kwargs)

        content = {kind: _content(example) for kind, example in examples.items()}
        return blp.doc(requestBody={"required": True, "content": content})(wrapper)

    return decorator


def fence_body(view: Callable) -> Callable:
    """Call :func:`since_removal` before the view's body is received."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        since_removal()
        return view(*args, **kwargs)

    return wrapper


def since_removal() -> int:
    """The tenant's last removal of a customer before the body of the current request came, which
    may take long: what the body has of customers who are erased meanwhile is left out."""
    known = carried(request.environ)
    if known is None:
        return loading.last_removal(principal().tenant)
    if known.since_removal is None:
        known.since_removal = loading.last_removal(principal().tenant)
    return known.since_removal


def fenced(options: Options) -> Options:
    """The options, with :func:`since_removal`. Called before the body is received."""
    return replace(options, since_removal=since_removal())


def check_kind(accepted_types: Collection[str] = KIND_OF_TRANSACTIONS.keys()) -> None:
    """Check that the body of the current request is a kind of file that can be read.

    :raises UnsupportedMediaType: when it is not
    """
    if request.mimetype not in accepted_types:
        *others, last = accepted_types
        raise UnsupportedMediaType(f"The body must be {', '.join(others)} or {last}.")


@contextmanager
def file(is_partial: bool = False) -> Iterator[File]:
    """The file that is the body of the current request, and a seat while it is read.

    :param is_partial: only its beginning is read
    :raises TooLarge: when it announces more than MAX_UPLOAD_MB
    :raises Unavailable: when there is no seat
    """
    settings, environ = components().settings, request.environ
    if is_partial:
        accept_beginning(environ, MAX_PREVIEW_BYTES + 2 * BUFFER_BYTES)
    else:
        accept_at_most(environ, settings.max_upload_mb * 1024 * 1024)
    most = settings.max_inflated_mb * 1024 * 1024
    with seat_in_turn(), components().temporary_disk.hold(principal().tenant_id) as disk:
        yield File(
            cast(BinaryIO, io.BufferedReader(_body(), BUFFER_BYTES)),
            KIND_OF_TRANSACTIONS[request.mimetype],
            most,
            settings.max_bad_lines,
            Effort(_watch_client()),
            disk,
        )


def with_charset(choices: Choices) -> Choices:
    """The choices with the charset that the current request declares, unless they name another."""
    charset = request.mimetype_params.get("charset")
    if choices.encoding or not charset or KIND_OF_TRANSACTIONS[request.mimetype] != "csv":
        return choices
    return replace(choices, encoding=charset)


def _content(example: str | None) -> dict[str, Any]:
    # Binary, since generated clients read and send a text as a whole.
    content: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
    return content if example is None else {**content, "example": example}


def _watch_client() -> Callable[[], None]:
    """What raises when the client of the current request has gone: nobody waits for the work."""
    environ = request.environ

    def watch() -> None:
        if has_gone(environ):
            raise BrokenOff(BROKEN_OFF)

    return watch


def _body() -> Any:
    """The request's body. One that was received is a file already, of which no copy is kept to
    read it twice."""
    environ = request.environ
    return _Body() if carried(environ) is None else environ["wsgi.input"].opened()


class _Body(io.RawIOBase):
    """The request's body as a stream of any size. A body that ends before its announced length is
    an error: the client broke off, and what has come must not be taken for the whole."""

    def __init__(self) -> None:
        self._source = request.environ["wsgi.input"]
        self._left = request.content_length
        if self._left is None and not request.environ.get("wsgi.input_terminated"):
            self._left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer) if self._left is None else min(len(buffer), self._left)
        received = receive(self._source, size) if size else b""
        if size and not received and self._left:
            raise BrokenOff(BROKEN_OFF)
        if self._left is not None:
            self._left -= len(received)
        buffer[: len(received)] = received
        return len(received)
