"""The Flask application: what it carries, how each request begins and ends, and which parts of
Flask it does without."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import Flask, Request, current_app, g, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter, WebsocketMismatch

from clv import db
from clv.auth.login_throttle import LoginThrottle
from clv.config import Settings
from clv.http.counters import Counters
from clv.http.rate_limit import RateLimiter
from clv.http.waiting_room import WaitingRoom
from clv.queue import Queue
from clv.temporary_disk import TemporaryDisk

# How many host names are remembered as valid.
KNOWN_HOSTS = 64
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass
class Components:
    """What the application carries for its whole life.

    :param rate_limiter: None without a limit
    :param session_secret: signs the dashboard's sessions; None until it is first needed
    """

    settings: Settings
    queue: Queue
    login_throttle: LoginThrottle
    rate_limiter: RateLimiter | None
    waiting_room: WaitingRoom
    temporary_disk: TemporaryDisk
    counters: Counters
    session_secret: str | None = None


def components() -> Components:
    """The components of the current application."""
    return current_app.extensions["clv"]


def register(app: Flask) -> None:
    """Give every request an id, limit the time of its queries, and give its database connection
    back at its end."""
    app.before_request(_begin_request)
    app.teardown_request(lambda error: db.end_request())


class NoSessions(SessionInterface):
    """No sessions: a key says who sent a request."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The same empty session for all."""
        return self._none

    def is_null_session(self, obj: object) -> bool:
        """Always true: there is nothing to save."""
        return True


class Service(Flask):
    """Flask without sessions, async views and SERVER_NAME, which checks a host name once.

    Flask encodes the Host header by IDNA for each request, which is most of its adapter's cost. In
    ``tests.bench.get`` a cached GET is 0.57 of a bare route on PostgreSQL, and 0.55 without this.
    """

    session_interface = NoSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The fields of an answer keep the order of their schema.
        self.json.sort_keys = False  # type: ignore[attr-defined]
        # A path is not redirected to another: that could be another customer's.
        self.url_map.merge_slashes = False
        self.url_map.redirect_defaults = False
        self._server_name = lru_cache(KNOWN_HOSTS)(self._checked_server_name)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none is async."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, with the server's name from the cache."""
        if request is None:
            return None
        environ = request.environ
        if "HTTP_HOST" not in environ or "HTTP_UPGRADE" in environ:
            return _refuse_websocket(super().create_url_adapter(request))
        return MapAdapter(
            self.url_map,
            self._server_name(environ["wsgi.url_scheme"], environ["HTTP_HOST"]),
            _wsgi_text(environ, "SCRIPT_NAME") or "/",
            "",
            environ["wsgi.url_scheme"],
            _wsgi_text(environ, "PATH_INFO"),
            environ["REQUEST_METHOD"],
            _wsgi_text(environ, "QUERY_STRING"),
        )

    def _checked_server_name(self, scheme: str, host: str) -> str:
        """The server's name for a URL adapter.

        :raises HTTPException: when the host is not valid
        """
        environ = {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "REQUEST_METHOD": "GET"}
        return self.url_map.bind_to_environ(environ).server_name


def _refuse_websocket(adapter: MapAdapter | None) -> MapAdapter | None:
    if adapter is not None and adapter.websocket:
        # There are no rules for WebSockets. Where each method has a rule of its own, Werkzeug
        # would answer that the path does not support the method.
        adapter.match(websocket=False)
        raise WebsocketMismatch
    return adapter


def _wsgi_text(environ: Mapping[str, Any], name: str) -> str:
    """A path or query as text. WSGI has its bytes as Latin-1."""
    return environ.get(name, "").encode("latin-1").decode(errors="replace")


def _begin_request() -> None:
    db.begin_request()
    environ = request.environ
    offered = environ.get("HTTP_X_REQUEST_ID")
    sane = offered is not None and _SANE_REQUEST_ID.fullmatch(offered)
    # Python's own generator is seeded anew in each process. Guessing an id gains nothing.
    g.request_id = offered if sane else f"{random.getrandbits(128):032x}"
    # Werkzeug reads ``//rq`` as ``/rq``, and a proxy that guards ``/rq`` may not have. It would
    # also redirect a request without a path.
    path = environ.get("PATH_INFO", "")
    if not path or path.startswith("//"):
        raise NotFound
