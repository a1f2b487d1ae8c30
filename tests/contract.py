"""Checks that what the API answers is what its OpenAPI document says."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

# What is beside the documented API.
BESIDE = ("/rq", "/api/docs", "/api/openapi.json", "/metrics")


class CheckedClient(FlaskClient):
    """A test client that compares every answer with the document of its application."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request, and check its answer."""
        response = super().open(*args, **kwargs)
        path = response.request.path
        if not path.startswith(BESIDE) and not is_page(self.application, path):
            check(document_of(self.application), response)
        return response


def is_page(application: Any, path: str) -> bool:
    """Whether the path is one of the dashboard's."""
    try:
        endpoint, _ = application.url_map.bind("localhost").match(path)
    except HTTPException:
        return False
    return endpoint.startswith("dashboard.")


def document_of(application: Any) -> dict[str, Any]:
    """The application's OpenAPI document, closed and ready to be checked against."""
    known = application.extensions.get("checked_document")
    if known is None:
        served = FlaskClient(application, TestResponse).get("/api/openapi.json").json
        known = application.extensions["checked_document"] = closed(served)
    return known


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with objects that have no properties but those that it names."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    return document


def check(document: dict[str, Any], response: TestResponse) -> None:
    """
    :raises AssertionError: naming the request, the status and what is wrong
    """
    request = response.request
    what = f"{request.method} {request.path}: {response.status_code}"
    assert response.headers.get("X-Request-Id"), f"{what}: no X-Request-Id"
    operations = _operations_at(document, request.path)
    method = "get" if request.method == "HEAD" else request.method.lower()
    if operations is None or method not in operations:
        # No operation is to blame: no such path, or method; the one error body all the same.
        if request.method == "OPTIONS" and response.status_code == 200:
            return
        assert operations is None or response.status_code == 405, f"{what}: is not documented"
        documented = {"content": {"application/json": {"schema": _ERROR}}}
    else:
        responses = operations[method]["responses"]
        assert str(response.status_code) in responses, f"{what}: the status is not documented"
        documented = _resolved(document, responses[str(response.status_code)])
    _check_headers(documented, response, what)
    _check_body(document, documented, response, what)


_ERROR = {"$ref": "#/components/schemas/ErrorBody"}


def _operations_at(document: dict[str, Any], path: str) -> dict[str, Any] | None:
    for template, operations in document["paths"].items():
        if _pattern(template).fullmatch(path):
            return operations
    return None


def _check_headers(documented: dict[str, Any], response: TestResponse, what: str) -> None:
    for name, header in documented.get("headers", {}).items():
        if header.get("required"):
            assert name in response.headers, f"{what}: the header {name} is missing"


def _check_body(
    document: dict[str, Any], documented: dict[str, Any], response: TestResponse, what: str
) -> None:
    if response.status_code == 204:
        assert not response.data, f"{what}: it has a body"
        return
    content = documented["content"]
    assert response.mimetype in content, f"{what}: {response.mimetype} is not documented"
    if response.mimetype != "application/json" or response.request.method == "HEAD":
        return
    wrong = list(_errors(document, content["application/json"]["schema"], response.json))
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
