"""Who sent the current request, what they may do, and how often."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache, partial, wraps
from ipaddress import ip_address
from typing import Any

import marshmallow as ma
from flask import Flask, Response, after_this_request, g, request
from flask_smorest import Blueprint

from clv.auth import authentication
from clv.auth.login_throttle import client_at
from clv.auth.principal import Principal, Role, authorize
from clv.errors import Unauthenticated, Unavailable
from clv.http import etags
from clv.http.application import components
from clv.http.carried import Carried, SeatAwaited, carried
from clv.http.documents import Access, document, document_access
from clv.http.parser import StrictParser

# How many addresses are remembered as valid.
KNOWN_ADDRESSES = 1_024


class ClvBlueprint(Blueprint):
    """A flask-smorest Blueprint with the service's parser and access rules."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(document_access)

    def named(self, operation_id: str) -> Callable:
        """Name an operation in the document. Clients that are generated from it have a function of
        this name, so it stays when the path or the view changes."""
        return lambda view: document(view, self.doc(operationId=operation_id))

    def access(self, role: Role, *errors: int, headers: Sequence[dict] = ()) -> Callable:
        """Require a key of at least this role, and document that.

        :param errors: statuses of the endpoint besides 401, 403, 429, 500 and 503
        :param headers: OpenAPI parameters for the request headers that the endpoint reads
        """

        def decorator(view: Callable) -> Callable:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                environ = request.environ
                header = environ.get("HTTP_AUTHORIZATION")
                sender = authentication.recognise(header) or identify(header)
                admit(sender)
                authorize(sender, role, environ.get("HTTP_X_TENANT_ID"))
                return view(*args, **kwargs)

            access = Access(role, frozenset(errors), tuple(headers))
            wrapper._apidoc["access"] = access  # type: ignore[attr-defined]
            return wrapper

        return decorator

    def answers(self, code: int, schema: type[ma.Schema], headers: dict | None = None) -> Callable:
        """Document the response of a view that writes its JSON itself, in this schema's form."""
        return lambda view: document(view, self.response(code, schema, headers=headers))

    def may_be_known(self, headers: dict | None = None) -> Callable:
        """Document that a view answers 304 to a client that has its answer, with these headers."""
        documented = self.alt_response(
            304,
            success=True,
            description="The client has it already",
            headers={**etags.HEADER, **(headers or {})},
        )
        return lambda view: document(view, documented)


def register(app: Flask) -> None:
    """Tell each caller how many requests its key has left."""
    app.after_request(_show_quota)


def principal() -> Principal:
    """Who sent the current request."""
    return g.principal


def identify(header: str | None) -> Principal:
    """Who sends this ``Authorization`` header. The login throttle counts failed attempts.

    :raises Unauthenticated: for every header that is not exactly right
    :raises TooMany: instead, when this address has failed too often
    """
    throttle, client = components().login_throttle, client_at(request.remote_addr)
    try:
        sender = authentication.authenticate(header, existing=throttle.is_exceeded(client))
    except Unauthenticated:
        if header is not None:
            throttle.count_failure(client)
        raise
    if authentication.use_is_due(sender):
        after_response(partial(authentication.note_use, sender))
    return sender


def seat(patience: float = 0.0) -> AbstractContextManager[None]:
    """A seat of the waiting room for the current request, which takes long.

    :param patience: how many seconds to wait for one
    :raises Unavailable: when there is none for its tenant
    """
    return components().waiting_room.seat(principal().tenant_id, patience)


@contextmanager
def seat_in_turn() -> Iterator[None]:
    """A seat for the current request, whose body was received: it would be a pity to refuse it.
    The event loop waits until there may be one, so no thread does.

    :raises Unavailable: when there was none for its tenant for so long, or nobody waits
    """
    known = carried(request.environ)
    with ExitStack() as taken:
        try:
            taken.enter_context(seat())
        except Unavailable:
            if known is None or not known.may_wait():
                raise
            raise SeatAwaited from None
        yield


def admit(sender: Principal) -> None:
    """Take the current request for this sender's, and count it once in all its passes.

    :raises TooMany: when it exceeds the limit of the key or of its tenant
    """
    g.principal = sender
    environ = request.environ
    client, known = environ.get("gunicorn.socket"), carried(environ)
    if client is not None:
        client.owner = sender.tenant_id
    if known is not None:
        if known.owner is not None:
            _go_on(known)
            return
        known.owner = sender.tenant_id
    limiter = components().rate_limiter
    if limiter is None:
        return
    g.quota = quota = limiter.take(sender.key, sender.tenant_name)
    if known is not None:
        known.quota = quota
    if quota.report_is_due:
        after_response(partial(limiter.report, sender.key))
    quota.check()


@lru_cache(KNOWN_ADDRESSES)
def client_address(text: str | None) -> str:
    """A request's ``remote_addr`` for the log, if it is an address: a proxy that is trusted by
    mistake may pass on whatever a client sent. A client on a Unix socket has none."""
    try:
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return ""


def after_response(act: Callable[[], None]) -> None:
    """Call this after the response to the current request was sent, so that nobody waits for it."""
    known = carried(request.environ)
    if known is not None:
        known.after.append(act)
    _register(act)


def _go_on(known: Carried) -> None:
    """Let the second pass end as the first would have."""
    if known.quota is not None:
        g.quota = known.quota
    for act in known.after:
        _register(act)


def _register(act: Callable[[], None]) -> None:
    @after_this_request
    def register(response: Response) -> Response:
        response.call_on_close(act)
        return response


def _show_quota(response: Response) -> Response:
    quota = g.get("quota")
    if quota is not None:
        response.headers.add("RateLimit", f'"default";r={quota.remaining};t={quota.seconds}')
        response.headers.add("RateLimit-Policy", quota.policy)
    return response
