"""A route is found for the same requests as by Flask, though the host's name is checked once."""

from itertools import product
from urllib.parse import unquote

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder

from app import create_app
from clv.config import Settings
from clv.http import application

CLV = "/api/v1/customers/a/clv"
PATHS = (
    CLV,
    "/api/v1/customers//clv",
    "/api/v1/customers/clv",
    "/api/v1/customers/a/b/clv",
    "/api/v1/customers/a%2Fb/clv",
    "/api/v1/customers/%00/clv",
    "/api/v1/customers/%0A/clv",
    "/api/v1/customers/a%0A/clv",
    "/api/v1/customers/a/clv%0A",
    "/api/v1/customers/%FF/clv",
    "/api/v1/customers/%E2%82%AC/clv",
    "/api/v1/customers/../clv",
    "/api/v1/customers/a/clv/",
    "/api/v1/customers/a/clv/history",
    "/API/v1/customers/a/clv",
    "//api/v1/customers/a/clv",
    "/x/api/v1/customers/a/clv",
)
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "DELETE", "get")
HEADERS = (
    {},
    {"Connection": "Upgrade", "Upgrade": "websocket"},
    {"Upgrade": "h2c"},
    {"Host": "example.com:8000"},
    {"Host": "a b"},
    {"Host": ""},
    {"Host": f"{'a' * 64}.example"},
    {"Host": "\xff"},
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """An application that is only asked for its routes."""
    path = tmp_path_factory.mktemp("service") / "clv.db"
    return create_app(Settings(database_url=f"sqlite:///{path}"))


def environ(method: str, path: str, headers: dict[str, str]) -> dict:
    """What gunicorn would make of a request."""
    return {
        **EnvironBuilder(method=method).get_environ(),
        "PATH_INFO": unquote(path, "latin-1"),
        **{f"HTTP_{name.upper()}": text for name, text in headers.items()},
    }


def route(service, request_environ: dict) -> tuple:
    """The rule, its values, and what was wrong."""
    with service.request_context(request_environ) as context:
        request = context.request
        problem = request.routing_exception
        methods = getattr(problem, "valid_methods", None)
        return request.url_rule, request.view_args, type(problem), methods and sorted(methods)


def test_flask_and_the_service_agree_on_each_request(service, monkeypatch):
    requests = [environ(*one) for one in product(METHODS, PATHS, HEADERS)]
    ours = [route(service, dict(one)) for one in requests]
    monkeypatch.setattr(type(service), "create_url_adapter", flasks_adapter)
    flasks = [route(service, dict(one)) for one in requests]
    assert ours == flasks
    rules = [rule for rule, *_ in flasks]
    assert any(rules) and not all(rules)


def flasks_adapter(service, request):
    """Flask's own, which answers a WebSocket's request as a wrong method."""
    return application._refuse_websocket(Flask.create_url_adapter(service, request))


def test_the_methods_of_the_path_are_all_named_though_each_has_a_rule(service):
    client = service.test_client()
    methods = {"GET", "HEAD", "OPTIONS", "POST"}
    for method, status in (("OPTIONS", 200), ("DELETE", 405), ("PUT", 405)):
        answer = client.open(CLV, method=method)
        assert answer.status_code == status
        assert set(answer.headers["Allow"].split(", ")) == methods


def test_a_websocket_is_refused_where_there_is_something(service):
    client, upgrade = service.test_client(), {"Connection": "Upgrade", "Upgrade": "websocket"}
    for method, path, status in (("GET", CLV, 400), ("PUT", CLV, 405), ("GET", "/nowhere", 404)):
        assert client.open(path, method=method, headers=upgrade).status_code == status
