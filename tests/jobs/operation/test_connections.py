"""A PostgreSQL and a Redis that allow 20 connections each, as small plans do: two machines with web
processes, three workers, cron and a command share them as ``docs/operations.md`` says."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from urllib.parse import urlsplit

import psycopg
import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.store import tenants
from tests.api.web import Web, gunicorn
from tests.bench import stage
from tests.conftest import environment, wait_until
from tests.jobs.operation.support import running
from tests.jobs.support import DAY, add_customers
from tests.support import outages, servers

MOST = 20
MACHINES, WORKERS = 2, 3
CUSTOMERS = 4_000
REQUESTS, CLIENTS = 1_000, 16
SHARED = {
    "DB_CONNECTIONS": str(MOST),
    "WEB_MACHINES": str(MACHINES),
    "SWEEP_SECONDS": "1",
    "SHARD_CUSTOMERS": "500",
}
# As on a machine that has only what is set.
WEB = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "7", "RATE_LIMIT": "1000000/minute"}


@pytest.fixture
def small_plans(workspace) -> Iterator[tuple[Settings, str]]:
    """Settings, and the database's own address for who watches."""
    with (
        servers.own_postgresql(workspace / "small", fsync="off") as own,
        stage.redis_server(workspace, "--maxclients", str(MOST)) as redis_url,
    ):
        with psycopg.connect(own.url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE shop LOGIN CONNECTION LIMIT {MOST}")
            owner.execute("CREATE DATABASE shop OWNER shop")
        url = urlsplit(own.url)
        as_shop = f"postgresql://shop@{url.netloc.rpartition('@')[2]}/shop?{url.query}"
        yield Settings(database_url=as_shop, redis_url=redis_url), own.url


def test_no_request_finds_the_twenty_connections_taken(small_plans, tmp_path):
    settings, watching = small_plans
    with outages.another_database(settings):
        db.migrate()
        tenant = tenants.create_tenant("acme")
        add_customers(tenant, CUSTOMERS)
        token = keys.create_key(tenant, Role.ADMIN)
        db.execute("UPDATE tenant SET nightly_ms = nightly_ms - %s", (2 * DAY,))
    with ExitStack() as stack:
        machines = [
            stack.enter_context(gunicorn(settings, tmp_path / f"web{n}", **SHARED, **WEB))
            for n in range(MACHINES)
        ]
        processes = [
            stack.enter_context(running(settings, tmp_path / f"worker{n}", "jobs.worker", **SHARED))
            for n in range(WORKERS)
        ]
        processes.append(stack.enter_context(running(settings, tmp_path / "cron", "jobs.cron")))
        wait_until(lambda: alive(machines[0]) == WORKERS, "the workers listen")
        command = subprocess.Popen(
            [sys.executable, "-m", "flask", "compute", "--tenant", "acme"],
            cwd=ROOT,
            env=environment(settings, **SHARED),
        )
        statuses = ask(machines, token)
        assert command.wait(120) == 0
        wait_until(lambda: ended(watching), "the last run ends")
    assert set(statuses) <= {200, 202} and statuses.total() == REQUESTS
    for file in tmp_path.iterdir():
        for failure in ("request.failed", "sweep.failed", "cron.failed", "job.failed", "lost"):
            assert failure not in file.read_text(), file.name


def alive(web: Web) -> int:
    """How many workers are."""
    return json.loads(web.get("/readyz").body)["workers"]


def ask(machines: list[Web], token: str) -> Counter[int]:
    """Many requests at a time to all machines; their statuses."""
    key = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n"
    numbers = count()

    def send(number: int) -> int:
        customer = f"/api/v1/customers/c{number % CUSTOMERS + 1:05}/clv"
        line = f"GET {customer}"
        if number % 5 == 0:
            line = f"POST {customer}"
        elif number % 7 == 0:
            line = "GET /api/v1/clv/records?limit=10"
        elif number % 50 == 1:
            line = "POST /api/v1/clv/compute"
        elif number % 50 == 2:
            line = "GET /api/v1/clv/jobs"
        request = f"{line} HTTP/1.1\r\nPrefer: respond-async\r\n{key}\r\n"
        answer = machines[next(numbers) % len(machines)].send(request.encode())
        return answer.status if answer else 0

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(send, range(REQUESTS)))


def ended(url: str) -> bool:
    """Whether each run has ended, and well; asked as somebody whom no limit counts."""
    shop = urlsplit(url)._replace(path="/shop").geturl()
    with psycopg.connect(shop) as watching:
        found = watching.execute("SELECT status, total FROM run").fetchall()
    assert not {status for status, *_ in found} & {"failed", "cancelled"}, found
    return all(status == "finished" for status, *_ in found) and len(found) >= 2
