"""Lists of keys, page by page."""

import re

from clv import db
from tests.api.keys.support import KEYS
from tests.api.pages import Visitor
from tests.api.support import insert
from tests.api.test_errors import assert_is_an_error

COLUMNS = "public, secret_sha256, tenant_id, role, label, created_ms, revoked_ms"


def add(first: int, count: int, revoked_ms: int | None = None) -> list[str]:
    """Put keys of acme into the table; their ids."""
    ids = [f"{number:012}" for number in range(first, first + count)]
    with db.scope(), db.transaction():
        insert("api_key", COLUMNS, [(one, "", 1, "viewer", "", 1, revoked_ms) for one in ids])
    return ids


def test_the_keys_come_in_pages_oldest_first_and_each_once(client, headers):
    admin = headers("admin")
    headers("admin", "other")
    expected = [admin["Authorization"][len("Bearer clv_") :][:12], *add(1, 6), *add(7, 3, 5)]
    listed: list[str] = []
    query = "?limit=4"
    while query:
        answer = client.get(f"{KEYS}{query}", headers=admin).json
        assert len(answer["data"]) <= 4
        listed += [key["id"] for key in answer["data"]]
        cursor, more = answer["pagination"]["cursor"], answer["pagination"]["hasMore"]
        assert more == (cursor is not None)
        query = f"?limit=4&cursor={cursor}" if more else ""
    assert listed == expected


def test_who_knows_no_pages_gets_a_hundred_keys(client, headers):
    admin = headers("admin")
    add(1, 105)
    answer = client.get(KEYS, headers=admin).json
    assert len(answer["data"]) == 100 and answer["pagination"]["hasMore"]


def test_a_made_up_cursor_is_refused(client, headers):
    admin = headers("admin")
    for query in ("cursor=x", "limit=0", "limit=101", "unknown=1"):
        assert_is_an_error(client.get(f"{KEYS}?{query}", headers=admin), 400)


def test_the_page_shows_active_and_ended_keys_in_pages_of_their_own(app, headers):
    someone = Visitor(app, headers("admin"))
    active, ended = add(1, 60), add(100, 60, 5)
    shown: dict[str, set[str]] = {"cursor": set(), "ended": set()}
    for name, ids in shown.items():
        path: str | None = "/keys"
        while path:
            text = someone.get(path).text
            ids |= set(re.findall(r"<code>(0\d{11})</code>", text))
            link = re.search(rf'href="(/keys\?{name}=[^"]+)"', text)
            path = link and link[1]
    assert shown["cursor"] >= set(active) and shown["ended"] >= set(ended)
    first = someone.get("/keys").text
    assert len(re.findall(r"<code>0\d{11}</code>", first)) == 49 + 50
    assert "50 or more revoked or expired" in first
    assert someone.get("/keys?cursor=x").status_code == 400
