"""Who may use what, for every rule of the URL map: a new one fails here until it is guarded as one
of these kinds, and in the table of docs/api.md with its role."""

import base64
import re
from collections import defaultdict
from dataclasses import replace
from functools import cache

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clv.auth.principal import Role
from clv.config import ROOT
from clv.http import headers as security
from tests.conftest import started_anew

# What is no endpoint of the API, of RQ Dashboard or of the tenant's pages, which are told by their
# paths: by the endpoint's name.
OTHERS = {
    "health.Healthz": "public",
    "health.Readyz": "public",
    "api-docs.openapi_json": "public",
    "api-docs.openapi_swagger_ui": "public",
    "docs_assets.static": "public",
    "docs_page.static": "public",
    "dashboard.asset": "public",
    "dashboard.sign_in": "public",
    "dashboard.enter": "public",
    "metrics.metrics": "metrics token",
}
WAIT_NOT = "respond-async"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
RQ = {"Authorization": f"Basic {base64.b64encode(b'ops:sesame').decode()}"}
METRICS = {"Authorization": "Bearer a-token-of-prometheus"}
ARGUMENTS = {
    "instance_number": "0",
    "queue_name": "clv",
    "registry_name": "failed",
    "per_page": "9",
    "page": "1",
    "order": "asc",
    "backtestId": "b5a7b9b6-0000-4000-8000-000000000000",
    "jobId": "b5a7b9b6-0000-4000-8000-000000000000",
}
TABLE_ROW = re.compile(r"^\| (`(?:GET|POST|PUT|DELETE) /.*?) \| (.*?) \|", re.MULTILINE)
TABLE_ENDPOINT = re.compile(r"`(GET|POST|PUT|DELETE) (/[^`\s]*)`")


@pytest.fixture
def guarded(settings, app):
    """The application with all that can be guarded, and a plain client."""
    chosen = replace(
        settings,
        rq_dashboard_user="ops",
        rq_dashboard_password="sesame",
        metrics_token="a-token-of-prometheus",
        attempts_limit="",
    )
    with started_anew(chosen) as application:
        # RQ Dashboard looks through the connection that the application has at its start.
        application.redis_conn = application.extensions["clv"].queue.redis
        yield application


@pytest.fixture
def guarded_client(guarded):
    """A client of it that compares nothing with the document."""
    return FlaskClient(guarded, TestResponse)


def rules(application) -> list:
    """The rules that lead to something."""
    return [rule for rule in application.url_map.iter_rules() if not rule.build_only]


def guard(rule) -> str:
    """What lets a request to a rule in."""
    if rule.rule.startswith("/api/v1/"):
        return "key"
    if rule.rule.startswith("/rq/"):
        return "rq credentials"
    if rule.endpoint.startswith("dashboard.") and rule.endpoint not in OTHERS:
        return "session"
    assert rule.endpoint in OTHERS, f"{rule.rule} has no guard"
    return OTHERS[rule.endpoint]


def path_of(rule) -> str:
    """A path that leads to the rule."""
    return re.sub("<(?:[^<>:]*:)?([^<>]*)>", lambda found: ARGUMENTS.get(found[1], "x"), rule.rule)


def methods_of(rule) -> list[str]:
    """Its methods, without those that HTTP adds."""
    return sorted(rule.methods & METHODS)


def guarded_by(application, kind: str) -> list[tuple[str, str]]:
    """Method and path of each rule of a kind; there are some."""
    found = [
        (method, path_of(rule))
        for rule in rules(application)
        if guard(rule) == kind
        for method in methods_of(rule)
    ]
    assert found
    return found


def roles(application) -> dict[tuple[str, str], str]:
    """The lowest role of each operation, as ``access`` declares it to the document."""
    document = FlaskClient(application, TestResponse).get("/api/openapi.json").json
    found = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                refused = operation["responses"].get("403", {}).get("description", "")
                needed = re.fullmatch("Needs the role (.*) or higher", refused)
                found[method.upper(), path] = needed[1] if needed else "none"
    return found


def test_each_rule_has_a_guard_and_each_row_a_rule(guarded):
    kinds = {rule.endpoint: guard(rule) for rule in rules(guarded)}
    assert set(OTHERS) <= set(kinds)
    assert set(kinds.values()) == {"public", "key", "rq credentials", "session", "metrics token"}
    declared = roles(guarded)
    for rule in rules(guarded):
        if guard(rule) == "key":
            path = rule.rule.replace("<", "{").replace(">", "}")
            for method in methods_of(rule):
                assert declared[method, path] in ("viewer", "editor", "admin"), (method, path)


def test_the_table_in_the_docs_has_the_role_that_each_endpoint_declares(guarded):
    text = (ROOT / "docs" / "api.md").read_text()
    table = {
        endpoint: role
        for cell, role in TABLE_ROW.findall(text)
        for endpoint in TABLE_ENDPOINT.findall(cell)
    }
    assert table == {**roles(guarded), ("GET", "/metrics"): "`METRICS_TOKEN`"}


