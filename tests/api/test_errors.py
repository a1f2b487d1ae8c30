"""The one error body: each row of the contract's table of errors."""

import io
import logging
import zlib

import pytest

from app import create_app
from clv import db
from clv.auth import keys
from clv.auth.principal import ROLES, Role
from clv.config import Settings
from clv.domain.settings import MODEL_SETTINGS
from clv.logs import JsonLines
from clv.store import tenants
from tests.api.support import poison, row
from tests.conftest import free_port, own_application

GET = "/api/v1/customers/a/clv"
SUMMARIES = "/api/v1/interaction-summaries"


def assert_is_an_error(answer, code: int) -> dict:
    assert answer.status_code == code, answer.text
    assert answer.mimetype == "application/json"
    body = answer.json
    assert list(body)[:3] == ["code", "status", "message"]
    assert set(body) <= {"code", "status", "message", "errors"}
    assert body["code"] == code and body["message"]
    assert answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text and "SELECT" not in answer.text
    return body


def test_an_unknown_path_is_404_even_without_a_key(client):
    for path in ("/api/v1/nothing", "/api/v1/customers//clv", "/api/v1/customers/a/b/clv", "/nope"):
        assert_is_an_error(client.get(path), 404)


def test_a_wrong_method_is_405_and_says_which_are_right(client):
    answer = client.delete(GET)
    assert_is_an_error(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(client, headers, tenant):
    token = headers("admin")["Authorization"].removeprefix("Bearer ")
    with db.scope():
        expired = keys.create_key(tenants.tenant_by_name("acme"), Role.ADMIN, expires_days=1)
        db.execute("UPDATE api_key SET expires_ms = 1 WHERE public = %s", (expired[4:16],))
        revoked = keys.create_key(tenants.tenant_by_name("acme"), Role.ADMIN)
        keys.revoke_key(revoked[4:16])
    typing_error = token[:20] + ("x" if token[20] != "x" else "y") + token[21:]
    other_secret = token[:17] + "A" * 33
    other_secret += checksum(other_secret)
    offered = [
        None,
        "",
        token,
        "Bearer",
        "Bearer ",
        f"Basic {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {typing_error}",
        f"Bearer {other_secret}",
        f"Bearer clv_{'0' * 12}_{'0' * 39}",
        f"Bearer {expired}",
        f"Bearer {revoked}",
        "Bearer clé",
        f"Bearer {token} {token}",
    ]
    bodies = set()
    for header in offered:
        answer = client.get(GET, headers={} if header is None else {"Authorization": header})
        assert_is_an_error(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(answer.data)
    assert len(bodies) == 1
    assert client.get(GET, headers={"Authorization": f"bearer {token}"}).status_code == 404


def checksum(token: str) -> str:
    """As the token's checksum is made: CRC-32 of ``public_secret`` in base 62."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, digits = zlib.crc32(token.removeprefix("clv_").encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = alphabet[digit] + digits
    return digits


def test_only_the_keys_own_tenant_may_be_named(client, headers, load):
    load(row("a", 1))
    key, foreign = headers("viewer"), headers("admin", "other")
    assert client.get(GET, headers={**key, "X-Tenant-Id": "acme"}).status_code == 200
    bodies = set()
    for name in ("other", "never-used", "ACME", ""):
        answer = client.get(GET, headers={**key, "X-Tenant-Id": name})
        assert_is_an_error(answer, 403)
        bodies.add(answer.data)
    assert len(bodies) == 1
    assert_is_an_error(client.get(GET, headers={**foreign, "X-Tenant-Id": "acme"}), 403)


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", GET, True),
        ("viewer", "POST", GET, False),
        ("viewer", "POST", "/api/v1/clv/compute", False),
        ("viewer", "POST", SUMMARIES, False),
        ("viewer", "GET", "/api/v1/clv/jobs", True),
        ("editor", "POST", GET, True),
        ("editor", "POST", SUMMARIES, True),
        ("editor", "POST", "/api/v1/clv/compute", False),
        ("admin", "POST", "/api/v1/clv/compute", True),
    ],
)
def test_roles(client, headers, load, role, method, path, allowed):
    load(row("a", 1))
    body = {"json": {"data": [row("a", 1)]}} if path == SUMMARIES else {}
    preference = {"Prefer": "respond-async"}
    answer = client.open(path, method=method, headers={**headers(role), **preference}, **body)
    if allowed:
        assert answer.status_code in (200, 202), answer.text
    else:
        message = assert_is_an_error(answer, 403)["message"]
        assert "role" in message and role not in message.replace("or higher", "")


def test_the_role_is_checked_before_the_body(client, headers, tenant):
    answer = client.post(SUMMARIES, headers=headers("viewer"), data="x", content_type="text/plain")
    assert_is_an_error(answer, 403)


@pytest.mark.parametrize(
    ("content_type", "data", "code"),
    [
        ("text/plain", b'{"data": []}', 415),
        (None, b'{"data": []}', 415),
        ("text/plain", b"x" * (4 * 1024 * 1024 + 1), 415),
        ("application/json", b"x" * (4 * 1024 * 1024 + 1), 413),
        ("application/json", b"", 400),
        ("application/json", b"[", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'"data"', 400),
        ("application/json", b'{"data": NaN}', 400),
        ("application/json", b'{"data": Infinity}', 400),
        ("application/json", b'{"data": ' + b"9" * 5000 + b"}", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"\xff\xfe", 400),
        ("application/json", b'{"data": [], "extra": 1}', 400),
    ],
)
def test_bodies_that_cannot_be_read(client, headers, tenant, content_type, data, code):
    answer = client.post(SUMMARIES, headers=headers(), data=data, content_type=content_type)
    assert_is_an_error(answer, code)


def test_a_body_of_unknown_length_is_limited_too(client, headers, tenant):
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    for size, code in ((10, 400), (4 * 1024 * 1024 + 1, 413)):
        answer = client.post(
            SUMMARIES,
            headers=headers(),
            content_type="application/json",
            input_stream=io.BytesIO(b"x" * size),
            environ_overrides=environ,
        )
        assert_is_an_error(answer, code)


def test_a_sane_request_id_is_kept_and_another_is_replaced(client):
    def echo(offered: str) -> str:
        return client.get("/healthz", headers={"X-Request-Id": offered}).headers["X-Request-Id"]

    assert echo("a-1.b") == "a-1.b"
    for insane in ("x" * 129, "a b", "a;b", "é"):
        echoed = echo(insane)
        assert echoed != insane and len(echoed) == 32


@pytest.mark.parametrize(
    "database_url", ["sqlite:////nowhere/at/all/clv.db", "postgresql://u:secret@127.0.0.1:{port}/x"]
)
def test_a_database_that_is_down_is_a_503(database_url, caplog):
    settings = Settings(database_url=database_url.format(port=free_port()))
    client = create_app(settings).test_client()
    token = "clv_" + "0" * 12 + "_" + "0" * 33
    answer = client.get(GET, headers={"Authorization": f"Bearer {token}{checksum(token)}"})
    body = assert_is_an_error(answer, 503)
    assert "database" in body["message"] and answer.headers["Retry-After"]
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["database"]) == (503, "unavailable")
    assert "secret" not in caplog.text


def test_the_unforeseen_is_a_500_with_the_request_id_and_no_detail(app, settings, caplog):
    own = own_application(settings)

    @own.get("/break")
    def break_down() -> str:
        raise RuntimeError("SELECT secret FROM clv_record")

    with caplog.at_level(logging.ERROR):
        answer = own.test_client().get("/break", headers={"X-Request-Id": "find-me"})
    body = assert_is_an_error(answer, 500)
    assert "find-me" in body["message"]
    assert "secret" not in answer.text
    (logged,) = (JsonLines().format(r) for r in caplog.records if r.name == "clv")
    assert "find-me" in logged and "RuntimeError at test_errors.py" in logged
    assert "secret" not in logged and "Traceback" not in caplog.text


def test_a_customer_that_cannot_be_scored_is_a_500_with_reason_and_request_id(
    client, headers, load, caplog
):
    load(row("a", 1), row("b", 1))
    with db.scope():
        poison("a")
    with caplog.at_level(logging.ERROR):
        answer = client.get(GET, headers={**headers(), "X-Request-Id": "find-me"})
    message = assert_is_an_error(answer, 500)["message"]
    assert "negative" in message and "find-me" in message
    (logged,) = (JsonLines().format(r) for r in caplog.records if r.name == "clv")
    assert "find-me" in logged and "negative" in logged and "/clv" in logged
    assert client.get("/api/v1/customers/b/clv", headers=headers()).status_code == 200


@pytest.mark.parametrize("wrong", [7, 1.5, True, [], {}, ["high"], "best", ""])
def test_whatever_is_sent_for_a_segment_the_error_names_the_four(client, headers, wrong):
    answer = client.post("/api/v1/clv/compute", json={"segment": wrong}, headers=headers())
    body = assert_is_an_error(answer, 400)
    assert body["errors"] == {"json": {"segment": ["Must be one of: high, medium, low, at_risk."]}}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/v1/settings", {"model": 7}, ", ".join(MODEL_SETTINGS)),
        ("/api/v1/api-keys", {"role": None}, ", ".join(ROLES)),
        (SUMMARIES, {"data": [{"periodType": 7}]}, "daily, weekly, monthly, alltime"),
    ],
)
def test_each_word_of_a_wrong_type_is_told_which_are_right(client, headers, path, body, words):
    method = client.put if path.endswith("settings") else client.post
    message = assert_is_an_error(method(path, json=body, headers=headers()), 400)["message"]
    assert f"Must be one of: {words}." in message


def test_a_body_that_is_too_large_is_told_how_large_it_may_be(client, headers):
    answer = client.post(SUMMARIES, json={"data": ["x" * 5_000_000]}, headers=headers())
    assert "larger than 4,194,304 bytes" in assert_is_an_error(answer, 413)["message"]


@pytest.mark.parametrize("name", ["computedAfter", "computedBefore"])
def test_a_plus_sign_that_became_a_blank_is_explained(client, headers, name):
    url = f"/api/v1/clv/records?{name}=2026-04-30T09:15:00"
    for offset in ("+02:00", "+0200", "+02"):
        body = assert_is_an_error(client.get(f"{url}{offset}", headers=headers()), 400)
        assert "%2B" in body["message"]
    assert client.get(f"{url}%2B02:00", headers=headers()).status_code == 200
    assert "%2B" not in client.get(f"{url}x", headers=headers()).json["message"]
    since = "/api/v1/clv/changes?since=2026-04-30T09:15:00+02:00"
    assert "%2B" in client.get(since, headers=headers()).json["message"]
