"""What errors look like in a browser: a page, or an alert within one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, Response, make_response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as BaseResponse

from clv import db
from clv.dashboard.blueprint import blp, is_part, page, protect, to_sign_in
from clv.errors import ClvError, TooMany, Unauthenticated
from clv.http import errors as api_errors

TITLES = {
    400: "That can’t be right",
    403: "Not with this key",
    404: "There is nothing here",
    409: "That doesn’t fit",
    429: "Too often",
    500: "Something went wrong",
    503: "Back in a moment",
}
_MESSAGES = {
    404: "The page may have moved, or its address is mistyped.",
    413: api_errors.MESSAGES[413],
}


def register(app: Flask, otherwise: Callable[[HTTPException], Any]) -> None:
    """Show an unknown path to a browser as a page.

    :param otherwise: answers clients that are not browsers
    """
    app.register_error_handler(404, partial(_unknown_path, otherwise))


def show(code: int, message: str, **values: Any) -> Response:
    """The error as a page; as an alert, if a part of a page was asked for.

    :param values: for the alert: ``details``, what is wrong with which line of a file; ``asked``,
        the menus that may help
    """
    template = "alert.html" if is_part() else "error.html"
    title = TITLES.get(code, HTTP_STATUS_CODES[code])
    text = page(template, code=code, title=title, message=message, **values)
    response = make_response(text, code)
    if code == 503:
        response.headers["Retry-After"] = str(api_errors.RETRY_AFTER_SECONDS)
    return response


@blp.errorhandler(ClvError)
def _domain_error(error: ClvError) -> Response:
    details = (error.fields or {}).get("body")
    response = show(*api_errors.domain_failed(error), details=details)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.seconds)
    return response


@blp.errorhandler(Unauthenticated)
def _signed_out(error: Unauthenticated) -> BaseResponse:
    return to_sign_in()


def _database_failed(error: Exception) -> Response:
    if db.is_not_now(error):
        return show(503, api_errors.database_failed(error))
    return _unforeseen(error)


for _kind in db.ERRORS:
    blp.register_error_handler(_kind, _database_failed)


@blp.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    return show(error.code, _MESSAGES.get(error.code) or error.description or error.name)


@blp.errorhandler(Exception)
def _unforeseen(error: Exception) -> Response:
    api_errors.log_failure(error)
    return show(500, api_errors.internal_error())


def _unknown_path(otherwise: Callable[[HTTPException], Any], error: HTTPException) -> Any:
    if request.blueprint == blp.name:
        return _http_error(error)
    kinds = request.accept_mimetypes
    if request.path.startswith("/api/") or kinds["text/html"] <= kinds["application/json"]:
        return otherwise(error)
    return protect(_http_error(error))
