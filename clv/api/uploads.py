"""What all uploads have in common: a file of any size as the body of a request."""

import io
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, BinaryIO, cast

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from clv import db
from clv.errors import BrokenOff
from clv.files.reader import File, Rejected
from clv.http.access import ClvBlueprint
from clv.http.application import components
from clv.http.parser import BROKEN_OFF, receive
from clv.store.merging import Merged

KINDS = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
# gunicorn reads ahead by the MiB, and copies all of it at each smaller read.
BUFFER_BYTES = 1_048_576


def accepted(blp: ClvBlueprint, csv_example: str) -> Callable:
    """Let a view accept files, and document that; comes before the check of the query."""
    content = {
        "text/csv": {"schema": {"type": "string"}, "example": csv_example},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }

    def decorator(view: Callable) -> Callable:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            check_kind()
            with db.within(db.LONG_SECONDS):
                return view(*args, **kwargs)

        return blp.doc(requestBody={"required": True, "content": content})(wrapper)

    return decorator


def check_kind() -> None:
    """
    :raises UnsupportedMediaType: when the body is of no kind that is read
    """
    if request.mimetype not in KINDS:
        raise UnsupportedMediaType(f"The body must be {' or '.join(KINDS)}.")


def file() -> File:
    """The file of the current request."""
    most = components().settings.max_inflated_mb * 1024 * 1024
    stream = io.BufferedReader(_Body(), BUFFER_BYTES)
    return File(cast(BinaryIO, stream), KINDS[request.mimetype], most)


def result(rejected: Rejected, received: int, merged: Merged) -> dict[str, Any]:
    """The response of an upload."""
    errors = [{"line": line, "message": reason} for line, reason in rejected.first]
    return {
        **asdict(merged),
        "received": received,
        "rejected": rejected.count,
        "errors": errors,
    }


class _Body(io.RawIOBase):
    """The request's body as a stream of any size. A body that ends before its announced length is
    an error: the client broke off, and what came must not be taken for all."""

    def __init__(self) -> None:
        self._source = request.environ["wsgi.input"]
        self._left = request.content_length
        if self._left is None and not request.environ.get("wsgi.input_terminated"):
            self._left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer) if self._left is None else min(len(buffer), self._left)
        found = receive(self._source, size) if size else b""
        if size and not found and self._left:
            raise BrokenOff(BROKEN_OFF)
        if self._left is not None:
            self._left -= len(found)
        buffer[: len(found)] = found
        return len(found)
