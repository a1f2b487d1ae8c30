"""What goes on when Redis or the database is down, silent, slow or full, and what comes back."""

import json
import select
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import psycopg
import pytest

from app import create_app
from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.settings import ScoreSettings
from clv.services.snapshots import scan_customers
from clv.store import snapshots, tenants
from tests.api.support import row
from tests.api.web import Answer, Web, gunicorn, read
from tests.conftest import EVENT_SECONDS, wait_until
from tests.support import outages, servers

# Routers give up after so long.
PATIENCE_SECONDS = 30
THREADS = 4
CLV = "/api/v1/customers/a/clv"
COMPUTE = "/api/v1/clv/compute"
ROWS = "/api/v1/interaction-summaries"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture(params=[outages.refusing, outages.unanswering, outages.silent])
def without_redis(request, settings: Settings) -> Iterator[Settings]:
    """The settings with a Redis that is out of reach."""
    url = urlsplit(settings.redis_url)
    with request.param(url.port) as port:
        yield replace(settings, redis_url=url._replace(netloc=f"127.0.0.1:{port}").geturl())


@pytest.fixture(scope="module")
def own(workspace) -> Iterator[servers.Postgresql]:
    """A PostgreSQL of our own, with the tables."""
    with servers.own_postgresql(workspace / "degraded") as server:
        with outages.another_database(Settings(database_url=server.url)):
            db.migrate()
        yield server


