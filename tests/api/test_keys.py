"""Keys in memory: how soon a change takes effect, the limit on failed attempts, the last use."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.auth import authentication, keys, tokens
from clv.auth.login_throttle import MOST_ADDRESSES, LoginThrottle, client_at
from clv.auth.ttl_cache import TTLCache
from clv.errors import TooMany
from clv.store import api_keys, tenants
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.api.web import gunicorn

CLV, SETTINGS, KEYS = "/api/v1/customers/a/clv", "/api/v1/settings", "/api/v1/api-keys"
MINUTE_MS = 60_000


def bearer(token: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def unreadable_keys() -> Iterator[None]:
    """The keys can't be read meanwhile: whoever looks one up gets a 500 or a 503."""
    with db.scope():
        db.execute("ALTER TABLE api_key RENAME TO api_key_away")
    try:
        yield
    finally:
        with db.scope():
            db.execute("ALTER TABLE api_key_away RENAME TO api_key")


@pytest.fixture
def key(client, load, headers, monkeypatch) -> dict[str, str]:
    """A viewer's key that was not used yet; the customer ``a`` has a record. Keys are believed for
    longer than a busy machine may stall."""
    monkeypatch.setattr(authentication, "CACHE_SECONDS", 600.0)
    load(row("a", 1))
    assert client.get(CLV, headers=headers("viewer")).status_code == 200
    return headers("viewer")


@pytest.fixture
def strict(app, settings, key) -> Iterator[Callable]:
    """Requests to an application that lets an address fail 3 times: ``strict(key, address)``."""
    application = create_app(replace(settings, attempts_limit="3/day"))
    client = application.test_client()
    assert client.get(CLV, headers=key).status_code == 200

    def get(headers: dict[str, str], address: str = "192.0.2.1", path: str = CLV):
        return client.get(path, headers=headers, environ_base={"REMOTE_ADDR": address})

    yield get
    application.extensions["clv"].queue.redis.close()


def fail(get: Callable, times: int, address: str = "192.0.2.1") -> list[int]:
    return [get(bearer(tokens.new()), address).status_code for _ in range(times)]


def test_a_key_that_is_in_use_costs_no_query(client, key):
    assert client.get(CLV, headers=key).status_code == 200
    with unreadable_keys():
        assert client.get(CLV, headers=key).status_code == 200
        assert client.get(CLV, headers=bearer(tokens.new())).status_code >= 500, "the control"
        authentication.forget_keys()
        assert client.get(CLV, headers=key).status_code >= 500


def test_only_the_whole_token_opens(client, key):
    assert client.get(CLV, headers=key).status_code == 200
    token = key["Authorization"].removeprefix("Bearer ")
    other = tokens.Token(token[4:16], "A" * 33)
    wrong = [str(other), token[:-1] + ("x" if token[-1] != "x" else "y"), token[:-1], f"{token}x"]
    wrong += [token[:16], f"xxxx{token[4:]}", token.swapcase(), f"{token[:16]}é{token[17:]}"]
    bodies = {client.get(CLV, headers=bearer(one)).data for one in wrong}
    assert len(bodies) == 1 and b'"code":401' in bodies.pop()
    assert client.get(CLV, headers=key).status_code == 200


def test_a_change_by_another_process_is_effective_within_5_seconds(settings, app, load, headers):
    load(row("a", 1))
    revoked, expired, deleted = headers("viewer"), headers("viewer"), headers("viewer", "other")
    stays = headers("viewer")
    names = [key["Authorization"][len("Bearer clv_") :][:12] for key in (revoked, expired)]
    with gunicorn(settings, WEB_CONCURRENCY="2") as web:

        def statuses(key: dict[str, str]) -> set[int]:
            # Each request has its own connection, and any of the two processes takes it.
            return {web.get(SETTINGS, **key).status for _ in range(12)}

        for key in (revoked, expired, deleted, stays):
            assert statuses(key) == {200}
        with db.scope():
            keys.revoke_key(names[0])
            db.execute("UPDATE api_key SET expires_ms = 1 WHERE public = %s", (names[1],))
            tenants.delete_tenant(tenants.tenant_by_name("other").id)
        # Each of the two may have looked the key up just before.
        time.sleep(authentication.CACHE_SECONDS)
        for key in (revoked, expired, deleted):
            assert statuses(key) == {401}
        assert statuses(stays) == {200}


