"""What becomes of runs when the database has no room, or no connection is left."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.errors import DISK_FULL
from clv.store import runs, tenants
from tests.api.web import Web, gunicorn
from tests.bench import stage
from tests.conftest import environment, start_worker, wait_until
from tests.jobs.support import Bell, add_customers, begin, complete
from tests.support import outages, servers

MOST = 20
CUSTOMERS = 2_000
PROCESSES, THREADS = 2, 8
VARIABLES = {"SWEEP_SECONDS": "1", "LEASE_SECONDS": "2", "SHARD_CUSTOMERS": "1000"}


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def narrow(workspace) -> Iterator[Settings]:
    """PostgreSQL and Redis that take 20 connections each."""
    with (
        servers.own_postgresql(workspace / "narrow", max_connections=MOST) as own,
        stage.redis_server(workspace, "--maxclients", str(MOST)) as redis_url,
    ):
        chosen = Settings(database_url=own.url, redis_url=redis_url)
        with outages.another_database(chosen):
            db.migrate()
            yield chosen


def test_a_full_disk_fails_a_run_with_that_reason_and_the_next_one_goes_through(tenant, bell):
    add_customers(tenant, 2_000)
    with db.scope():
        with outages.full_disk():
            run_id = begin()
            complete(run_id, bell)
            run = runs.by_id(run_id)
        assert (run.status, run.message) == ("failed", DISK_FULL)
        # No record without its chunk's counters, no counter without its record.
        assert db.value("SELECT COUNT(*) FROM clv_record") == run.computed < 2_000
        again = begin()
        complete(again, bell)
        assert (runs.by_id(again).status, runs.by_id(again).computed) == ("finished", 2_000)


def test_all_threads_a_run_and_a_command_share_twenty_connections(narrow):
    tenant = tenants.create_tenant("acme")
    add_customers(tenant, CUSTOMERS)
    token = keys.create_key(tenant, Role.ADMIN)
    db.disconnect()
    web_of = {"WEB_CONCURRENCY": str(PROCESSES), "WEB_THREADS": str(THREADS), **VARIABLES}
    worker = start_worker(narrow, **VARIABLES)
    try:
        with gunicorn(narrow, **web_of) as web, busy(web, token) as statuses:
            command = subprocess.Popen(
                [sys.executable, "-m", "flask", "compute", "--tenant", "acme"],
                cwd=ROOT,
                env=environment(narrow),
            )
            assert command.wait(120) == 0
            assert last_run() == ("finished", CUSTOMERS)
            # And with none left at all, for a while in the middle of a run.
            answer = web.send(compute(token))
            assert answer is not None and answer.status in (200, 202)
            with outages.no_connection_left(narrow):
                served = statuses.total()
                wait_until(lambda: statuses.total() > served + 100, "there are answers")
            wait_until(lambda: last_run() == ("finished", CUSTOMERS), "the run ends")
    finally:
        worker.terminate()
        worker.wait()
    assert set(statuses) <= {200, 503}, statuses
    assert statuses[200] > 100


def last_run() -> tuple[str, int]:
    """Status and number of customers of the run that was started last."""
    with db.scope():
        [run] = runs.page(1, None, 1)
        return run.status, run.computed


def compute(token: str) -> bytes:
    """A request for a run, which does not wait."""
    return (
        "POST /api/v1/clv/compute HTTP/1.1\r\nHost: x\r\nPrefer: respond-async\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@contextmanager
def busy(web: Web, token: str) -> Iterator[Counter[int]]:
    """All threads are asked for something meanwhile; the statuses that came."""
    stop, statuses = threading.Event(), Counter()
    key = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"

    def ask(first: int) -> None:
        number = first
        while not stop.is_set():
            number = number % CUSTOMERS + 1
            method = "POST" if number % 5 == 0 else "GET"
            path = f"/api/v1/customers/c{number:05}/clv"
            answer = web.send(f"{method} {path} HTTP/1.1\r\n{key}".encode())
            statuses[answer.status if answer else 0] += 1

    firsts = range(0, CUSTOMERS, CUSTOMERS // (PROCESSES * THREADS))
    clients = [threading.Thread(target=ask, args=(first,)) for first in firsts]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        stop.set()
        for client in clients:
            client.join()
