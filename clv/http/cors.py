"""CORS: lets pages of the origins that the settings name call the API."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Flask, Response, request
from flask.globals import request_ctx

# Headers that a page may send, and those of a response that it may read.
_ALLOWED_HEADERS = (
    "Authorization, Cache-Control, Content-Type, If-None-Match, Prefer, X-Request-Id, X-Tenant-Id"
)
_EXPOSED_HEADERS = (
    "Content-Disposition, ETag, Location, Preference-Applied, RateLimit, RateLimit-Policy,"
    " Removal-Key,"
    " Retry-After, WWW-Authenticate, X-CLV-Customers, X-CLV-Left-Out, X-CLV-Model, X-Request-Id"
)
# How long a browser may remember the answer to a preflight request.
_PREFLIGHT_SECONDS = 600


def register(app: Flask, origins: Sequence[str]) -> None:
    """Allow cross-origin requests to the API from these origins. The page's script sends the key,
    so credentials that a browser keeps are not allowed."""
    app.before_request(partial(_answer_preflight, origins))
    app.after_request(partial(_allow_origin, origins))


def _answer_preflight(origins: Sequence[str]) -> Response | None:
    if not _is_preflight() or request.headers.get("Origin") not in origins:
        return None
    # Each method of a path may have a rule of its own.
    adapter: Any = request_ctx.url_adapter
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(adapter.allowed_methods()))
    response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response


def _is_preflight() -> bool:
    return (
        request.method == "OPTIONS"
        and "Access-Control-Request-Method" in request.headers
        and _is_api()
        and request.url_rule is not None
    )


def _allow_origin(origins: Sequence[str], response: Response) -> Response:
    if not _is_api():
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    return response


def _is_api() -> bool:
    return request.path.startswith("/api/")
