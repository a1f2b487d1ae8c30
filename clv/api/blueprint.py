"""The blueprint of the service: how a request is read, checked and documented, once for all."""

import json
import random
import re
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import marshmallow as ma
from flask import Flask, Request, Response, after_this_request, current_app, g, request
from flask_smorest import Blueprint
from gunicorn.http.errors import ParseException
from webargs import missing
from webargs.core import json as webargs_json
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import NotFound, RequestEntityTooLarge, UnsupportedMediaType

from clv import auth, db, fields
from clv.api.attempts import client_at
from clv.auth import Principal, Role
from clv.errors import BrokenOff, Invalid, Unauthenticated
from clv.schemas.base import ErrorBody

# A thousand rows with the longest names in escaped Unicode are 3.5 MB.
MAX_BODY_BYTES = 4 * 1024 * 1024

BROKEN_OFF = (
    "The body broke off, came too slowly or is not well-formed; nothing was kept. Send it again."
)
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TENANT_HEADER = {
    "in": "header",
    "name": "X-Tenant-Id",
    "required": False,
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
    "description": "The key's own tenant, or left out",
}

_REQUEST_ID = {
    "required": True,
    "schema": {"type": "string"},
    "description": "The request's own, if it sent a sane one",
}
_RETRY_AFTER = {
    "Retry-After": {"required": True, "schema": {"type": "integer"}, "description": "In seconds"}
}
_ERROR_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
# As draft-ietf-httpapi-ratelimit-headers-10 has them.
_RATE_LIMIT_HEADERS = {
    "RateLimit": {
        "schema": {"type": "string"},
        "example": '"default";r=5999;t=60',
        "description": "Requests that the key has left (r) within the next seconds (t)",
    },
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "example": '"default";q=6000;w=60',
        "description": "Requests that a key has (q) in so many seconds (w)",
    },
}


class StrictParser(FlaskParser):
    """Reads a request strictly: an unknown query argument is an error, a body is JSON or a 415,
    and a validation error is a 400."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """The query's arguments; one that is given twice is an error, not a guess."""
        twice = [
            name
            for name, field in schema.load_fields.items()
            if len(req.args.getlist(field.data_key or name)) > 1
            and not isinstance(field, ma.fields.List)
        ]
        if twice:
            reasons = {name: ["Must be given only once."] for name in twice}
            raise Invalid(
                f"The request is not valid. {twice[0]}: {reasons[twice[0]][0]}", {"query": reasons}
            )
        return super().load_querystring(req, schema)

    def _raw_load_json(self, req: Request) -> Any:
        body = _read_body(req, MAX_BODY_BYTES if is_json_request(req) else 0)
        if not body:
            return missing
        if req.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("The body must be JSON as it is, without Content-Encoding.")
        try:
            return json.loads(
                body.decode("utf-8"),
                parse_constant=_refuse_constant,
                object_pairs_hook=_unambiguous,
            )
        except (ValueError, RecursionError):
            # Not only malformed JSON: numbers of over 4,300 digits and very deep nesting, too.
            raise webargs_json.JSONDecodeError("not JSON", "?", 0) from None

    def _handle_invalid_json_error(self, error: Any, req: Request, *args: Any, **kw: Any) -> Any:
        raise Invalid("The body is not valid JSON.", {"json": ["Not valid JSON."]})


class ClvBlueprint(Blueprint):
    """A flask-smorest Blueprint with the service's parser and access rules."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(_document_access)

    def access(self, role: Role, *errors: int, headers: Sequence[dict] = ()) -> Callable:
        """Require a key of at least this role, and document that.

        :param errors: the statuses of the endpoint beside 401, 403, 429, 500 and 503
        :param headers: OpenAPI parameters of the request headers that the endpoint reads
        """

        def decorator(view: Callable) -> Callable:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                environ = request.environ
                header = environ.get("HTTP_AUTHORIZATION")
                g.principal = sender = auth.recognise(header) or identify(header)
                _count(sender)
                auth.authorize(sender, role, environ.get("HTTP_X_TENANT_ID"))
                return view(*args, **kwargs)

            for code in sorted({401, 403, 429, 500, 503, *errors}):
                why = f"Needs the role {role.name.lower()} or higher" if code == 403 else None
                error = self.alt_response(
                    code, schema=ErrorBody, description=why, headers=_ERROR_HEADERS.get(code)
                )
                _document(wrapper, error)
            wrapper._apidoc["access"] = [_TENANT_HEADER, *headers]  # type: ignore[attr-defined]
            return wrapper

        return decorator

    def answers(self, code: int, schema: type[ma.Schema], headers: dict | None = None) -> Callable:
        """Document the response of a view that makes it itself, in the schema's form."""
        return lambda view: _document(view, self.response(code, schema, headers=headers))


