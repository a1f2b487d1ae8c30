"""What all uploads have in common: a file of any size as the body of a request."""

import io
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, cast

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from clv.errors import BrokenOff
from clv.files.kinds import KIND_OF
from clv.files.reader import File
from clv.http.access import ClvBlueprint
from clv.http.application import components
from clv.http.parser import BROKEN_OFF, receive

# gunicorn reads ahead by 1 MiB, and copies all that is left of it at each smaller read.
BUFFER_BYTES = 1_048_576


def accepted(blp: ClvBlueprint, csv_example: str) -> Callable:
    """Let a view accept files, and document that. The body's kind is checked before the query."""
    content = {
        "text/csv": {"schema": {"type": "string"}, "example": csv_example},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }

    def decorator(view: Callable) -> Callable:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            check_kind()
            return view(*args, **kwargs)

        return blp.doc(requestBody={"required": True, "content": content})(wrapper)

    return decorator


def check_kind() -> None:
    """Check that the body of the current request is a kind of file that can be read.

    :raises UnsupportedMediaType: when it is not
    """
    if request.mimetype not in KIND_OF:
        raise UnsupportedMediaType(f"The body must be {' or '.join(KIND_OF)}.")


def file() -> File:
    """The file that is the body of the current request."""
    most = components().settings.max_inflated_mb * 1024 * 1024
    stream = io.BufferedReader(_Body(), BUFFER_BYTES)
    return File(cast(BinaryIO, stream), KIND_OF[request.mimetype], most)


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