def test_a_key_is_not_believed_beyond_its_expiry(client, key):
    public = key["Authorization"][len("Bearer clv_") :][:12]
    with db.scope():
        ends = db.value(f"SELECT {tenants.now_sql()}") + 1_500
        db.execute("UPDATE api_key SET expires_ms = %s WHERE public = %s", (ends, public))
    client.get(CLV, headers=key)
    time.sleep(1.6)
    assert client.get(CLV, headers=key).status_code == 401


def test_settings_that_another_process_changed_are_in_force_at_once(client, load, headers):
    load(row("a", 40), row("b", 1))
    key = headers("admin")
    assert client.post(CLV, headers=key).json["segment"] == "at_risk"
    with db.scope():
        db.execute("UPDATE tenant SET at_risk_days = 90")
    assert client.get(SETTINGS, headers=key).json["atRiskDays"] == 90
    assert client.post(CLV, headers=key).json["segment"] != "at_risk"
    changed = client.put(SETTINGS, headers=key, json={"currency": "EUR"}).json
    assert (changed["atRiskDays"], changed["currency"]) == (90, "EUR")


def test_memory_is_short_and_small():
    memory: TTLCache[int] = TTLCache(3)
    forever = time.monotonic() + 1_000
    memory.add("over", 0, time.monotonic())
    assert memory.get("over") is None and memory.get("never") is None
    for number in range(5):
        memory.add(str(number), number, forever)
    assert len(memory) == 3 and [memory.get(str(n)) for n in range(5)] == [None, None, 2, 3, 4]
    memory.add("2", 7, forever)
    memory.add("5", 5, forever)
    assert memory.get("2") == 7 and memory.get("3") is None, "the oldest makes room"


def test_what_is_read_while_all_is_forgotten_is_not_kept():
    memory: TTLCache[str] = TTLCache(3)
    epoch = memory.epoch
    memory.clear()
    memory.add("key", "as it was before it was revoked", time.monotonic() + 1_000, epoch)
    assert memory.get("key") is None


def test_made_up_keys_are_not_held(client, key):
    held = len(authentication._cached_keys)
    for _ in range(50):
        assert client.get(CLV, headers=bearer(tokens.new())).status_code == 401
    assert len(authentication._cached_keys) == held


