"""The answer to a request that does not reach the application."""

import json
import logging
import uuid
from typing import Any

from gunicorn.http import errors as refused
from werkzeug.http import HTTP_STATUS_CODES

from clv import logs
from clv.errors import INTERNAL
from clv.http.errors import RETRY_AFTER_SECONDS
from clv.http.headers import HEADERS

_REFUSALS = (
    (refused.LimitRequestLine, 414, "The request line is too long."),
    (refused.LimitRequestHeaders, 431, "The headers are too many, or one of them is too long."),
    (refused.ExpectationFailed, 417, "The only expectation that is known is 100-continue."),
    (refused.ParseException, 400, "The request is not valid HTTP/1.1."),
)
_CROWD = "Too many of your requests wait for their turn. Try again shortly."
# Raised for headers of our own response, not of the request.
_OURS = (refused.InvalidResponseHeader, refused.InvalidResponseHeaderName)


def answer_crowd(sock: Any) -> int:
    """Refuse a request because too many others of its sender wait for a thread.

    :return: the status
    """
    return _send(sock, 503, _CROWD, uuid.uuid4().hex)


def answer_error(sock: Any, error: Exception) -> int:
    """Answer and log an error with the API's error body, which shows nothing of the request.

    :return: the status
    """
    request_id = uuid.uuid4().hex
    code, message = _refusal(error) or (500, INTERNAL.format(request_id))
    if code == 500:
        logs.event("request.failed", logging.ERROR, request=request_id, error=logs.trace(error))
    return _send(sock, code, message, request_id)


def _refusal(error: Exception) -> tuple[int, str] | None:
    if isinstance(error, _OURS):
        return None
    for kind, code, message in _REFUSALS:
        if isinstance(error, kind):
            return code, message
    return None


def _send(sock: Any, code: int, message: str, request_id: str) -> int:
    if code != 500:
        logs.event("request.refused", logging.WARNING, request=request_id, code=code)
    try:
        sock.sendall(_answer(code, message, request_id))
    except OSError:
        # The client has gone.
        pass
    return code


def _answer(code: int, message: str, request_id: str) -> bytes:
    reason = HTTP_STATUS_CODES[code]
    body = json.dumps({"code": code, "status": reason, "message": message}) + "\n"
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **HEADERS,
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
    }
    if code == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {code} {reason}\r\n{lines}\r\n{body}".encode()
