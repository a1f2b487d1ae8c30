"""ETags: an answer that the client has already is not sent again."""

from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any

from flask import Response, request
from werkzeug.http import parse_etags

# Enough that no two answers ever share one.
_DIGEST_BYTES = 12
# For the document.
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "ETags that the client has: 304 without a body, if the answer has one of them",
}
HEADER = {
    "ETag": {
        "required": True,
        "schema": {"type": "string"},
        "description": "Changes whenever the body does",
    }
}


def tag(body: bytes, answer: Response) -> Response:
    """The answer with the ETag of its body; if the client has it already, a 304 instead."""
    etag = f'"{blake2b(body, digest_size=_DIGEST_BYTES).hexdigest()}"'
    if _is_known(etag):
        answer = Response(status=304)
    answer.headers.add("ETag", etag)
    return answer


def tagged(view: Callable[..., Response]) -> Callable[..., Response]:
    """Give the answers of a view an ETag, and send no body that the client has."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        response = view(*args, **kwargs)
        return tag(response.get_data(), response)

    return wrapper


def _is_known(etag: str) -> bool:
    """Whether the client that sent the current request has this answer already."""
    header = request.environ.get("HTTP_IF_NONE_MATCH")
    # A proxy that compresses an answer makes its ETag a weak one.
    return header is not None and parse_etags(header).contains_weak(etag.strip('"'))
