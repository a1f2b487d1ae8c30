"""A database whose disk is full."""

import uuid

from app import create_app
from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.store import tenants
from tests.api.degradation.support import CLV, ROWS, many_rows
from tests.api.support import row
from tests.support import outages


def test_a_full_disk_is_a_503_that_names_it_and_reads_go_on(client, headers, load):
    load(row("a", 1))
    key = headers()
    assert client.get(CLV, headers=key).status_code == 200
    with outages.full_disk():
        answer = client.post(ROWS, json={"data": many_rows("b")}, headers=key)
        assert answer.status_code == 503 and "disk is full" in answer.json["message"]
        assert answer.headers["Retry-After"]
        for path in ("customers/a/clv", "clv/records", "clv/summary"):
            assert client.get(f"/api/v1/{path}", headers=key).status_code == 200
        assert client.get("/readyz").status_code == 200
    assert db.value("SELECT COUNT(*) FROM interaction_summary") == 1
    assert load(*many_rows("b"))["inserted"] == len(many_rows("b"))


def test_a_disk_that_is_really_full_takes_what_it_took_and_no_half(tiny_disk):
    settings, enlarge = tiny_disk
    with outages.another_database(settings), db.scope():
        db.migrate()
        tenant = tenants.create_tenant(f"tiny-{uuid.uuid4().hex}")
        key = {"Authorization": f"Bearer {keys.create_key(tenant, Role.EDITOR)}"}
        client = create_app(settings).test_client()
        statuses, sent = [200], 0
        while statuses[-1] == 200:
            sent += 1
            answer = client.post(ROWS, json={"data": many_rows(f"{sent}-")}, headers=key)
            statuses.append(answer.status_code)
        assert statuses[-1] == 503 and "disk is full" in answer.json["message"]
        first = f"{ROWS}?customerId={many_rows('1-')[0]['customerId']}"
        assert client.get(first, headers=key).json["total"] == 1
        enlarge()
        stored = "SELECT COUNT(*) FROM interaction_summary WHERE tenant_id = %s"
        assert db.value(stored, (tenant.id,)) == (sent - 1) * len(many_rows("")), "no half"
        answer = client.post(ROWS, json={"data": many_rows(f"{sent}-")}, headers=key)
        assert answer.json["inserted"] == len(many_rows(""))
