"""The headers for browsers, other origins, and whose word is taken for the client's address."""

from dataclasses import replace

import pytest
from flask import request

from app import create_app
from clv import config
from clv.config import from_env
from clv.errors import ConfigError
from clv.http import headers as security
from tests.api.support import row
from tests.api.web import gunicorn
from tests.conftest import ON_ONE_DATABASE, wait_until
from tests.support import chromium

CLV = "/api/v1/customers/a/clv"
ROWS = "/api/v1/interaction-summaries"
ORIGIN = "https://app.example.com"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}
OURS = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CLV, 401),
        ("OPTIONS", CLV, 200),
        ("DELETE", CLV, 405),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
        ("HEAD", "/readyz", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/api/docs", 200),
        ("GET", "/api/docs/assets/swagger-ui.css", 200),
        ("GET", "/api/docs/assets/nothing.css", 404),
        ("GET", "/api/docs/static/docs.js", 200),
        ("GET", "/rq/", 401),
        ("GET", "/rq/nothing", 401),
        ("GET", "/break", 500),
    ],
)
def test_every_response_has_the_security_headers(settings, app, method, path, status):
    guarded = replace(settings, rq_dashboard_user="ops", rq_dashboard_password="sesame")
    application = create_app(guarded)

    @application.get("/break")
    def break_down() -> str:
        raise RuntimeError

    with application.test_client().open(path, method=method) as answer:
        assert answer.status_code == status
        assert set(security.HEADERS) <= set(answer.headers.keys())
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
    assert ("style-src-attr" in policy) == path.startswith("/rq"), "that is the dashboard's own"
    assert ("script-src 'self'" in policy) == (path == "/api/docs")
    assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]


def test_what_the_api_says_is_stored_nowhere(client, load, headers):
    load(row("a", 1))
    for key, status in ((headers(), 200), ({}, 401)):
        answer = client.get(CLV, headers=key)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
    assert client.get("/api/v1/nothing").headers["Cache-Control"] == "no-store"


@ON_ONE_DATABASE
def test_only_what_came_encrypted_is_told_to_stay_so(settings, app):
    def promised(proxies: int, headers: dict[str, str]) -> bool:
        client = create_app(replace(settings, trusted_proxies=proxies)).test_client()
        return "Strict-Transport-Security" in client.get("/healthz", headers=headers).headers

    assert promised(1, OURS)
    assert not promised(1, {**OURS, "X-Forwarded-Proto": "http"})
    assert not promised(0, OURS), "nobody is trusted to say so"


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("proxies", "sent", "address"),
    [
        (0, "1.2.3.4", "127.0.0.1"),
        (0, "1.2.3.4, 5.6.7.8", "127.0.0.1"),
        (1, "5.6.7.8", "5.6.7.8"),
        (1, "1.2.3.4, 5.6.7.8", "5.6.7.8"),
        (2, "6.6.6.6, 1.2.3.4, 5.6.7.8", "1.2.3.4"),
        (2, "5.6.7.8", "127.0.0.1"),
    ],
)
def test_as_many_proxies_as_are_trusted_are_believed(settings, app, proxies, sent, address):
    application = create_app(replace(settings, trusted_proxies=proxies))

    @application.get("/who")
    def who() -> str:
        return f"{request.remote_addr}"

    client = application.test_client()
    assert client.get("/who", headers={"X-Forwarded-For": sent}).text == address
    assert client.get("/who").text == "127.0.0.1"


@ON_ONE_DATABASE
def test_gunicorn_believes_no_header_by_itself(settings):
    lies = {"X_Forwarded_Proto": "https", "X_Forwarded_Ssl": "on", "X_Forwarded_Protocol": "ssl"}
    for proxies, expected in (("0", False), ("1", True)):
        with gunicorn(settings, TRUSTED_PROXIES=proxies) as web:
            answer = web.get("/healthz", **lies)
            assert ("Strict-Transport-Security" in answer.headers) == expected
            renamed = web.send(
                b"GET /x/healthz HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /x\r\nPATH_INFO: /x\r\n\r\n"
            )
            assert renamed.status == 404


@pytest.fixture
def open_client(settings, app):
    """A client of an application that lets two origins in."""
    origins = (ORIGIN, "http://localhost:3000")
    return create_app(replace(settings, cors_origins=origins)).test_client()


def cors(answer) -> dict[str, str]:
    return {
        name.removeprefix("Access-Control-"): value
        for name, value in answer.headers.items()
        if name.startswith("Access-Control-")
    }


@ON_ONE_DATABASE
def test_without_the_setting_no_other_origin_is_let_in(client):
    for answer in (
        client.options(CLV, headers=PREFLIGHT),
        client.get(CLV, headers={"Origin": ORIGIN}),
    ):
        assert not cors(answer) and "Vary" not in answer.headers