@pytest.fixture
def there(own) -> Iterator[psycopg.Connection]:
    """A connection to it that nobody interferes with."""
    with psycopg.connect(own.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def web(own, redis_url) -> Iterator["Client"]:
    """The service on that PostgreSQL, as an editor of a tenant with the customer ``a``."""
    chosen = Settings(database_url=own.url, redis_url=f"{redis_url}/6")
    with outages.another_database(chosen):
        token = keys.create_key(tenants.create_tenant("acme"), Role.EDITOR)
    with gunicorn(chosen, WEB_THREADS=str(THREADS)) as running:
        client = Client(running, token)
        assert client.send("POST", ROWS, {"data": [row("a", 1)]}).status == 200
        assert client.send("GET", CLV).status == 200
        yield client


@pytest.fixture
def tiny_disk(settings, workspace, request) -> Iterator[tuple[Settings, Callable[[], None]]]:
    """Settings with a database on a disk of a few MiB, and what makes it larger. Only an
    administrator can make one, and only where containers may."""
    path = workspace / "tiny"
    path.mkdir(exist_ok=True)
    if mount("-t", "tmpfs", "-o", "size=3m,mode=777", "tmpfs", path):
        pytest.skip("no disk can be mounted here")
    enlarge = partial(mount, "-o", "remount,size=64m", path)
    try:
        if settings.database_url.startswith("sqlite"):
            yield replace(settings, database_url=f"sqlite:///{path / 'clv.db'}"), enlarge
        else:
            own = request.getfixturevalue("own")
            with own.tables_at(path):
                yield replace(settings, database_url=own.url), enlarge
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def mount(*arguments: object) -> int:
    """0 when it could be done."""
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode


class Client:
    """Requests of one key to a running service."""

    def __init__(self, web: Web, token: str) -> None:
        self.web, self._token = web, token

    def send(self, method: str, path: str, body: dict | None = None) -> Answer:
        """A response, which there must be."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        answer = self.web.send(head.encode() + sent)
        assert answer is not None
        return answer

    def at_once(self, count: int, method: str, path: str) -> list[Answer]:
        """The responses to so many requests at the same time."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.send(method, path), range(count)))

    def recovers(self) -> None:
        """Return when it serves again."""
        # A thread that used its connection within this time does not look whether it lives.
        time.sleep(db.CHECK_SECONDS)
        wait_until(lambda: self.send("GET", CLV).status == 200, "it serves again")
        assert self.send("POST", CLV).status == 200


def is_retryable(answer: Answer) -> bool:
    """Whether it is a 503 that says when to come back, and why."""
    return (
        answer.status == 503
        and bool(answer.headers["Retry-After"])
        and b"database" in (answer.body)
    )


def test_without_redis_all_but_batches_works(without_redis, app, headers, load):
    load(row("a", 1, 9, 90), row("b", 2))
    client, key = create_app(without_redis).test_client(), headers()
    assert client.get(CLV, headers=key).json["source"] == "computed"
    assert client.post(CLV, headers=key).json["source"] == "recomputed"
    for path in ("clv/records", "clv/jobs", "clv/summary", "clv/changes", "settings"):
        assert client.get(f"/api/v1/{path}", headers=key).status_code == 200, path
    assert client.post(ROWS, json={"data": [row("c", 3)]}, headers=key).json["inserted"] == 1
    file = f"customer_id,date,amount\nd,{row('d', 1)['periodKey']},5\n"
    answer = client.put("/api/v1/transactions", data=file, headers={**key, **CSV})
    assert answer.json["inserted"] == 1
    assert client.get("/readyz").json["redis"] == "unavailable"


def test_without_redis_a_batch_is_refused_in_time(without_redis, app, headers, load):
    load(row("a", 1))
    lonely, key = create_app(without_redis), headers()
    # More than Redis connections: those that wait for one have to be told in time, too.
    with ThreadPoolExecutor(2 * THREADS) as pool:
        asked = [
            pool.submit(lambda: lonely.test_client().post(COMPUTE, headers=key))
            for _ in range(2 * THREADS)
        ]
        answers = [answer.result(PATIENCE_SECONDS) for answer in asked]
    assert [answer.status_code for answer in answers] == [503] * 2 * THREADS
    assert all("Redis" in a.json["message"] and a.headers["Retry-After"] for a in answers)


def test_a_batch_that_redis_forgets_in_mid_connection_is_refused(settings, app, headers, load):
    load(row("a", 1))
    url = urlsplit(settings.redis_url)
    with outages.Proxy(url.port) as proxy:
        behind = url._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        client, key = create_app(replace(settings, redis_url=behind)).test_client(), headers()
        prefer = {**key, "Prefer": "respond-async"}
        assert client.post(COMPUTE, headers=prefer).status_code == 202
        proxy.fall_silent()
        assert client.post(COMPUTE, headers=prefer).status_code == 503
        assert client.get("/api/v1/clv/jobs", headers=key).status_code == 200


def test_the_service_lives_while_all_that_may_wait_for_runs_do(settings, app, headers, load):
    load(row("a", 1))
    key = headers()
    # Nobody works on it: a worker may, and then it is asked for again.
    idle = replace(settings, redis_url=settings.redis_url[:-1] + "7")
    prefer = {**key, "Prefer": "respond-async"}
    job = create_app(idle).test_client().post(COMPUTE, headers=prefer).json["jobId"]
    path, lines = f"/api/v1/clv/jobs/{job}", "".join(f"{k}: {v}\r\n" for k, v in key.items())
    ask = f"GET {path}?wait=25 HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()
    with gunicorn(idle, WEB_THREADS=str(THREADS)) as web:
        asked = [web.connect(ask) for _ in range(THREADS)]
        seats = THREADS // 2
        wait_until(lambda: len(answered(asked)) == len(asked) - seats, "all seats are taken")
        assert web.get("/healthz").status == 200 and web.get(CLV, **key).status == 200
        waiting = [one for one in asked if one not in answered(asked)]
        assert len(waiting) == seats
        assert app.test_client().delete(path, headers=key).status_code == 202
        assert [json.loads(read(one).body)["status"] for one in waiting] == ["cancelled"] * seats
        for connection in asked:
            connection.close()


def test_a_database_that_is_stopped_and_started_needs_no_restart(web, own):
    own.stop()
    try:
        for method in ("GET", "POST"):
            assert is_retryable(web.send(method, CLV))
        assert is_retryable(web.send("POST", ROWS, {"data": [row("z", 1)]}))
        assert web.web.get("/healthz").status == 200 and web.web.get("/readyz").status == 503
    finally:
        own.start()
    web.recovers()


def test_connections_that_are_cut_in_mid_request_cost_that_request(web, own, there):
    with locked(own), ThreadPoolExecutor() as pool:
        answers = [pool.submit(web.send, "GET", CLV) for _ in range(2)]
        wait_until(lambda: waiting_for_locks(there) == 2, "they are in mid-request")
        there.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        assert all(is_retryable(answer.result()) for answer in answers)
    web.recovers()


def test_what_waits_for_a_locked_table_gives_up_in_time(web, own):
    with locked(own):
        assert all(is_retryable(answer) for answer in web.at_once(THREADS, "GET", CLV))
    web.recovers()


def test_a_slow_statement_of_a_request_is_ended(web, there):
    there.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(100); RETURN NEW; END'"
    )
    there.execute(
        "CREATE TRIGGER slow BEFORE INSERT ON clv_record FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    try:
        assert all(is_retryable(answer) for answer in web.at_once(THREADS, "POST", CLV))
        assert web.send("GET", CLV).status == 200
    finally:
        there.execute("DROP FUNCTION slow CASCADE")
    web.recovers()


def test_a_database_that_falls_silent_keeps_no_thread(web, own):
    own.pause()
    try:
        answers = web.at_once(3 * THREADS, "GET", CLV)
        assert all(is_retryable(answer) for answer in answers)
        # It is known by now, and requests that need no database find a thread at once.
        with clients(web, 2 * THREADS) as failed:
            for _ in range(20):
                assert web.web.get("/healthz").status == 200
            wait_until(lambda: len(failed) > 10 * THREADS, "requests fail at once")
    finally:
        own.resume()
    web.recovers()


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


def test_first_requests_at_once_build_one_distribution_and_all_are_answered(app, headers, load):
    load(*many_rows("c"))
    key, clients = headers(), 16
    paths = [f"/api/v1/customers/{one['customerId']}/clv" for one in many_rows("c")[:clients]]
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda path: app.test_client().get(path, headers=key), paths))
    assert [answer.status_code for answer in answers] == [200] * clients
    assert db.value("SELECT MAX(id) FROM snapshot") == 1