def _document(view: Any, decorator: Callable) -> Callable:
    """The view with what a decorator of flask-smorest documents, and without the function that it
    would put around the view."""
    view._apidoc = decorator(view)._apidoc
    return view


def _document_access(doc: dict, doc_info: dict, **kwargs: Any) -> dict:
    if "access" in doc_info:
        doc["security"] = [{"bearer": []}]
        doc["parameters"] = [*doc.get("parameters", []), *doc_info["access"]]
    for response in doc.get("responses", {}).values():
        if isinstance(response, dict):
            response["headers"] = {**response.get("headers", {}), "X-Request-Id": _REQUEST_ID}
            if "access" in doc_info:
                response["headers"] |= _RATE_LIMIT_HEADERS
    return doc


def register(app: Flask) -> None:
    """Give every request an id, and settle how long its queries may take and what becomes of its
    database connection."""
    app.before_request(_begin_request)
    app.after_request(_show_quota)
    app.teardown_request(lambda error: db.end_request())


def principal() -> Principal:
    """Who sent the current request."""
    return g.principal


def identify(header: str | None) -> Principal:
    """Who sends this ``Authorization`` header, within the limit on failed attempts.

    :raises Unauthenticated: for every header that is not exactly right
    :raises TooMany: instead, when this address has failed too often
    """
    attempts, client = current_app.extensions["attempts"], client_at(request.remote_addr)
    try:
        found = auth.authenticate(header, existing=attempts.are_too_many(client))
    except Unauthenticated:
        if header is not None:
            attempts.count(client)
        raise
    if auth.use_is_due(found):
        after_response(partial(auth.note_use, found))
    return found


def after_response(act: Callable[[], None]) -> None:
    """Do something once the response to the current request was sent: nobody waits for it."""

    @after_this_request
    def register(response: Response) -> Response:
        response.call_on_close(act)
        return response


def receive(source: Any, size: int) -> bytes:
    """Bytes of a body. What is wrong with it, malformed chunks for one, gunicorn raises here.

    :raises BrokenOff: when it is wrong
    """
    try:
        return source.read(size)
    except (OSError, ParseException):
        raise BrokenOff(BROKEN_OFF) from None


def checked_customer_id(customer_id: str) -> str:
    """A customer id from the path.

    :raises Invalid: naming what would be right
    """
    try:
        # Werkzeug replaces what is not UTF-8, and two ids would become one.
        request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
        return fields.customer_id(customer_id)
    except UnicodeDecodeError:
        reason = "Must be UTF-8."
    except ValueError as error:
        reason = str(error)
    raise Invalid(
        f"The request is not valid. customerId: {reason}", {"path": {"customerId": [reason]}}
    )


def _count(found: Principal) -> None:
    limiter = current_app.extensions["limiter"]
    if limiter is None:
        return
    g.quota = limiter.take(found.key)
    if g.quota.report_is_due:
        after_response(partial(limiter.report, found.key))
    g.quota.check()


def _read_body(req: Request, limit: int) -> bytes:
    """The whole body, if it may have one. The limit is kept here: gunicorn hands a chunked body
    on without a length, and Werkzeug would silently cut it off."""
    length = req.content_length
    if length is None and not req.environ.get("wsgi.input_terminated"):
        return b""
    body = b""
    if length is None or length <= limit:
        body = receive(req.environ["wsgi.input"], limit + 1 if length is None else length)
        if len(body) < (length or 0):
            raise BrokenOff(BROKEN_OFF)
    if (length or len(body)) <= limit:
        return body
    raise RequestEntityTooLarge if limit else UnsupportedMediaType


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; who checked the first of two equal names would not have seen the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        reason = "A name must not occur twice in an object."
        raise Invalid(f"The request is not valid. {reason}", {"json": [reason]})
    return found


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


def _show_quota(response: Response) -> Response:
    quota = g.get("quota")
    if quota is not None:
        response.headers.add("RateLimit", f'"default";r={quota.remaining};t={quota.seconds}')
        response.headers.add("RateLimit-Policy", current_app.extensions["limiter"].policy)
    return response