@ON_ONE_DATABASE
def test_a_preflight_of_a_named_origin_says_what_it_may_send(open_client):
    answer = open_client.options(CLV, headers=PREFLIGHT)
    assert (answer.status_code, answer.data) == (204, b"")
    found = cors(answer)
    assert found["Allow-Origin"] == ORIGIN and "Allow-Credentials" not in found
    assert set(found["Allow-Methods"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    allowed = set(found["Allow-Headers"].split(", "))
    assert {"Authorization", "Content-Type", "X-Tenant-Id", "Cache-Control", "Prefer"} <= allowed
    assert int(found["Max-Age"]) > 0
    assert answer.headers["Vary"] == "Origin" and answer.headers["X-Request-Id"]


def test_a_named_origin_may_read_answers_and_errors_with_their_headers(open_client, load, headers):
    load(row("a", 1))
    for key, status in ((headers("viewer"), 200), ({}, 401)):
        answer = open_client.get(CLV, headers={**key, "Origin": ORIGIN})
        assert answer.status_code == status
        assert cors(answer)["Allow-Origin"] == ORIGIN
        exposed = set(cors(answer)["Expose-Headers"].split(", "))
        assert {"X-Request-Id", "Location", "Retry-After", "Content-Disposition"} <= exposed
        assert "Origin" in answer.headers["Vary"]


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", f"{ORIGIN}.evil.example", "http://app.example.com", "null", "", "*"],
)
def test_another_origin_is_let_in_nowhere(open_client, origin):
    refused = open_client.options(CLV, headers={**PREFLIGHT, "Origin": origin})
    assert refused.status_code == 200 and not cors(refused)
    plain = open_client.get(CLV, headers={"Origin": origin})
    # A cache must not hand this to the origin that is let in.
    assert not cors(plain) and plain.headers["Vary"] == "Origin"


@ON_ONE_DATABASE
def test_only_the_api_is_opened_and_only_where_there_is_something(open_client):
    assert not cors(open_client.get("/healthz", headers={"Origin": ORIGIN}))
    unknown = open_client.options("/api/v1/nothing", headers=PREFLIGHT)
    assert unknown.status_code == 404
    ordinary = open_client.options(CLV, headers={"Origin": ORIGIN})
    assert ordinary.status_code == 200 and "Allow-Methods" not in cors(ordinary)


def test_origins_are_read_as_browsers_send_them(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "EMBEDDED_REDIS", tmp_path / "redis.url")
    found = from_env({"CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000,http://[::1]:80"})
    assert found.cors_origins == (ORIGIN, "http://localhost:3000", "http://[::1]:80")
    for wrong in ("*", "null", f"{ORIGIN}/", "app.example.com", "https://App.example.com", "x y"):
        with pytest.raises(ConfigError, match="CORS_ORIGINS must be origins such as https://"):
            from_env({"CORS_ORIGINS": f"{ORIGIN},{wrong}"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ROWS), ("POST", "/api/v1/clv/compute"), ("PUT", "/api/v1/settings")],
)
def test_a_json_body_may_be_as_long_as_the_limit_and_no_longer(client, headers, method, path):
    key, limit = headers(), 4 * 1024 * 1024
    for size, status in ((limit, 400), (limit + 1, 413)):
        answer = client.open(
            path, method=method, headers=key, data=b"x" * size, content_type="application/json"
        )
        assert answer.status_code == status == answer.json["code"]


@ON_ONE_DATABASE
def test_the_pages_work_in_a_browser_under_their_policies(settings, browser):
    problems, requested = [], []
    credentials = {"RQ_DASHBOARD_USER": "ops", "RQ_DASHBOARD_PASSWORD": "sesame"}
    with gunicorn(settings, **credentials) as web:
        base = f"http://127.0.0.1:{web.port}"
        page = browser.new_page(http_credentials={"username": "ops", "password": "sesame"})
        page.set_default_timeout(chromium.WAIT_MS)
        page.on("console", lambda message: message.type == "error" and problems.append(message))
        page.on("pageerror", lambda error: problems.append(error))
        page.on("request", lambda request: requested.append(request.url))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))"
        )
        page.goto(f"{base}/api/docs")
        page.click("text=Compute all customers, or one segment")
        page.wait_for_selector("text=respond-async: answer 202 at once")
        page.click("text=Try it out")
        page.click("text=Execute")
        page.wait_for_selector(".live-responses-table >> text=401")
        shown = page.evaluate("getComputedStyle(document.querySelector('.opblock')).borderRadius")
        assert shown == "4px", "the style sheet is used"
        refused = [one.text for one in problems]
        assert len(refused) == 1 and "401" in refused[0], refused
        problems.clear()
        for view, content in (("queues", "#queues"), ("workers", "#workers")):
            page.goto(f"{base}/rq/0/view/{view}")
            page.wait_for_selector(f"{content} td")
        assert not problems
        # The control: what is injected does not run, and would have been noticed.
        page.goto(f"{base}/api/docs")
        page.evaluate("document.body.innerHTML += '<img src=x: onerror=window.injected=1>'")
        page.evaluate(
            "document.head.append(Object.assign(document.createElement('script'),"
            " {text: 'window.injected = 1'}))"
        )
        wait_until(lambda: page.evaluate("true") and problems, "the refusals are noticed")
        assert page.evaluate("window.injected") is None
        page.close()
    assert requested and all(url.startswith((base, "data:", "blob:", "x:")) for url in requested)