def test_a_distribution_that_was_built_before_the_lease_was_taken_is_not_built_again(
    app, headers, load, monkeypatch
):
    load(row("a", 1))
    key, answers = headers(), []
    wants, take = threading.Event(), snapshots.take_lease
    monkeypatch.setattr(snapshots, "take_lease", lambda tenant: wants.set() or take(tenant))
    late = threading.Thread(
        target=lambda: answers.append(app.test_client().get(CLV, headers=key).json)
    )
    with db.scope(), db.transaction():
        _, customers = tenants.lock_tenant(1)
        late.start()
        # It finds no distribution, and waits for the lease: 5 s at most.
        assert wants.wait(EVENT_SECONDS)
        found = scan_customers(1, ScoreSettings(), now_ms()).distribution
        snapshots.insert(1, customers, found, ScoreSettings())
    late.join()
    assert answers[0]["source"] == "computed"
    assert db.value("SELECT MAX(id) FROM snapshot") == 1


def test_what_takes_long_by_its_nature_may(app):
    if db.is_sqlite():
        pytest.skip("SQLite's statements depend on nobody else")
    with db.within(1):
        with pytest.raises(db.DOWN):
            db.rows("SELECT pg_sleep(60)")
        assert db.value("SELECT 1") == 1, "the connection is as good as before"
    with db.within(db.LONG_SECONDS):
        assert db.rows("SELECT pg_sleep(1.2)")


def many_rows(prefix: str) -> list[dict]:
    """More than fits into what is left of a page or two."""
    return [row(f"{prefix}{n}".ljust(100, "x"), 1) for n in range(500)]


def answered(connections: list[socket.socket]) -> list[socket.socket]:
    """Those on which there is something to read."""
    return select.select(connections, [], [], 0)[0]


@contextmanager
def locked(own: servers.Postgresql) -> Iterator[None]:
    """Nobody can read the records meanwhile."""
    with psycopg.connect(own.url) as connection:
        connection.execute("LOCK TABLE clv_record")
        yield


def waiting_for_locks(there: psycopg.Connection) -> int:
    """How many statements wait for what another one has locked."""
    return there.execute(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    ).fetchone()[0]


@contextmanager
def clients(web: Client, count: int) -> Iterator[list[int]]:
    """So many clients that ask all the time meanwhile; the statuses that they got."""
    stop, statuses = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            statuses.append(web.send("GET", CLV).status)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()
