"""Signing in, and what a session opens."""

import pytest

from clv.dashboard import session
from clv.dashboard.blueprint import now_ms
from tests.api.dashboard.support import secret, sign_in, token_of


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(client):
    answer = client.get("/")
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(client, key):
    token = key()
    answer = sign_in(client, token)
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("clv=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie and "Secure" not in cookie
    assert token.split("_")[2] not in cookie
    assert client.get("/").status_code == 200


def test_over_tls_the_cookie_is_secure_and_of_this_host_alone(client):
    cookie = client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert cookie.startswith("__Host-clv=") and "Secure" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie


def test_a_sign_in_begins_another_session(client, key):
    client.get("/sign-in")
    before = client.get_cookie("clv").value
    first = token_of(client)
    sign_in(client, key())
    assert client.get_cookie("clv").value != before
    assert token_of(client) != first


@pytest.mark.parametrize("text", ["", "x", "W10.x", "WyJhIl0.abc", "\u00e9", "a" * 3000])
def test_a_cookie_that_we_did_not_sign_opens_nothing(client, key, text):
    client.set_cookie("clv", text)
    assert client.get("/").status_code == 303


def test_a_session_signed_with_another_secret_opens_nothing(client, key):
    sign_in(client, key())
    signed_in = session.unseal(client.get_cookie("clv").value, secret(), now_ms())
    for text, status in ((secret(), 200), ("another secret of sufficient length", 303)):
        client.set_cookie("clv", session.seal(signed_in, text))
        assert client.get("/").status_code == status


def test_all_processes_share_one_secret(app, settings):
    assert len(secret()) == 64 and secret() == secret()


@pytest.mark.parametrize("key", ["", "clv_x", "clv_" + "a" * 52, "\u00e9", "x" * 10_000])
def test_a_wrong_key_is_a_401_with_one_message(client, tenant, key):
    answer = sign_in(client, key)
    assert answer.status_code == 401 and "mistyped, expired or revoked" in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx", "evil", ""]
)
def test_after_the_sign_in_nobody_is_led_elsewhere(client, key, wanted):
    assert sign_in(client, key(), next=wanted).location == "/"


def test_after_the_sign_in_one_comes_to_the_page_that_one_wanted(client, key):
    assert sign_in(client, key(), next="/customers?segment=high").location.endswith("segment=high")


def test_a_part_of_a_page_asks_the_browser_to_sign_in(client):
    answer = client.get("/", headers={"HX-Request": "true"})
    assert answer.status_code == 401 and answer.headers["HX-Redirect"] == "/sign-in"


def test_the_session_opens_no_endpoint_of_the_api(client, key):
    sign_in(client, key("admin"))
    assert client.get("/api/v1/clv/summary").status_code == 401
