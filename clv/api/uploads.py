"""What all uploads have in common: a file of any size as the body of a request."""

import io
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import wraps
from typing import Any, BinaryIO, cast

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from clv.errors import BrokenOff
from clv.files.choices import Choices
from clv.files.kinds import KIND_OF_TRANSACTIONS
from clv.files.summaries.reader import File
from clv.http.access import ClvBlueprint
from clv.http.application import components
from clv.http.parser import BROKEN_OFF, receive

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


def check_kind(accepted_types: Collection[str] = KIND_OF_TRANSACTIONS.keys()) -> None:
    """Check that the body of the current request is a kind of file that can be read.

    :raises UnsupportedMediaType: when it is not
    """
    if request.mimetype not in accepted_types:
        *others, last = accepted_types
        raise UnsupportedMediaType(f"The body must be {', '.join(others)} or {last}.")


def file() -> File:
    """The file that is the body of the current request."""
    most = components().settings.max_inflated_mb * 1024 * 1024
    stream = io.BufferedReader(_Body(), BUFFER_BYTES)
    return File(cast(BinaryIO, stream), KIND_OF_TRANSACTIONS[request.mimetype], most)


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
