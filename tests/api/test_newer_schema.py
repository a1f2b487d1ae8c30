"""A database that a newer version has migrated: this version goes on serving, and says so."""

from collections.abc import Iterator

import pytest

from clv import db
from tests.api.support import row
from tests.support import newer

API = "/api/v1"


@pytest.fixture(autouse=True)
def migrated(app) -> Iterator[None]:
    with newer.migrated():
        yield


def test_it_is_ready_and_names_the_migrations_that_it_does_not_know(client, tenant):
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["database"]) == (200, "ok")
    assert ready.json["unknownMigrations"] == [newer.MIGRATION]
    with db.scope():
        assert (db.pending_migrations(), db.migrate()) == ([], [])


def test_everything_is_stored_computed_and_read_as_ever(client, load, headers, worker):
    key = headers("admin")
    load(row("a", 1), row("b", 5))

    def ok(method: str, path: str, **options) -> dict:
        answer = client.open(f"{API}{path}", method=method, headers=key, **options)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json

    assert ok("POST", "/clv/compute")["success"]
    assert ok("GET", "/customers/a/clv")["customerId"] == "a"
    ok("POST", "/customers/b/clv")
    for path in (
        "/clv/records",
        "/clv/summary",
        "/clv/summary/history",
        "/clv/changes",
        "/clv/jobs",
    ):
        ok("GET", path)
    assert ok("PUT", "/settings", json={"atRiskDays": 7})["atRiskDays"] == 7
    assert client.delete(f"{API}/customers/a", headers=key).status_code == 204
    metrics = client.get("/metrics")
    assert 'clv_runs_total{status="finished"} 1' in metrics.text


def test_a_record_by_a_model_of_a_newer_version_is_read(client, load, headers):
    load(row("a", 1))
    key, url = headers("editor"), f"{API}/customers/a/clv"
    before = client.post(url, headers=key).json
    with db.scope():
        db.execute("UPDATE clv_record SET model = 99")
    answer = client.get(url, headers=key)
    assert answer.json == {**before, "source": "cached"}
    assert answer.headers["X-CLV-Model"] == "unknown/0"
    listed = client.get(f"{API}/clv/records?include=model", headers=key).json["data"]
    assert listed[0]["model"] == "unknown/0"
    explained = client.get(f"{url}/explanation", headers=key).json
    assert (explained["model"], explained["churnModelVersion"]) == ("unknown", 0)


def test_what_a_newer_version_stored_of_a_run_is_read(client, load, headers, worker):
    load(row("a", 1), row("b", 5))
    key = headers("admin")
    assert client.post(f"{API}/clv/compute", headers=key).json["success"]
    with db.scope():
        for table, column in (("run", "overview"), ("snapshot", "settings")):
            stored = db.value(f"SELECT {column} FROM {table}")
            grown = stored.replace("{", '{"of_a_newer_version": 1, ', 1)
            db.execute(f"UPDATE {table} SET {column} = %s", (grown,))
    assert client.get(f"{API}/clv/summary", headers=key).status_code == 200
    assert client.post(f"{API}/customers/a/clv", headers=key).status_code == 200