def test_without_a_key_each_endpoint_answers_alike(guarded, guarded_client, headers):
    bodies = set()
    for method, path in guarded_by(guarded, "key"):
        for wrong in ({}, {"Authorization": "Bearer clv_x"}, RQ, METRICS):
            answer = guarded_client.open(path, method=method, headers=wrong)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            bodies.add(answer.data)
    assert len(bodies) == 1


def test_each_role_may_use_exactly_what_it_is_declared_for(guarded, guarded_client, headers):
    keys = {role: headers(role.name.lower()) for role in Role}
    for (method, template), name in roles(guarded).items():
        if name == "none":
            continue
        path = re.sub("{(.*?)}", lambda found: ARGUMENTS.get(found[1], "x"), template)
        for role, key in keys.items():
            answer = guarded_client.open(path, method=method, headers={**key, "Prefer": WAIT_NOT})
            assert answer.status_code != 401, (method, path)
            is_refused = role < Role.parse(name)
            assert (answer.status_code == 403) == is_refused, (method, path, role)
            if is_refused:
                assert f"the role {name} or higher" in answer.json["message"]


def test_the_operators_pages_want_their_own_credentials(guarded, guarded_client, headers):
    for method, path in guarded_by(guarded, "rq credentials"):
        for wrong in ({}, headers("admin"), METRICS):
            answer = guarded_client.open(path, method=method, headers=wrong)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_the_tenants_pages_want_a_session(guarded, guarded_client, headers):
    for method, path in guarded_by(guarded, "session"):
        for wrong in ({}, headers("admin"), {"Cookie": "clv=x"}):
            answer = guarded_client.open(path, method=method, headers=wrong)
            if method == "GET":
                assert answer.status_code == 303, path
                assert answer.headers["Location"].startswith("/sign-in"), path
            else:
                assert answer.status_code == 403, (method, path)


def test_metrics_want_their_token(guarded, guarded_client, headers):
    for method, path in guarded_by(guarded, "metrics token"):
        for wrong in ({}, headers("admin"), RQ):
            assert guarded_client.open(path, method=method, headers=wrong).status_code == 401
        assert guarded_client.open(path, method=method, headers=METRICS).status_code == 200


def test_what_is_public_wants_nothing(guarded, guarded_client):
    for method, path in guarded_by(guarded, "public"):
        if method == "GET":
            with guarded_client.get(path) as answer:
                assert answer.status_code in (200, 404), path


def test_each_wrong_method_is_told_which_are_right(guarded, guarded_client, headers):
    allowed = defaultdict(set)
    for rule in rules(guarded):
        allowed[path_of(rule)] |= rule.methods
    for path, methods in allowed.items():
        for method in METHODS - methods:
            credentials = {**RQ, "Origin": "http://localhost"} if path.startswith("/rq") else {}
            answer = guarded_client.open(path, method=method, headers=credentials)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) == methods, (method, path)


@cache
def is_strict(policy: str) -> bool:
    """Whether a Content-Security-Policy lets nothing of others in, and no inline script run."""
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    sources = {source for sources in rules.values() for source in sources.split()}
    hashes = {source for source in sources if source.startswith("'sha256-")}
    inline = {"'unsafe-inline'"} if rules.pop("style-src-attr", "") else set()
    return (
        rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        and rules["form-action"] in ("'none'", "'self'")
        and sources - hashes - inline <= {"'none'", "'self'", "data:", "'unsafe-eval'"}
        and "data:" not in rules.get("script-src", "")
    )


def test_each_response_of_each_rule_has_the_security_headers_and_a_strict_policy(
    guarded, guarded_client, headers
):
    key, inline = headers("admin"), set()
    for rule in rules(guarded):
        kind = guard(rule)
        right = {"key": key, "rq credentials": RQ, "metrics token": METRICS}.get(kind, {})
        for method in (*methods_of(rule), "OPTIONS", "PATCH"):
            for credentials in ({}, {**right, "Origin": "https://evil.example"}):
                with guarded_client.open(
                    path_of(rule), method=method, headers={**credentials, "Prefer": WAIT_NOT}
                ) as answer:
                    what = f"{method} {rule.rule}: {answer.status_code}"
                    assert set(security.HEADERS) <= set(answer.headers.keys()), what
                    assert answer.headers["X-Content-Type-Options"] == "nosniff", what
                    policy = answer.headers["Content-Security-Policy"]
                    assert is_strict(policy), f"{what}: {policy}"
                    if "unsafe-" in policy:
                        inline.add(kind)
                    assert not [n for n in answer.headers.keys() if n.startswith("Access-Co")], what
    assert inline == {"rq credentials"}, "RQ Dashboard's own pages need it"
