"""CORS: lets pages of other origins in where the settings name them."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, request
from flask.globals import request_ctx

_SENT = "Authorization, Cache-Control, Content-Type, Prefer, X-Request-Id, X-Tenant-Id"
_SEEN = (
    "Content-Disposition, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After,"
    " WWW-Authenticate, X-CLV-Model, X-Request-Id"
)
_PREFLIGHT_SECONDS = 600


def register(app: Flask, origins: Sequence[str]) -> None:
    """Cross-origin requests to the API from these origins. The key is sent by the page's script,
    so no credentials that a browser keeps are allowed."""

    def preflight() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not asks or not _is_api() or request.headers.get("Origin") not in origins:
            return None
        if request.url_rule is None:
            return None
        response = Response(status=204)
        # Each method of a path may have a rule of its own.
        adapter: Any = request_ctx.url_adapter
        methods = sorted(adapter.allowed_methods())
        response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
        response.headers["Access-Control-Allow-Headers"] = _SENT
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
        return response

    def name_origin(response: Response) -> Response:
        if not _is_api():
            return response
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _SEEN
        return response

    app.before_request(preflight)
    app.after_request(name_origin)


def _is_api() -> bool:
    return request.path.startswith("/api/")
