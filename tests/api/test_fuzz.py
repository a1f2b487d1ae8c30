"""A short stretch of ``python -m tests.load.fuzz``, and the proof that it finds faults."""

from dataclasses import replace

import pytest
from flask import jsonify, request

from app import create_app
from clv.auth.principal import Role
from tests.api.web import gunicorn, served
from tests.load.fuzz import VARIABLES, fuzz

CASES = 300
# With each fault a part of what must be found about it.
PLANTED = {
    "a 500 for some values": "GET /api/v1/clv/jobs as admin: not_a_server_error",
    "a field": "'debug' was unexpected",
    "a field, to schemathesis": "GET /api/v1/settings as admin: response_schema_conformance",
    "a header": "the header x-debug is not documented",
    "a status": "GET /api/v1/api-keys: 203: the status is not documented",
    "a content type": "GET /api/v1/clv/summary as admin: content_type_conformance",
    "no key needed": "GET /api/v1/clv/changes as admin: ignored_auth",
    "no header that is due": "the header WWW-Authenticate is missing",
    "no Allow": "PATCH /api/v1/settings: 405",
}


def with_faults(application):
    """The application with one fault of each kind."""

    @application.before_request
    def answer_wrongly():
        if request.path.endswith("/clv/jobs") and request.args.get("limit", 0, float) > 50:
            raise RuntimeError
        if request.path.endswith("/clv/changes"):
            return jsonify({"data": [], "pagination": {"cursor": None, "hasMore": False}})
        return None

    @application.after_request
    def change(response):
        path = request.path
        if path.endswith("/settings"):
            response.headers.pop("Allow", None)
            response.headers.pop("WWW-Authenticate", None)
            if response.status_code == 200 and request.method == "GET":
                response.data = jsonify({**response.json, "debug": 1}).data
        if path.endswith("/summary"):
            response.headers["X-Debug"] = "1"
            response.content_type = "text/html"
        if path.endswith("/api-keys") and response.status_code == 200:
            response.status_code = 203
        return response

    return application


@pytest.fixture
def generous(settings):
    """The settings without limits on requests: all of them come from one address."""
    return replace(settings, compute_wait_seconds=1, attempts_limit="", rate_limit="")


def test_whatever_is_sent_is_answered_as_documented(app, settings, worker):
    with gunicorn(settings, **VARIABLES) as web:
        report = fuzz(f"http://127.0.0.1:{web.port}", CASES, seed=1, coverage=False)
    assert report.findings == {}
    assert report.cases >= CASES and set(report.statuses) == {role.name.lower() for role in Role}
    # Not refusals alone: with customers, runs, keys and pages that exist.
    assert report.share_of_success("admin") > 0.2, report.total("admin")


def test_faults_are_found(app, generous, worker):
    paths = "/clv/(jobs|changes|summary)$|/settings$|/api-keys$"
    with served(with_faults(create_app(generous))) as base:
        report = fuzz(base, 1, seed=1, roles=(Role.ADMIN,), paths=paths)
    found = "\n".join(report.findings)
    assert [fault for fault, part in PLANTED.items() if part not in found] == []
