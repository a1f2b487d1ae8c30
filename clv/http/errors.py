"""What each error means over HTTP, and the one JSON body of all errors."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import Flask, Response, g, jsonify, request
from marshmallow import EXCLUDE, Schema, fields
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from clv import db, errors, logs
from clv.budgets import MAX_ERROR_BYTES, MAX_ERRORS, MAX_FORM_BYTES, MAX_TEXT
from clv.http.application import components
from clv.http.counters import DATABASE, REDIS

RETRY_AFTER_SECONDS = 5
# How many characters the message of a body may have.
MAX_MESSAGE = 2_000
STATUS = {
    errors.Invalid: 400,
    errors.BrokenOff: 400,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooMany: 429,
    errors.Unscorable: 500,
    errors.RunFailed: 500,
    errors.Unavailable: 503,
}
MESSAGES = {
    400: "The request is not valid.",
    404: "There is nothing at this path. The paths are listed at /api/docs.",
    405: "This path does not support the method; the Allow header lists those that it does.",
    # The API's bodies have messages of their own.
    413: f"The form is larger than {MAX_FORM_BYTES // 1024} KiB.",
    415: "The body must be JSON, with Content-Type: application/json.",
}


def register(app: Flask) -> None:
    """Answer the domain's errors and the database's; anything unforeseen is a 500."""
    app.register_error_handler(errors.ClvError, _domain_error)
    for kind in db.ERRORS:
        app.register_error_handler(kind, _database_failed)
    app.register_error_handler(Exception, _unforeseen)


def body(code: int, message: str, fields: Any = None) -> Response:
    """The one error body. It has at most ``MAX_ERRORS`` of the errors in fields, within
    ``MAX_ERROR_BYTES``, and its message says how many more there are."""
    message, room = _cut(message, MAX_MESSAGE), _Room()
    shown = _shown(fields, room) if fields else {}
    if room.left_out:
        message += f" {room.left_out:,} more errors are not shown."
    payload = {"code": code, "status": HTTP_STATUS_CODES[code], "message": message}
    if shown:
        payload["errors"] = shown
    response = jsonify(payload)
    # A field's name is the caller's text; make it harmless if somebody shows the body as HTML.
    response.data = response.data.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    response.status_code = code
    if code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if code == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def sentence(fields: Any) -> str:
    """The first three of nested field errors, as in ``segment: Must be one of: …``."""
    return " ".join(islice(_sentences(fields, ()), 3))


def internal_error() -> str:
    """The message of a 500, which names only the request."""
    return errors.INTERNAL.format(g.request_id)


def domain_failed(error: errors.ClvError) -> tuple[int, str]:
    """The status of an error of the domain, and the message for the caller. One that neither the
    caller nor the load is to blame for is logged."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    if status == 500 or isinstance(error, errors.QueueUnavailable):
        log_failure(error)
    if status == 500:
        return status, f"{error.message} The request id is {g.request_id}."
    return status, error.message


def database_failed(error: Exception) -> str:
    """Log an error that is not for good, give the connection up, and return the message for the
    caller."""
    log_failure(error)
    db.give_up()
    return db.SENTENCES.get(db.state_of(error) or "", errors.DATABASE_DOWN)


def count_failure(error: Exception) -> None:
    """Count a request that failed with this error, if it means that a dependency is down."""
    if isinstance(error, errors.QueueUnavailable):
        components().counters.add((REDIS,))
    elif isinstance(error, db.ERRORS) and db.is_not_now(error):
        components().counters.add((DATABASE,))


def log_failure(error: Exception) -> None:
    """Log what went wrong in the current request, for the operators."""
    count_failure(error)
    logs.event(
        "request.failed",
        logging.ERROR,
        request=g.get("request_id"),
        route=str(request.url_rule),
        error=logs.trace(error),
        **_why(error),
    )


def _why(error: Exception) -> dict[str, str]:
    """What an error of a dependency or of the domain says."""
    reason = error.message if isinstance(error, errors.ClvError) else ""
    why = {"cause": db.cause(error), "reason": reason}
    if why["cause"] == reason:
        del why["cause"]
    return {name: text for name, text in why.items() if text}


@dataclass
class _Room:
    """What a body still has room for, and how many errors had none."""

    errors: int = MAX_ERRORS
    size: int = MAX_ERROR_BYTES
    left_out: int = 0

    def take(self, text: str) -> bool:
        """Whether there is room for one more error, which is taken then."""
        size = _size(text) if self.errors else 0
        if not self.errors or size > self.size:
            self.left_out += 1
            return False
        self.errors -= 1
        self.size -= size
        return True


def _shown(fields: Any, room: _Room) -> Any:
    """As many of nested field errors as there is room for."""
    if not isinstance(fields, dict):
        return [text for text in (_cut(str(text), MAX_TEXT) for text in fields) if room.take(text)]
    shown = {}
    for name, inner in fields.items():
        kept = _shown(inner, room)
        if kept:
            text = _cut(str(name), MAX_TEXT)
            room.size -= _size(text)
            shown[text] = kept
    return shown


def _sentences(fields: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(fields, dict):
        for name, inner in fields.items():
            # The location (json, query) and the schema as a whole are not names of fields.
            hidden = not path and name in ("json", "query", "path", "headers")
            step = () if hidden or name == "_schema" else (_cut(str(name), MAX_TEXT),)
            yield from _sentences(inner, path + step)
        return
    where = ".".join(path)
    for text in fields:
        cut = _cut(str(text), MAX_TEXT)
        yield f"{where}: {cut}" if where else cut


def _size(text: str) -> int:
    """The bytes that a text takes in a body."""
    return len(json.dumps(text)) + 5 * (text.count("<") + text.count(">"))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _domain_error(error: errors.ClvError) -> Response:
    response = body(*domain_failed(error), error.fields)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.seconds)
    return response


def _database_failed(error: Exception) -> Any:
    return body(503, database_failed(error)) if db.is_not_now(error) else _unforeseen(error)


def _unforeseen(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return error
    log_failure(error)
    return body(500, internal_error())


class ErrorBody(Schema):
    """The one body of every error."""

    class Meta:
        unknown = EXCLUDE

    code = fields.Integer(required=True, metadata={"description": "The HTTP status"})
    status = fields.String(required=True, metadata={"description": "The name of the status"})
    message = fields.String(required=True, metadata={"description": "What would be right"})
    errors = fields.Dict(
        metadata={
            "description": "Where a field is to blame: location, field, messages; at most"
            f" {MAX_ERRORS}, and then the message says how many more there are",
            "example": {"json": {"segment": ["Must be one of: high, medium, low, at_risk."]}},
        }
    )
