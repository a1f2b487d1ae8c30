"""The Flask application: what it carries, how each request begins and ends, and which parts of
Flask it does without."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import Flask, Request, current_app, g, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter, Rule, WebsocketMismatch

from clv import db
from clv.auth.login_throttle import LoginThrottle
from clv.config import Settings
from clv.http.counters import Counters
from clv.http.rate_limit import RateLimiter
from clv.http.waiting_room import WaitingRoom
from clv.queue import Queue

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
    """Flask without sessions, async views and SERVER_NAME, and with a quick route.

    The quick route is matched by a regular expression instead of a Werkzeug adapter, most of whose
    time goes into being made. In ``tests.bench.get`` a cached GET takes 383 µs of processor time on
    SQLite and 488 µs on PostgreSQL, and 436 and 556 µs without the quick route. A bare route takes
    298 µs on PostgreSQL, so that would be 0.53 of its requests, less than the least of 0.55.
    """

    session_interface = NoSessions()
    _quick: tuple[Rule, str, Callable[[str], re.Match[str] | None]] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The fields of an answer keep the order of their schema.
        self.json.sort_keys = False  # type: ignore[attr-defined]
        # A path is not redirected to another: that could be another customer's.
        self.url_map.merge_slashes = False
        self.url_map.redirect_defaults = False
        self._check_host = lru_cache(KNOWN_HOSTS)(self._bind)

    def find_by_path(self, endpoint: str) -> None:
        """Make the GET of this endpoint the quick route. Its rule has one variable, and no other
        rule may match the same paths."""
        rule = next(self.url_map.iter_rules(endpoint))
        before, variable, after = re.split("[<>]", rule.rule)
        path = re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")
        self._quick = rule, variable, path.fullmatch

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none is async."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As in Flask, but a request for the quick route is matched here, and gets no adapter:
        nothing builds URLs there."""
        if request is None:
            return None
        if self._quick and request.method == "GET":
            environ = request.environ
            rule, variable, match = self._quick
            matched = match(request.path)
            if matched and "HTTP_UPGRADE" not in environ and "HTTP_HOST" in environ:
                self._check_host(environ["wsgi.url_scheme"], environ["HTTP_HOST"])
                request.url_rule, request.view_args = rule, {variable: matched[1]}
                return None
        adapter = super().create_url_adapter(request)
        if adapter is not None and adapter.websocket:
            # There are no rules for WebSockets. Where each method has a rule of its own, Werkzeug
            # would answer that the path does not support the method.
            adapter.match(websocket=False)
            raise WebsocketMismatch
        return adapter

    def _bind(self, scheme: str, host: str) -> None:
        """Check a host as Flask does.

        :raises HTTPException: when it is not valid
        """
        self.url_map.bind_to_environ(
            {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "REQUEST_METHOD": "GET"}
        )


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