def test_who_fails_too_often_is_told_so_and_right_keys_still_work(strict, key, headers):
    assert fail(strict, 5) == [401, 401, 401, 429, 429]
    answer = strict(bearer(tokens.new()))
    assert_is_an_error(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    for wrong in (bearer("no token"), {"Authorization": "Basic eDp5"}):
        assert strict(wrong).status_code == 429
    assert strict({}).status_code == 401, "without credentials it was no attempt"
    assert strict(key).status_code == 200
    authentication.forget_keys()
    assert strict(key).status_code == 200, "also after it has to be looked up again"
    assert strict(headers("viewer")).status_code == 200, "also a new one"
    assert fail(strict, 1, "192.0.2.2") == [401], "other addresses are not concerned"


def test_over_the_limit_a_made_up_key_costs_no_query(strict, key):
    fail(strict, 4)
    with unreadable_keys():
        assert fail(strict, 20) == [429] * 20
        assert strict(key).status_code == 200
        assert fail(strict, 1, "192.0.2.2")[0] >= 500, "the control: below it, it is looked up"


def test_over_the_limit_nobody_learns_which_keys_exist(strict, key):
    fail(strict, 4)
    public = key["Authorization"][len("Bearer clv_") :][:12]
    answers = [strict(bearer(one)) for one in (tokens.new(), tokens.Token(public, "A" * 33), "x")]
    assert (
        len({(one.status_code, one.json["message"].partition(" in ")[0]) for one in answers}) == 1
    )


def test_requests_without_credentials_and_right_ones_are_no_attempts(strict, key):
    assert {strict({}).status_code for _ in range(5)} == {401}
    assert {strict(key).status_code for _ in range(5)} == {200}
    assert fail(strict, 4) == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("nonsense", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_stands_for_a_client(address, client):
    assert client_at(address) == client


def test_failures_of_many_addresses_take_little_memory():
    attempts = LoginThrottle("1/day")
    attempts.count_failure("first")
    with pytest.raises(TooMany):
        attempts.count_failure("first")
    for number in range(MOST_ADDRESSES + 500):
        attempts.count_failure(f"198.51.{number}")
    assert len(attempts._windows) == MOST_ADDRESSES
    assert not attempts.is_exceeded("first") and attempts.is_exceeded("198.51.10000")


def test_without_a_limit_nothing_is_counted():
    attempts = LoginThrottle("")
    for _ in range(1_000):
        attempts.count_failure("192.0.2.1")
    assert not attempts.is_exceeded("192.0.2.1") and not len(attempts._windows)


def last_used(token: dict[str, str]) -> int | None:
    public = token["Authorization"][len("Bearer clv_") :][:12]
    with db.scope():
        return db.value("SELECT last_used_ms FROM api_key WHERE public = %s", (public,))


def use(client, key: dict[str, str]) -> None:
    """A request whose response is read to its end."""
    with client.get(CLV, headers=key) as answer:
        assert answer.status_code == 200


def test_a_keys_last_use_is_noted_after_the_response(app, client, headers, key):
    assert last_used(key) is None
    answer = client.get(CLV, headers=key)
    assert last_used(key) is None, "the response is not sent yet"
    answer.close()
    used = last_used(key)
    assert used
    listed = client.get(KEYS, headers=headers("admin")).json["data"]
    shown = {one["id"]: one["lastUsedAt"] for one in listed}
    assert shown[key["Authorization"][len("Bearer clv_") :][:12]].endswith("Z")
    assert None in shown.values(), "the new admin's, which was not used before"
    table = app.test_cli_runner().invoke(args=["keys", "list", "--tenant", "acme"]).output
    assert "last used" in table.splitlines()[0] and "never" in table and shown


def test_a_keys_last_use_is_noted_once_a_minute(client, key):
    use(client, key)
    for age, is_noted in ((MINUTE_MS - 20_000, False), (MINUTE_MS + 1_000, True)):
        with db.scope():
            before = db.value(f"SELECT {tenants.now_sql()}") - age
            db.execute("UPDATE api_key SET last_used_ms = %s", (before,))
        use(client, key)
        assert last_used(key) == before, "while the key is believed, nothing is looked at"
        authentication.forget_keys()
        use(client, key)
        assert (last_used(key) > before) == is_noted


def test_two_processes_note_one_use(key, tenant):
    public = key["Authorization"][len("Bearer clv_") :][:12]
    with db.scope():
        api_keys.note_use(public, MINUTE_MS)
        first = last_used(key)
        api_keys.note_use(public, MINUTE_MS)
    assert last_used(key) == first


def test_a_lock_is_not_waited_for(app, key):
    setting = "PRAGMA busy_timeout" if db.is_sqlite() else "SHOW lock_timeout"
    with db.scope():
        before = db.value(setting)
        with db.without_waiting():
            assert db.value(setting) in (0, "1ms")
        assert db.value(setting) == before in (5_000, "5s")


def test_a_database_that_does_not_take_the_use_fails_no_request(client, key):
    with db.scope():
        holder = db.database.obj._connect()
        try:
            cursor = holder.cursor()
            cursor.execute("BEGIN IMMEDIATE" if db.is_sqlite() else "BEGIN")
            cursor.execute("UPDATE api_key SET label = 'locked'")
            use(client, key)
            cursor.execute("ROLLBACK")
        finally:
            holder.close()
    assert last_used(key) is None
    authentication.forget_keys()
    use(client, key)
    assert last_used(key), "the next one is noted"


def test_a_key_for_a_tenant_that_is_gone_opens_nothing(client, key, headers):
    admin = headers("admin")
    assert client.get(KEYS, headers=admin).status_code == 200
    with db.scope():
        tenants.delete_tenant(tenants.tenant_by_name("acme").id)
    # As in a process that does not know it yet.
    for answer in (
        client.post(KEYS, headers=admin, json={"role": "viewer"}),
        client.get(SETTINGS, headers=admin),
        client.post("/api/v1/clv/compute", headers=admin),
    ):
        assert_is_an_error(answer, 401)
    assert_is_an_error(client.get(CLV, headers=key), 401)
