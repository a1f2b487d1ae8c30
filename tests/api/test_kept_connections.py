"""Threads that keep their database connections between requests: nothing of one request reaches
the next, failures are got over, and who waits holds none."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.db import connections
from clv.store import tenants
from tests.api.pages import Visitor
from tests.api.support import row, unreadable_records
from tests.api.web import gunicorn
from tests.conftest import own_application, wait_until
from tests.support import servers

CLV = "/api/v1/customers/{}/clv"
ROWS = "/api/v1/interaction-summaries"
CSV = {"Content-Type": "text/csv"}
HEADER = "customerId,periodType,periodKey,impressions,lastContactAt\n"


@pytest.fixture
def kept(app):
    """The application, whose threads keep their connections."""
    db.keep_connections()
    yield app
    db.configure(app.extensions["clv"].settings)


def test_a_thread_keeps_its_connection_and_looks_at_it_once_a_second(kept, client, load, headers):
    load(row("a", 1))
    key = headers("viewer")
    used = set()
    for _ in range(20):
        assert client.get(CLV.format("a"), headers=key).status_code == 200
        assert not db.database.is_closed()
        used.add(id(db.database.connection()))
    assert len(used) == 1
    taken = db.database._in_use[next(iter(used))].checked_out
    connections._thread.checked_at -= db.CHECK_SECONDS + 1
    client.get(CLV.format("a"), headers=key)
    assert db.database._in_use[id(db.database.connection())].checked_out > taken


def test_without_enough_connections_they_go_back_to_the_pool(app, client, load, headers):
    load(row("a", 1))
    assert client.get(CLV.format("a"), headers=headers("viewer")).status_code == 200
    assert db.database.is_closed()


@pytest.mark.parametrize("statement", ["SELECT nonsense", "UPDATE tenant SET name = 'spoilt'"])
def test_what_a_request_leaves_open_never_reaches_the_next(
    kept, settings, client, load, headers, statement
):
    own = own_application(settings)
    db.keep_connections()

    @own.get("/leave-open")
    def leave_open() -> str:
        db.execute("BEGIN")
        db.execute(statement)
        return "left"

    load(row("a", 1))
    key = headers("viewer")
    assert client.get(CLV.format("a"), headers=key).status_code == 200
    left = FlaskClient(own, TestResponse).get("/leave-open")
    assert left.status_code == (200 if "UPDATE" in statement else 500)
    assert client.get(CLV.format("a"), headers=key).json["source"] == "cached"
    assert connections._is_clean()
    with db.scope():
        assert db.value("SELECT name FROM tenant") == "acme"


def test_after_a_failure_the_connection_is_given_up_and_the_next_request_works(
    kept, client, load, headers
):
    load(row("a", 1))
    key = headers("viewer")
    assert client.get(CLV.format("a"), headers=key).status_code == 200
    with unreadable_records():
        assert client.get(CLV.format("a"), headers=key).status_code in (500, 503)
        if db.is_sqlite():
            assert db.database.is_closed()
    assert client.get(CLV.format("a"), headers=key).json["source"] == "cached"


def test_after_a_failure_of_a_page_the_connection_is_given_up_too(kept, load, headers):
    load(row("a", 1))
    visitor = Visitor(kept, headers("viewer"))
    with unreadable_records():
        assert visitor.get("/customers?tab=all").status_code in (500, 503)
        if db.is_sqlite():
            assert db.database.is_closed()
    assert visitor.get("/customers?tab=all").status_code == 200


def test_nothing_of_a_tenant_reaches_another_through_a_kept_connection(kept, client, headers):
    for number in range(3):
        for name in ("acme", "bolt"):
            key, other = headers("editor", name), "bolt" if name == "acme" else "acme"
            line = f"{name}-{number},daily,2026-01-01,1,2026-01-01\n"
            bad = client.put(ROWS, data=f"{HEADER}{line}bad\n", headers=key | CSV)
            assert bad.status_code == 400
            good = client.put(ROWS, data=HEADER + line, headers=key | CSV)
            assert (good.json["received"], good.json["inserted"]) == (1, 1)
            assert client.get(CLV.format(f"{name}-{number}"), headers=key).status_code == 200
            stranger = headers("viewer", other)
            assert client.get(CLV.format(f"{name}-{number}"), headers=stranger).status_code == 404
    with db.scope():
        ids = dict(db.rows("SELECT name, id FROM tenant"))
        for name, tenant_id in ids.items():
            stored = db.rows(
                "SELECT customer_id FROM clv_record WHERE tenant_id = %s", (tenant_id,)
            )
            assert {customer.partition("-")[0] for (customer,) in stored} == {name}


def test_a_request_that_waits_for_a_run_holds_no_connection(alone, load, headers):
    load(row("a", 1))
    key, idle = headers("admin"), create_app(alone)
    db.keep_connections()
    client, room = idle.test_client(), idle.extensions["clv"].waiting_room
    job = client.post("/api/v1/clv/compute", headers=key | {"Prefer": "respond-async"}).json[
        "jobId"
    ]
    db.release()
    answers = []

    def wait_for_the_job() -> None:
        answers.append(idle.test_client().get(f"/api/v1/clv/jobs/{job}?wait=25", headers=key))
        answers.append(not db.database.is_closed())
        db.release()

    waiting = threading.Thread(target=wait_for_the_job)
    waiting.start()
    wait_until(lambda: room.taken, "the request waits")
    wait_until(lambda: not db.database._in_use, "it holds no connection")
    assert waiting.is_alive() and not answers
    client.delete(f"/api/v1/clv/jobs/{job}", headers=key)
    db.release()
    waiting.join()
    assert answers[0].json["status"] == "cancelled"
    assert answers[1], "and keeps the last one that it took"
    idle.extensions["clv"].queue.redis.close()
    db.configure(alone)


def test_more_threads_than_connections_share_them(settings, app, load, headers):
    load(row("a", 1))
    token = headers("viewer")["Authorization"]
    with gunicorn(settings, WEB_THREADS="6", DB_CONNECTIONS="8") as web:
        with ThreadPoolExecutor(12) as clients:
            ask = partial(web.get, CLV.format("a"), Authorization=token)
            answers = list(clients.map(lambda _: ask().status, range(60)))
    assert set(answers) == {200}, "with a connection each for two of them, the others would starve"


def test_a_restart_of_postgresql_and_cut_connections_are_got_over(redis_url):
    with servers.folder() as path, servers.own_postgresql(path / "pg") as server:
        settings = Settings(database_url=server.url, redis_url=f"{redis_url}/9")
        db.configure(settings)
        with db.scope():
            db.migrate()
            token = keys.create_key(tenants.create_tenant("acme"), Role.ADMIN)
        with gunicorn(settings, WEB_THREADS="4") as web:
            ask = partial(web.get, "/api/v1/settings", Authorization=f"Bearer {token}")
            wait_until(lambda: len(_backends_after(ask)) == 4, "all threads have been at work")
            backends = _backends_after(ask)
            assert len(backends) == 4 and _backends_after(ask) == backends, "each is kept"
            # Whoever was idle for a second looks first, and nobody notices.
            _cut()
            time.sleep(db.CHECK_SECONDS + 0.1)
            assert {ask().status for _ in range(12)} == {200}
            # Else a thread fails once and gives the connection up.
            _cut()
            statuses = [ask().status for _ in range(12)]
            assert set(statuses) <= {200, 503} and statuses.count(503) <= 4
            wait_until(lambda: {ask().status for _ in range(12)} == {200}, "each has a new one")
            db.disconnect()
            server.stop()
            assert {ask().status for _ in range(4)} == {503}
            server.start()
            wait_until(lambda: {ask().status for _ in range(12)} == {200}, "it works by itself")
        db.disconnect()


def test_a_lost_connection_is_closed_by_the_pool(app):
    if db.is_sqlite():
        pytest.skip("there is no server that could cut it")
    with db.scope():
        lost = db.database.connection()
        with ThreadPoolExecutor(1) as other:
            other.submit(_cut).result()
        wait_until(lost.is_lost, "the connection was cut")
    with db.scope():
        assert db.row("SELECT 1") == (1,)
    assert lost.closed


def _backends_after(ask) -> set[int]:
    """The server processes of the web process's connections after some requests at once."""
    with ThreadPoolExecutor(8) as clients:
        assert {one.status for one in clients.map(lambda _: ask(), range(80))} == {200}
    with db.scope():
        return {pid for (pid,) in db.rows(_BACKENDS)}


_BACKENDS = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'clv' AND pid <> pg_backend_pid()"
)


def _cut() -> None:
    """Cut all connections but our own; returns when they are."""
    with db.scope():
        # One that was just closed may end by itself meanwhile.
        backends = set(db.rows(_BACKENDS))
        for backend in backends:
            db.rows("SELECT pg_terminate_backend(%s)", backend)
        wait_until(lambda: not backends & set(db.rows(_BACKENDS)), "they are cut")
