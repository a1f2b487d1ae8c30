"""The OpenAPI document: what it says of every endpoint, made when somebody asks for it."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException

from clv.http.errors import MESSAGES, ErrorBody, body, internal_error, sentence

TENANT_HEADER = {
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
ERROR_HEADERS = {
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


def document(view: Any, decorator: Callable) -> Callable:
    """The view with what a decorator of flask-smorest documents, and without the function that it
    would put around the view."""
    view._apidoc = decorator(view)._apidoc
    return view


def document_access(doc: dict, doc_info: dict, **kwargs: Any) -> dict:
    """Add what an endpoint that needs a key has in common with all others."""
    if "access" in doc_info:
        doc["security"] = [{"bearer": []}]
        doc["parameters"] = [*doc.get("parameters", []), *doc_info["access"]]
    for response in doc.get("responses", {}).values():
        if isinstance(response, dict):
            response["headers"] = {**response.get("headers", {}), "X-Request-Id": _REQUEST_ID}
            if "access" in doc_info:
                response["headers"] |= _RATE_LIMIT_HEADERS
    return doc
