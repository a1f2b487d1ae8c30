"""The Flask application, without what this service has no use for on each request."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule, WebsocketMismatch

# So many spellings of the host are remembered as valid.
KNOWN_HOSTS = 64


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
