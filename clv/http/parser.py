"""Strict parsing of a request's body, query and path."""

import json
import re
from itertools import islice
from typing import Any

import marshmallow as ma
from flask import Request, request
from gunicorn.http.errors import ParseException
from webargs import missing
from webargs.core import json as webargs_json
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from clv.budgets import MAX_BODY_BYTES, MAX_VALUES
from clv.domain import values
from clv.errors import BrokenOff, Invalid

# A text, even one that does not end, or what each value but the first of all begins behind. None of
# it is ever matched twice, so a body is read once whatever is in it.
_TEXT_OR_VALUE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([,\[{])', re.DOTALL)

BROKEN_OFF = (
    "The body broke off, came too slowly or is not well-formed; nothing was kept. Send it again."
)


class StrictParser(FlaskParser):
    """A parser that refuses unknown query arguments, answers 415 to a body that is not JSON, and
    400 to one that is not valid."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """The query's arguments. One that is given twice is an error."""
        names = (
            field.data_key or name
            for name, field in schema.load_fields.items()
            if not isinstance(field, ma.fields.List)
        )
        twice = [name for name in names if len(req.args.getlist(name)) > 1]
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
        _check_values(body)
        try:
            return json.loads(
                body.decode("utf-8"),
                parse_constant=_refuse_constant,
                object_pairs_hook=_unambiguous,
            )
        except (ValueError, RecursionError):
            # Malformed JSON, but also a number of over 4,300 digits, or very deep nesting.
            raise webargs_json.JSONDecodeError("not JSON", "?", 0) from None

    def _handle_invalid_json_error(self, error: Any, req: Request, *args: Any, **kw: Any) -> Any:
        raise Invalid("The body is not valid JSON.", {"json": ["Not valid JSON."]})


def receive(source: Any, size: int) -> bytes:
    """Read bytes of a body.

    :raises BrokenOff: when the connection breaks, or gunicorn finds the body malformed
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
        # Werkzeug replaces bytes that are not UTF-8, so two ids could become the same.
        request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
        return values.customer_id(customer_id)
    except UnicodeDecodeError:
        reason = "Must be UTF-8."
    except ValueError as error:
        reason = str(error)
    raise Invalid(
        f"The request is not valid. customerId: {reason}", {"path": {"customerId": [reason]}}
    )


def _read_body(req: Request, limit: int) -> bytes:
    """The whole body. The limit is enforced here, because gunicorn passes a chunked body on without
    a length, and Werkzeug would silently cut it off."""
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
    if not limit:
        raise UnsupportedMediaType
    raise RequestEntityTooLarge(f"The body is larger than {limit // 1024**2} MiB.")


def _check_values(body: bytes) -> None:
    """Check how many values a body has before they are made: four million bytes of ``{},`` are
    a million objects of 64 bytes each, and each would be validated.

    :raises Invalid: when they are more than ``MAX_VALUES``
    """
    if sum(map(body.count, (b",", b"[", b"{"))) < MAX_VALUES:
        return
    values = (match for match in _TEXT_OR_VALUE.finditer(body) if match.lastindex)
    if next(islice(values, MAX_VALUES - 1, None), None):
        reason = f"Must have at most {MAX_VALUES:,} values in all."
        raise Invalid(f"The request is not valid. {reason}", {"json": [reason]})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated names: of those, another parser may believe the first."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        reason = "A name must not occur twice in an object."
        raise Invalid(f"The request is not valid. {reason}", {"json": [reason]})
    return unique
