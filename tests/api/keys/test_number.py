"""How many keys a tenant may have and create, and what is kept of those that have ended."""

import threading
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.auth.keys import ENDED_DAYS, ENDED_FACTOR
from clv.domain.units import DAY_MS
from clv.store import api_keys, tenants
from tests.api.keys.support import KEYS
from tests.api.pages import Visitor
from tests.api.test_errors import assert_is_an_error

MOST = 4
VIEWER = {"role": "viewer"}


@pytest.fixture
def few(app, settings):
    """An application where a tenant may have 4 keys."""
    application = create_app(replace(settings, max_keys=MOST))
    yield application
    application.extensions["clv"].queue.redis.close()


@pytest.fixture
def admin(headers):
    """The first key of acme."""
    return headers("admin")


def create(client, admin) -> int:
    return client.post(KEYS, headers=admin, json=VIEWER).status_code


def age(milliseconds: int, of: str = "created_ms", where: str = "") -> None:
    """Let this have been so long ago, for all keys or some."""
    with db.scope():
        past = db.value(f"SELECT {tenants.now_sql()}") - milliseconds
        db.execute(f"UPDATE api_key SET {of} = %s {where}", (past,))


def stored() -> int:
    with db.scope():
        return db.value("SELECT COUNT(*) FROM api_key")


def test_a_tenant_has_so_many_keys_and_others_as_many_of_their_own(few, admin, headers):
    client = few.test_client()
    assert [create(client, admin) for _ in range(5)] == [201, 201, 201, 409, 409]
    body = assert_is_an_error(client.post(KEYS, headers=admin, json=VIEWER), 409)
    assert "may have 4 valid keys" in body["message"] and "revoke one" in body["message"]
    assert create(client, headers("admin", "other")) == 201
    assert stored() == MOST + 2


def test_the_page_says_that_there_are_too_many(few, admin):
    someone = Visitor(few, admin)
    statuses = [someone.post("/keys", role="viewer", expiresDays="").status_code for _ in range(4)]
    assert statuses == [201, 201, 201, 409]
    assert "4 valid keys" in someone.post("/keys", role="viewer", expiresDays="").text


def test_two_that_create_the_last_key_at_once_do_not_both_get_one(few, admin, tenant):
    assert [create(few.test_client(), admin) for _ in range(MOST - 2)] == [201] * (MOST - 2)
    statuses: list[int] = []
    other = threading.Thread(target=lambda: statuses.append(create(few.test_client(), admin)))
    with db.scope(), api_keys.locked(tenant.id):
        other.start()
        # It looks at the keys before this one is there, unless it waits.
        other.join(0.5)
        api_keys.create_key(tenant.id, "0" * 12, "", "viewer", "", None)
    other.join()
    assert statuses == [409] and stored() == MOST


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_a_key_that_has_ended_makes_room(few, admin, end):
    client = few.test_client()
    ids = [client.post(KEYS, headers=admin, json=VIEWER).json["id"] for _ in range(MOST - 1)]
    age(2 * 3_600_000)
    assert create(client, admin) == 409
    if end == "revoke":
        assert client.delete(f"{KEYS}/{ids[0]}", headers=admin).status_code == 204
    else:
        age(1, "expires_ms", f"WHERE public = '{ids[0]}'")
    assert create(client, admin) == 201


def test_keys_that_are_revoked_at_once_can_not_be_created_without_end(few, admin):
    client, statuses = few.test_client(), []
    for _ in range(10):
        answer = client.post(KEYS, headers=admin, json=VIEWER)
        statuses.append(answer.status_code)
        if answer.status_code == 201:
            client.delete(f"{KEYS}/{answer.json['id']}", headers=admin)
    # The admin's key was created within the hour, too.
    assert statuses == [201] * (MOST - 1) + [429] * 7
    body = assert_is_an_error(answer, 429)
    assert "may create 4 keys within an hour" in body["message"]
    assert 3_500 < int(answer.headers["Retry-After"]) <= 3_600
    age(3_600_001)
    assert create(client, admin) == 201


def test_a_key_from_a_time_to_come_is_not_recent(few, admin):
    client = few.test_client()
    for _ in range(MOST - 1):
        answer = client.post(KEYS, headers=admin, json=VIEWER)
        client.delete(f"{KEYS}/{answer.json['id']}", headers=admin)
    age(-400 * DAY_MS)
    assert create(client, admin) == 201


def test_keys_that_ended_long_ago_go_with_the_next_that_is_created(few, admin):
    client = few.test_client()
    old, young, expired = (
        client.post(KEYS, headers=admin, json=VIEWER).json["id"] for _ in range(3)
    )
    age(2 * ENDED_DAYS * DAY_MS)
    for one, days in ((old, ENDED_DAYS + 1), (young, ENDED_DAYS - 1)):
        client.delete(f"{KEYS}/{one}", headers=admin)
        age(days * DAY_MS, "revoked_ms", f"WHERE public = '{one}'")
    age((ENDED_DAYS + 1) * DAY_MS, "expires_ms", f"WHERE public = '{expired}'")
    assert create(client, admin) == 201
    listed = {key["id"] for key in client.get(KEYS, headers=admin).json["data"]}
    assert young in listed and not listed & {old, expired} and len(listed) == 3


def test_of_keys_that_have_ended_the_newest_are_kept(few, admin):
    client, ids = few.test_client(), []
    for _ in range(ENDED_FACTOR * MOST + 3):
        answer = client.post(KEYS, headers=admin, json=VIEWER)
        ids.append(answer.json["id"])
        client.delete(f"{KEYS}/{ids[-1]}", headers=admin)
        age(2 * 3_600_000)
    assert create(client, admin) == 201
    assert stored() == 1 + ENDED_FACTOR * MOST + 1
    pages = client.get(KEYS, headers=admin).json["data"]
    assert {key["id"] for key in pages} & set(ids) == set(ids[3:])


def test_whoever_runs_the_service_creates_keys_beyond_the_number(few, admin):
    client = few.test_client()
    while create(client, admin) == 201:
        pass
    done = few.test_cli_runner().invoke(
        args=["keys", "create", "--tenant", "acme", "--role", "admin"]
    )
    assert done.exit_code == 0 and done.output.startswith("clv_")
