"""Who gets in."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from app import create_app
from clv.config import ROOT
from tests.api.queue_dashboard.support import PASSWORD, RIGHT, USER, basic, guarded, paths
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.conftest import ON_ONE_DATABASE

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@ON_ONE_DATABASE
@pytest.mark.parametrize("given", [("", ""), (USER, ""), ("", PASSWORD)])
def test_without_both_credentials_there_is_no_dashboard(app, settings, given):
    half = replace(settings, rq_dashboard_user=given[0], rq_dashboard_password=given[1])
    client = create_app(half).test_client()
    for path in ("/rq", "/rq/", "/rq/0/data/queues.json", "/rq/static/css/main.css"):
        assert_is_an_error(client.get(path, headers=RIGHT), 404)


def test_without_credentials_the_library_is_not_even_imported():
    code = "import app, sys; app.create_app(); sys.exit('rq_dashboard' in sys.modules)"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RQ_DASHBOARD")}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ).returncode == 0


@ON_ONE_DATABASE
def test_every_path_and_method_needs_the_password(dashboard, operator):
    for path in paths(dashboard):
        for method in METHODS:
            for headers in ({}, basic(f"{USER}:wrong"), {"Origin": "http://localhost"}):
                answer = operator.open(path, method=method, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == 'Basic realm="rq"'
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                if method != "HEAD":
                    assert_is_an_error(answer, 401)


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic é",
        "Basic é" + "=" * 5,
        f"Basic {RIGHT['Authorization']}",
        RIGHT["Authorization"].replace("Basic", "Bearer"),
        RIGHT["Authorization"].removeprefix("Basic "),
        f"{RIGHT['Authorization']}x",
        basic(b"\xff\xfe:\x00")["Authorization"],
        basic(f"{USER}:{PASSWORD}".encode("latin-1"))["Authorization"],
        basic(f"{USER}:{PASSWORD} ")["Authorization"],
        basic(f"{USER}:")["Authorization"],
        basic(":")["Authorization"],
        f'Digest username="{USER}", password="{PASSWORD}"',
    ],
)
def test_whatever_is_wrong_with_the_header_it_is_a_401(operator, header):
    answer = operator.get("/rq/", headers={"Authorization": header})
    assert_is_an_error(answer, 401)


def test_guessing_is_slowed_at_the_address_that_guesses(app, settings, headers):
    application = create_app(replace(guarded(settings), attempts_limit="3/day"))
    client = application.test_client()

    def get(path: str, headers: dict[str, str], address: str = "192.0.2.1") -> int:
        return client.get(path, headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    wrong = [basic(f"{USER}:{number}") for number in range(4)]
    assert [get("/rq/", one) for one in wrong] == [401, 401, 401, 429]
    assert get("/rq/", RIGHT) == 429, "it is not even compared"
    assert get("/rq/", {}) == 401, "without credentials it was no attempt"
    assert get("/rq/", RIGHT, "192.0.2.2") == 200
    assert get("/api/v1/settings", headers("viewer")) == 200
    assert get("/api/v1/settings", wrong[0]) == 401, "these are counted apart"


def test_the_rest_of_the_service_is_not_concerned(operator, load, headers):
    load(row("a", 1))
    assert operator.get("/healthz").status_code == 200
    assert operator.get("/rqx").status_code == 404
    answer = operator.get("/api/v1/customers/a/clv", headers=headers("viewer"))
    assert answer.status_code == 200
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]


@ON_ONE_DATABASE
def test_several_applications_in_one_process_keep_their_own_password(dashboard, settings, redis):
    other = replace(settings, rq_dashboard_user="other", rq_dashboard_password="secret")
    theirs, bare = create_app(other).test_client(), create_app(settings).test_client()
    for _ in range(2):
        ours = dashboard.test_client()
        assert ours.get("/rq/0/data/queues.json", headers=RIGHT).status_code == 200
        assert ours.get("/rq/", headers=basic("other:secret")).status_code == 401
        assert (
            theirs.get("/rq/0/data/queues.json", headers=basic("other:secret")).status_code == 200
        )
        assert theirs.get("/rq/", headers=RIGHT).status_code == 401
        assert bare.get("/rq/", headers=RIGHT).status_code == 404
