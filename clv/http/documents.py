"""The OpenAPI document: what it says of every endpoint, and the page that shows it."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from threading import RLock
from typing import Any

import flask_swagger_ui
from flask import Blueprint as FlaskBlueprint
from flask import Flask, Response, json, request
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException
from werkzeug.http import generate_etag

from clv.auth.principal import Role
from clv.config import ROOT
from clv.http.errors import MESSAGES, ErrorBody, body, internal_error, sentence

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
# Of every endpoint that needs a key.
_ERRORS = frozenset({401, 403, 429, 500, 503})
# As in draft-ietf-httpapi-ratelimit-headers-10.
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
_SETTINGS = {
    "API_TITLE": "Customer Lifetime Value",
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
    # flask-smorest needs both; the URL with a slash at the end.
    "OPENAPI_SWAGGER_UI_PATH": "/docs",
    "OPENAPI_SWAGGER_UI_URL": "/api/docs/assets/",
    "API_SPEC_OPTIONS": {
        "info": {"description": "Scores customers by lifetime value from their interactions."},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"}
            }
        },
    },
}


@dataclass(frozen=True)
class Access:
    """Who may use an endpoint, as the document says it.

    :param statuses: of its errors besides those of all endpoints that need a key
    :param headers: OpenAPI parameters for the request headers that it reads
    """

    role: Role
    statuses: frozenset[int]
    headers: tuple[dict, ...]

    def errors(self) -> dict[int, dict[str, Any]]:
        """Its error responses by status."""
        return {code: self._error(code) for code in sorted(_ERRORS | self.statuses)}

    def _error(self, code: int) -> dict[str, Any]:
        phrase = HTTPStatus(code).phrase
        why = f"Needs the role {self.role.name.lower()} or higher" if code == 403 else phrase
        response = {"description": why, "content": {"application/json": {"schema": ErrorBody}}}
        if code in _ERROR_HEADERS:
            response["headers"] = _ERROR_HEADERS[code]
        return response


def mount(app: Flask, version: str, resources: Iterable[Blueprint]) -> "ClvApi":
    """Serve these resources, their OpenAPI document, and Swagger UI with its files."""
    # A copy: apispec adds to the nested options.
    app.config.update(deepcopy(_SETTINGS), API_VERSION=version)
    for name, folder, url in (
        ("docs_assets", f"{flask_swagger_ui.__path__[0]}/dist", "/api/docs/assets"),
        ("docs_page", ROOT / "clv/api/static", "/api/docs/static"),
    ):
        files = FlaskBlueprint(name, __name__, static_folder=folder, static_url_path=url)
        app.register_blueprint(files)
    api = ClvApi(app)
    for resource in resources:
        api.register_blueprint(resource)
    return api


class ClvApi(Api):
    """flask-smorest's Api with our error body, which keeps the headers of an error. The document is
    made at the first request for it: that would be most of the time that a start takes."""

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
        """Register a blueprint now, and document it later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp)
        self._undocumented.append(blp)

    def handle_http_exception(self, error: HTTPException) -> Any:
        """The response to an error that Flask, Werkzeug or webargs raised."""
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

    def _openapi_json(self) -> Response:
        """Serve the document, or say that the client has it."""
        text, etag = self._document
        response = Response(text, mimetype="application/json")
        response.set_etag(etag)
        response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    @cached_property
    def _document(self) -> tuple[bytes, str]:
        """The document's JSON and its ETag. Anybody may ask for it, and writing it takes 20 ms."""
        written = self.spec.to_dict()
        for path in written["paths"].values():
            for operation in path.values():
                _forget_nulls(operation)
        text = json.dumps(written, indent=2, sort_keys=False).encode()
        return text, generate_etag(text)


def document(view: Any, decorator: Callable) -> Callable:
    """Take what a flask-smorest decorator documents, without the function that it would wrap around
    the view."""
    view._apidoc = decorator(view)._apidoc
    return view


def document_access(doc: dict, doc_info: dict, **kwargs: Any) -> dict:
    """Document what all responses have in common, and all endpoints that need a key."""
    access = doc_info.get("access")
    if access:
        doc["security"] = [{"bearer": []}]
        doc["parameters"] = [*doc.get("parameters", []), _TENANT_HEADER, *access.headers]
        doc.setdefault("responses", {}).update(access.errors())
    for response in doc.get("responses", {}).values():
        if isinstance(response, dict):
            response["headers"] = {**response.get("headers", {}), "X-Request-Id": _REQUEST_ID}
            if access:
                response["headers"] |= _RATE_LIMIT_HEADERS
            if "content" in response:
                response["content"] = _json_first(response["content"])
    return doc


def _forget_nulls(operation: Any) -> None:
    """A query can't say null: what is left out there has no default, and nothing is nullable.
    Generated clients would have three types for a word that may be null and is null by default."""
    parameters = operation.get("parameters", []) if isinstance(operation, dict) else []
    for parameter in parameters:
        schema = parameter.get("schema", {})
        if parameter["in"] == "query" and schema.pop("nullable", False):
            schema.pop("default", None)
            if "enum" in schema:
                schema["enum"] = [value for value in schema["enum"] if value is not None]


def _json_first(content: dict[str, Any]) -> dict[str, Any]:
    """The media types with JSON at the beginning: generated clients take the first one."""
    return dict(sorted(content.items(), key=lambda entry: entry[0] != "application/json"))
