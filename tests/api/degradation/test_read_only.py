"""A database that takes no changes: a standby, a failover, or privileges that were revoked."""

import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.store import runs, tenants
from tests.api.degradation.support import CLV, ROWS, Client
from tests.api.pages import Visitor
from tests.api.support import row
from tests.api.web import gunicorn
from tests.conftest import wait_until
from tests.support import outages, servers

READS = ("customers/a/clv", "clv/records", "clv/summary", "clv/jobs", "settings", "clv/changes")


def is_refusal(status: int, headers, message: str) -> bool:
    """Whether a request that changes something was refused as it should be."""
    return status == 503 and bool(headers["Retry-After"]) and "read-only" in message


def test_what_writes_is_a_503_that_says_so_and_what_reads_goes_on(client, headers, load):
    load(row("a", 1))
    key = headers("admin")
    assert client.get(CLV, headers=key).status_code == 200
    with db.scope():
        job = runs.join_or_create(1, None, "test", 10**9)[0].job_id
    with outages.read_only():
        writes = [
            client.post(ROWS, json={"data": [row("b", 1)]}, headers=key),
            client.post(CLV, headers=key),
            client.post("/api/v1/clv/compute", headers=key),
            client.put("/api/v1/settings", json={"atRiskDays": 60}, headers=key),
            client.delete("/api/v1/customers/a", headers=key),
            client.post("/api/v1/api-keys", json={"role": "viewer"}, headers=key),
            client.delete(f"/api/v1/clv/jobs/{job}", headers=key),
        ]
        for answer in writes:
            assert is_refusal(answer.status_code, answer.headers, answer.json["message"])
        for path in (*READS, f"clv/jobs/{job}"):
            assert client.get(f"/api/v1/{path}", headers=key).status_code == 200, path
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json["database"]) == (503, "read-only")
    assert load(row("b", 1))["inserted"] == 1


def test_who_is_signed_in_sees_the_pages_and_one_that_stores_says_why_it_can_not(
    app, headers, load
):
    load(row("a", 1))
    person = Visitor(app, headers("admin"))
    # As after a restart: what signs the sessions is read again.
    app.extensions["clv"].session_secret = None
    with outages.read_only():
        assert person.get("/customers").status_code == 200
        refused = person.post("/customers/a/recompute")
        assert refused.status_code == 503 and "read-only" in refused.text


def test_readiness_tries_a_write_once_in_a_while_and_finds_the_end_by_itself(client):
    with outages.read_only():
        for _ in range(3):
            assert client.get("/readyz").json["database"] == "read-only"
    wait_until(lambda: client.get("/readyz").json["database"] == "ok", "it takes changes again")


def test_readiness_waits_for_no_writer(client, settings):
    if not db.is_sqlite():
        pytest.skip("PostgreSQL has many writers")
    file = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert client.get("/readyz").json["database"] == "ok"
        writer.execute("ROLLBACK")


@pytest.fixture(scope="module")
def weak(own, redis_url):
    """Settings as a role that owns nothing, the owner's connection, and a key."""
    with (
        psycopg.connect(own.url, autocommit=True) as owner,
        outages.another_database(Settings(database_url=own.url)),
    ):
        owner.execute("CREATE ROLE weak LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO weak")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO weak")
        token = keys.create_key(tenants.create_tenant("acme"), Role.EDITOR)
        db.disconnect()
        url = urlsplit(own.url)
        as_weak = url._replace(netloc=f"weak@{url.netloc.rpartition('@')[2]}").geturl()
        yield Settings(database_url=as_weak, redis_url=f"{redis_url}/6"), owner, token


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (
            "REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM weak",
            "GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO weak",
        ),
        (
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "ALTER SYSTEM RESET default_transaction_read_only",
        ),
    ],
    ids=["revoked", "read-only"],
)
def test_a_running_service_notices_and_logs_the_cause(weak, begin, end, tmp_path):
    settings, owner, token = weak
    with gunicorn(settings, tmp_path / "log") as web:
        client = Client(web, token)
        assert client.send("POST", ROWS, {"data": [row("a", 1)]}).status == 200
        assert client.send("GET", CLV).status == 200
        assert json.loads(web.get("/readyz").body)["database"] == "ok"
        try:
            owner.execute(begin)
            owner.execute("SELECT pg_reload_conf()")
            wait_until(lambda: web.get("/readyz").status == 503, "it notices")
            answer = client.send("POST", ROWS, {"data": [row("b", 1)]})
            assert is_refusal(answer.status, answer.headers, json.loads(answer.body)["message"])
            assert client.send("GET", CLV).status == 200
            assert json.loads(web.get("/readyz").body)["database"] == "read-only"
        finally:
            owner.execute("SET default_transaction_read_only = off")
            owner.execute(end)
            owner.execute("SELECT pg_reload_conf()")
        wait_until(lambda: json.loads(web.get("/readyz").body)["database"] == "ok", "it recovers")
        assert client.send("POST", ROWS, {"data": [row("b", 1)]}).status == 200
    log = (tmp_path / "log").read_text()
    [cause] = set(re.findall(r'"request.failed".*"cause": "([^"]*)', log))
    assert re.search(r"SQLSTATE (42501|25006)", cause)


@pytest.fixture(scope="module")
def own(workspace, request):
    """A PostgreSQL of the module's own, with the tables, for other roles too."""
    with servers.own_postgresql(workspace / "read_only", fsync="off") as server:
        with outages.another_database(Settings(database_url=server.url)):
            db.migrate()
        yield server
