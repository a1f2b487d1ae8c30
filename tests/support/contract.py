"""Checks that what the API answers is what its OpenAPI document says."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from clv.http.headers import HEADERS

# What is beside the documented API.
BESIDE = ("/rq", "/api/docs", "/api/openapi.json", "/metrics")
# What HTTP itself, the policies for browsers and the server put on responses of all kinds.
ANYWHERE = {
    *(name.lower() for name in HEADERS),
    *("cache-control", "connection", "content-length", "content-type", "date", "server"),
    *("transfer-encoding", "vary", "x-request-id"),
}


_documents: dict[frozenset[str], dict[str, Any]] = {}


@dataclass(frozen=True)
class Exchange:
    """A request and what was answered, however it was sent."""

    method: str
    path: str
    status: int
    headers: Headers
    body: bytes

    @property
    def mimetype(self) -> str:
        """The type of the body."""
        return self.headers.get("Content-Type", "").partition(";")[0]


class CheckedClient(FlaskClient):
    """A test client that compares every answer with the document of its application."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request, and check its answer."""
        response = super().open(*args, **kwargs)
        path = response.request.path
        if not path.startswith(BESIDE) and not is_page(self.application, path):
            check(document_of(self.application), exchange_of(response))
        return response


def is_page(application: Any, path: str) -> bool:
    """Whether the path is one of the dashboard's."""
    try:
        endpoint, _ = application.url_map.bind("localhost").match(path)
    except HTTPException:
        return False
    return endpoint.startswith("dashboard.")


def document_of(application: Any) -> dict[str, Any]:
    """The application's OpenAPI document, closed and ready to be checked against; applications
    with the same endpoints have the same one."""
    endpoints = frozenset(application.view_functions)
    if endpoints not in _documents:
        served = FlaskClient(application, TestResponse).get("/api/openapi.json").json
        _documents[endpoints] = closed(served)
    return _documents[endpoints]


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with objects that have no properties but those that it names."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    return document


def check(document: dict[str, Any], exchange: Exchange) -> None:
    """
    :raises AssertionError: naming the request, the status and what is wrong
    """
    what = f"{exchange.method} {exchange.path}: {exchange.status}"
    assert exchange.headers.get("X-Request-Id"), f"{what}: no X-Request-Id"
    operations = _operations_at(document, exchange.path)
    method = "get" if exchange.method == "HEAD" else exchange.method.lower()
    if operations is None or method not in operations:
        # No operation is to blame: no such path, or method; the one error body all the same.
        if exchange.method == "OPTIONS" and exchange.status == 200:
            return
        assert operations is None or exchange.status == 405, f"{what}: is not documented"
        documented: dict[str, Any] = {"content": {"application/json": {"schema": _ERROR}}}
    else:
        responses = operations[method]["responses"]
        assert str(exchange.status) in responses, f"{what}: the status is not documented"
        documented = _resolved(document, responses[str(exchange.status)])
    if exchange.status == 405:
        _check_allowed(operations or {}, exchange, what)
    else:
        _check_headers(documented, exchange, what)
    _check_body(document, documented, exchange, what)


def exchange_of(response: TestResponse) -> Exchange:
    """The exchange that a test client had; without the body of a file, which is the test's to
    read."""
    request = response.request
    is_file = response.status_code == 200 and response.mimetype != "application/json"
    body = b"" if is_file else response.data
    return Exchange(request.method, request.path, response.status_code, response.headers, body)


_ERROR = {"$ref": "#/components/schemas/ErrorBody"}


def _operations_at(document: dict[str, Any], path: str) -> dict[str, Any] | None:
    for template, operations in document["paths"].items():
        if _pattern(template).fullmatch(path):
            return operations
    return None


def _check_allowed(operations: dict[str, Any], exchange: Exchange, what: str) -> None:
    allowed = set(exchange.headers.get("Allow", "").replace(" ", "").lower().split(","))
    assert set(operations) - {"parameters"} == allowed - {"head", "options"}, f"{what}: {allowed}"


def _check_headers(documented: dict[str, Any], exchange: Exchange, what: str) -> None:
    headers = documented.get("headers", {})
    for name, header in headers.items():
        if header.get("required"):
            assert name in exchange.headers, f"{what}: the header {name} is missing"
    known = {name.lower() for name in headers} | ANYWHERE
    for name in exchange.headers.keys():
        if not name.startswith(("Access-Control-", "Strict-Transport-")):
            assert name.lower() in known, f"{what}: the header {name} is not documented"


def _check_body(
    document: dict[str, Any], documented: dict[str, Any], exchange: Exchange, what: str
) -> None:
    if exchange.status in (204, 304):
        assert not exchange.body, f"{what}: it has a body"
        return
    content = documented["content"]
    assert exchange.mimetype in content, f"{what}: {exchange.mimetype} is not documented"
    if exchange.mimetype != "application/json" or exchange.method == "HEAD":
        return
    schema = content["application/json"]["schema"]
    wrong = list(_errors(document, schema, json.loads(exchange.body)))
    assert not wrong, f"{what}: {wrong[0]}"


def _errors(document: dict[str, Any], schema: dict[str, Any], body: Any) -> Iterator[str]:
    whole = {**schema, "components": document["components"]}
    validator = OAS30Validator(whole, format_checker=oas30_format_checker)
    for error in validator.iter_errors(body):
        where = ".".join(map(str, error.absolute_path)) or "the body"
        yield f"{where}: {error.message}"


def _resolved(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in found:
        return document["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
    return found


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join("[^/]+" if p.startswith("{") else re.escape(p) for p in parts))
