"""What each error means over HTTP, decided once: one JSON body for all of them."""

import logging
from threading import RLock
from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from clv import db, errors, logs
from clv.api.metrics import count_failure
from clv.schemas.base import ErrorBody

RETRY_AFTER_SECONDS = 5
_DATABASE_DOWN = "The database can't be reached or is busy. Try again shortly."
STATUS = {
    errors.Invalid: 400,
    errors.BrokenOff: 400,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Unscorable: 500,
    errors.RunFailed: 500,
    errors.Unavailable: 503,
}
MESSAGES = {
    400: "The request is not valid.",
    404: "There is nothing at this path. The paths are listed at /api/docs.",
    405: "This path does not support the method; the Allow header lists those that it does.",
    413: "The body is too large.",
    415: "The body must be JSON, with Content-Type: application/json.",
}


class ClvApi(Api):
    """flask-smorest's Api with the one error body, which keeps the headers of an error. Its
    document is made when somebody asks for it: that is most of the time of a start."""

    ERROR_SCHEMA = ErrorBody

    def __init__(self, app: Flask) -> None:
        self._undocumented: list[Blueprint] = []
        self._documenting = RLock()
        super().__init__(app)

    @property
    def spec(self) -> Any:
        """The document of all blueprints."""
        with self._documenting:
            while self._undocumented:
                blp = self._undocumented.pop(0)
                blp.register_views_in_doc(
                    self, self._app, self._spec, name=blp.name, parameters=None
                )
                self._spec.tag({"name": blp.name, "description": blp.description})
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blp: Blueprint) -> None:
        """Register a blueprint, and document it later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp)
        self._undocumented.append(blp)

    def handle_http_exception(self, error: HTTPException) -> Any:
        """The response of an error that Flask, Werkzeug or webargs raised."""
        if error.code is None or error.code < 400:
            return error
        details = getattr(error, "data", None) or {}
        fields = details.get("messages")
        message = error.description or error.name
        if message == type(error).description:
            message = MESSAGES.get(error.code, message)
        if fields:
            message = f"The request is not valid. {sentence(fields)}"
        if error.code == 500:
            message = internal_error()
        response = body(error.code, message, fields)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response


def register(app: Flask) -> None:
    """Map the domain's errors and the database's; anything unforeseen becomes a 500."""
    app.register_error_handler(errors.ClvError, _domain_error)
    for kind in db.DOWN:
        app.register_error_handler(kind, _database_down)
    app.register_error_handler(Exception, _unforeseen)


def body(code: int, message: str, fields: Any = None) -> Response:
    """The one error body."""
    payload = {"code": code, "status": HTTP_STATUS_CODES[code], "message": message}
    if fields:
        payload["errors"] = fields
    response = jsonify(payload)
    # A field's name is the caller's text: harmless, also where somebody shows the body as HTML.
    response.data = response.data.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    response.status_code = code
    if code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if code == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def sentence(fields: Any) -> str:
    """The first few of nested field errors in words: ``segment: Must be one of: …``."""
    return " ".join(_sentences(fields, ())[:3])


def internal_error() -> str:
    """The message of a 500: it names the request, and nothing else."""
    return errors.INTERNAL.format(g.request_id)


def status_of(error: errors.ClvError) -> int:
    """What an error of the domain is over HTTP."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def database_failed(error: Exception) -> str:
    """Log one of ``db.DOWN``, give the connection up, and return what to say about it."""
    log_failure(error)
    db.give_up()
    return errors.DISK_FULL if db.is_full(error) else _DATABASE_DOWN


def log_failure(error: Exception) -> None:
    """What went wrong in the current request, for its operators."""
    count_failure(error)
    logs.event(
        "request.failed",
        logging.ERROR,
        request=g.get("request_id"),
        route=str(request.url_rule),
        error=logs.summary(error),
    )


def _sentences(fields: Any, path: tuple[str, ...]) -> list[str]:
    if isinstance(fields, dict):
        found = []
        for name, inner in fields.items():
            # The location (json, query) and the schema as a whole are no field's names.
            hidden = not path and name in ("json", "query", "path", "headers")
            step = () if hidden or name == "_schema" else (str(name),)
            found += _sentences(inner, path + step)
        return found
    where = ".".join(path)
    return [f"{where}: {text}" if where else str(text) for text in fields]


def _domain_error(error: errors.ClvError) -> Response:
    count_failure(error)
    response = body(status_of(error), error.message, error.fields)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.seconds)
    return response


def _database_down(error: Exception) -> Response:
    return body(503, database_failed(error))


def _unforeseen(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return error
    log_failure(error)
    return body(500, internal_error())
