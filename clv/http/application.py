"""The Flask application: what it carries, how each request begins and ends, and what of Flask it
leaves out."""

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

# So many spellings of the host are remembered as valid.
KNOWN_HOSTS = 64
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass
class Components:
    """What the application carries from its start to its end.

    :param rate_limiter: None without a limit
    :param session_secret: what the page's sessions are signed with; None until it is asked for
    """

    settings: Settings
    queue: Queue
    login_throttle: LoginThrottle
    rate_limiter: RateLimiter | None
    waiting_room: WaitingRoom
    counters: Counters
    session_secret: str | None = None


def components() -> Components:
    """Those of the current application."""
    return current_app.extensions["clv"]


def register(app: Flask) -> None:
    """Give every request an id, and settle how long its queries may take and what becomes of its
    database connection."""
    app.before_request(_begin_request)
    app.teardown_request(lambda error: db.end_request())


class NoSessions(SessionInterface):
    """There are no sessions: who asks is told by a key."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The same for all: nothing can be put into it."""
        return self._none

    def is_null_session(self, obj: object) -> bool:
        """Always: there is nothing to save."""
        return True


class Service(Flask):
    """Flask, but: no sessions, no async views, no SERVER_NAME, and one route that is asked for
    more than all others is found by its path alone."""

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
        """Find this endpoint's GET, whose rule has one variable, by its path alone. No other rule
        may match these paths."""
        rule = next(self.url_map.iter_rules(endpoint))
        before, variable, after = re.split("[<>]", rule.rule)
        path = re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")
        self._quick = rule, variable, path.fullmatch

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """All functions are."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, but for the quick rule it matches the request itself, and returns None:
        nobody builds URLs there."""
        if request is None:
            return None
        if self._quick and request.method == "GET":
            environ = request.environ
            rule, variable, match = self._quick
            found = match(request.path)
            if found and "HTTP_UPGRADE" not in environ and "HTTP_HOST" in environ:
                self._check_host(environ["wsgi.url_scheme"], environ["HTTP_HOST"])
                request.url_rule, request.view_args = rule, {variable: found[1]}
                return None
        adapter = super().create_url_adapter(request)
        if adapter is not None and adapter.websocket:
            # No rule is for WebSockets. Where each method has a rule of its own, Werkzeug would
            # say that the path does not support the method.
            adapter.match(websocket=False)
            raise WebsocketMismatch
        return adapter

    def _bind(self, scheme: str, host: str) -> None:
        """
        :raises HTTPException: as Flask does for a request with this host
        """
        self.url_map.bind_to_environ(
            {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "REQUEST_METHOD": "GET"}
        )


def _begin_request() -> None:
    db.begin_request()
    environ = request.environ
    offered = environ.get("HTTP_X_REQUEST_ID")
    sane = offered is not None and _SANE_REQUEST_ID.fullmatch(offered)
    # Of Python's generator, which starts anew in each process; nobody gains by guessing an id.
    g.request_id = offered if sane else f"{random.getrandbits(128):032x}"
    # Werkzeug reads ``//rq`` as ``/rq``; a proxy that guards a path would not have. And it would
    # redirect a request without any path.
    path = environ.get("PATH_INFO", "")
    if not path or path.startswith("//"):
        raise NotFound
