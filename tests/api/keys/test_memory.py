"""Keys in memory: what they save, and how soon a change takes effect."""

import time

from clv import db
from clv.auth import authentication, keys, tokens
from clv.auth.ttl_cache import TTLCache
from clv.store import tenants
from tests.api.keys.support import CLV, KEYS, SETTINGS, bearer, unreadable_keys
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.api.web import gunicorn


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
