"""How sessions end: with all copies of their cookie, at once and in every process."""

import pytest
from flask.testing import FlaskClient

from clv import db
from clv.auth import keys, sessions, tokens
from clv.auth.principal import Role
from clv.dashboard import session
from clv.dashboard.blueprint import now_ms
from clv.store import tenants
from tests.api.dashboard.support import ORIGIN, secret, sign_in, sign_out, token_of
from tests.api.web import gunicorn

HOUR_MS = 3_600_000


@pytest.fixture
def browser(app):
    """Another browser."""
    return lambda: FlaskClient(app, app.response_class)


def copy_of(client, browser):
    """A browser with a copy of this client's cookie."""
    thief = browser()
    thief.set_cookie("clv", client.get_cookie("clv").value)
    return thief


def test_signing_out_ends_every_copy_of_the_cookie(client, key, tenant, browser):
    sign_in(client, key("admin"))
    thief = copy_of(client, browser)
    assert thief.get("/keys").status_code == 200
    form = {"form_token": token_of(thief), "role": "admin"}
    answer = sign_out(client)
    assert answer.location == "/sign-in?notice=signed-out"
    assert client.get("/").status_code == 303
    assert thief.get("/").status_code == 303
    assert thief.post("/keys", data=form, headers=ORIGIN).location == "/sign-in"
    with db.scope():
        assert len(keys.keys_of_tenant(tenant)) == 1


def test_signing_in_again_ends_the_session_before(client, key, browser):
    token = key()
    sign_in(client, token)
    thief = copy_of(client, browser)
    sign_in(client, token)
    assert (client.get("/").status_code, thief.get("/").status_code) == (200, 303)


def test_signing_out_ends_no_other_session_of_the_key_unless_asked(client, key, browser):
    token, second, other = key(), browser(), browser()
    sign_in(client, token)
    sign_in(second, token)
    sign_in(other, key())
    sign_out(client)
    assert second.get("/").status_code == 200
    sign_in(client, token)
    sign_out(client, everywhere="1")
    assert second.get("/").status_code == 303
    assert other.get("/").status_code == 200, "of another key"


def test_a_revoked_or_expired_key_closes_its_sessions_at_once(client, key, tenant):
    with db.scope():
        short = keys.create_key(tenant, Role.VIEWER, expires_days=1)
    for token, change in ((key(), "revoked_ms = 1"), (short, "expires_ms = 1")):
        sign_in(client, token)
        assert client.get("/").status_code == 200
        with db.scope():
            public = tokens.public_part(token)
            db.execute(f"UPDATE api_key SET {change} WHERE public = %s", (public,))
        assert client.get("/").status_code == 303


def test_the_end_of_a_session_is_known_to_every_process_at_once(
    client, key, settings, browser, headers
):
    admin, cookies = headers("admin"), []
    for token in (key(), key(), key()):
        one = browser()
        sign_in(one, token)
        cookies.append((one, token, f"clv={one.get_cookie('clv').value}"))
    with gunicorn(settings, WEB_CONCURRENCY="2") as web:

        def statuses(cookie: str) -> set[int]:
            # Each request has its own connection, and any of the two processes takes it.
            return {web.get("/jobs", Cookie=cookie).status for _ in range(12)}

        assert {status for _, _, cookie in cookies for status in statuses(cookie)} == {200}
        (one, _, _), (_, revoked, _), (_, expired, _) = cookies
        sign_out(one)
        url = f"/api/v1/api-keys/{tokens.public_part(revoked)}"
        assert client.delete(url, headers=admin).status_code == 204
        with db.scope():
            public = tokens.public_part(expired)
            db.execute("UPDATE api_key SET expires_ms = 1 WHERE public = %s", (public,))
        assert {status for _, _, cookie in cookies for status in statuses(cookie)} == {303}


def test_a_session_ends_after_twelve_hours_by_the_clock_of_the_web_process(client, key):
    sign_in(client, key())
    signed_in = session.unseal(client.get_cookie("clv").value, secret(), now_ms())
    # The clock of another web machine may be ahead by some seconds.
    for age, status in ((11.9, 200), (12.1, 303), (-0.01, 200), (-0.1, 303)):
        opened = session.Session(signed_in.key, now_ms() - int(age * HOUR_MS), signed_in.id)
        client.set_cookie("clv", session.seal(opened, secret()))
        assert client.get("/").status_code == status


def test_a_session_ends_after_twelve_hours_by_the_clock_of_the_database(client, key):
    sign_in(client, key())
    for hours, status in ((11.9, 200), (12.1, 303)):
        with db.scope():
            ends = db.value(f"SELECT {tenants.now_sql()}") + sessions.LIFETIME_MS
            db.execute("UPDATE session SET ends_ms = %s", (ends - int(hours * HOUR_MS),))
        assert client.get("/").status_code == status


def test_a_key_has_so_many_sessions_and_the_oldest_makes_room(client, key, browser, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    token, others = key(), [browser() for _ in range(4)]
    sign_in(client, key())
    for number, one in enumerate(others):
        sign_in(one, token)
        with db.scope():
            # Sign-ins within a millisecond have no order.
            db.execute("UPDATE session SET ends_ms = ends_ms - 1000")
        assert one.get("/").status_code == 200, number
    assert [one.get("/").status_code for one in others] == [303, 200, 200, 200]
    assert client.get("/").status_code == 200, "of another key"


def test_sessions_that_are_over_are_deleted_at_the_next_sign_in(client, key):
    token = key()
    sign_in(client, token)
    with db.scope():
        db.execute("UPDATE session SET ends_ms = 1")
    sign_in(client, token)
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM session") == 1


def test_the_database_has_nothing_that_opens_a_session(client, key):
    sign_in(client, key())
    signed_in = session.unseal(client.get_cookie("clv").value, secret(), now_ms())
    with db.scope():
        [row] = db.rows("SELECT * FROM session")
    assert signed_in.id not in map(str, row)
    forged = session.Session(signed_in.key, signed_in.opened_ms, row[0])
    client.set_cookie("clv", session.seal(forged, secret()))
    assert client.get("/").status_code == 303


def test_a_cookie_of_the_version_before_opens_nothing(client, key):
    opened = session.open_session(tokens.public_part(key()), now_ms())
    client.set_cookie("clv", session.seal(opened, secret()))
    assert client.get("/").status_code == 303


def test_a_deleted_tenant_has_no_sessions(client, key, tenant):
    sign_in(client, key())
    with db.scope():
        tenants.delete_tenant(tenant.id)
        assert db.value("SELECT COUNT(*) FROM session") == 0
    assert client.get("/").status_code == 303
