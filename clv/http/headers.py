"""The headers of every response: its request's id, those that keep a browser safe, and those that
let a page of another origin in where the settings name it."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.wsgi import ClosingIterator

from clv.http import cors

# For all that is no page: a browser that shows it anyway runs and loads nothing.
NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Swagger UI has its icons as data: within its style sheet. All else comes from its own files.
DOCS_PAGE = (
    f"{NO_PAGE}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": NO_PAGE,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Two years, which is what the browsers' list of such hosts asks for; other hosts of the domain are
# not ours to decide about.
STRICT_TRANSPORT = "max-age=63072000"

# What the API says is stored nowhere.
NO_STORE = ("Cache-Control", "no-store")

_DOCS = "api-docs.openapi_swagger_ui"


class Answer(Response):
    """A 200 of the API whose JSON is there as text. It is made and sent without what Werkzeug does
    for all kinds of responses, and the headers that each of these has join it where it is sent."""

    _constant = (("Content-Type", "application/json"), *HEADERS.items(), NO_STORE)

    def __init__(self, text: str) -> None:
        self.headers = Headers()
        self.response = [text.encode()]
        self.status = "200 OK"
        self.direct_passthrough = False
        self._on_close = []

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Send it as a WSGI application."""
        body: Any = self.response
        length = ("Content-Length", str(sum(map(len, body))))
        start_response(self.status, [*self._constant, length, *self.headers])
        sent = [] if environ["REQUEST_METHOD"] == "HEAD" else body
        return ClosingIterator(sent, self.close) if self._on_close else sent


def register(app: Flask) -> None:
    """Add the headers to every response, but none that a view or a blueprint has set."""
    app.after_request(_complete)
    origins = app.extensions["clv"].settings.cors_origins
    if origins:
        cors.register(app, origins)


def is_same_origin() -> bool:
    """Whether the page that sent the request has our host. The scheme is not compared: behind a
    proxy that is not trusted we don't know ours."""
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    try:
        host = urlsplit(source).netloc
    except ValueError:
        return False
    return host != "" and host.lower() == request.host.lower()


def _complete(response: Response) -> Response:
    asked = request._get_current_object()  # type: ignore[attr-defined]
    headers = response.headers
    headers.add("X-Request-Id", g.get("request_id", ""))
    if asked.environ["wsgi.url_scheme"] == "https":
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if isinstance(response, Answer):
        return response
    if asked.endpoint == _DOCS:
        headers.setdefault("Content-Security-Policy", DOCS_PAGE)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if asked.path.startswith("/api/v1/"):
        headers.set(*NO_STORE)
    return response
