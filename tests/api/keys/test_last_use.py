"""When a key's last use is noted."""

from clv import db
from clv.auth import authentication
from clv.store import api_keys, tenants
from tests.api.keys.support import CLV, KEYS

MINUTE_MS = 60_000


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
