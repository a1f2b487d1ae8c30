"""Real servers for the tests: each database, Redis, a worker process. Every test that asks for
``app`` runs on SQLite and on PostgreSQL, with empty tables and an empty Redis."""

import gzip
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser
from redis import Redis
from xdist.scheduler.loadscope import LoadScopeScheduling

from app import components, create_app
from clv import db
from clv.auth import authentication, keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.http.application import Service
from clv.store import tenants
from jobs.queue import connect
from tests.support import chromium, servers
from tests.support.contract import CheckedClient
from tests.support.processes import (
    DATABASES,
    EVENT_SECONDS,
    empty_tables,
    environment,
    free_port,
    redis_server,
    start_worker,
    wait_until,
)

# Tests take these from here, too.
__all__ = ["environment", "wait_until"]

# Many processes start in these tests, and each would compile the project anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test is about time: on a busy machine an example may take as long as it likes.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

DAY = 86_400
# For tests that have nothing to do with the database.
ON_ONE_DATABASE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True, scope="session")


# Folders with the longest tests first, so that at the end only short ones are left to share.
FOLDERS = ("e2e", "bench", "jobs", "load", "api", "unit")
DATABASE_OF_TEST = re.compile(rf"\[.*\b({'|'.join(DATABASES)})\b")


class ByFileAndDatabase(LoadScopeScheduling):
    """Gives each process the tests of one file on one database at a time: they share servers."""

    def _split_scope(self, nodeid: str) -> str:
        database = DATABASE_OF_TEST.search(nodeid)
        return f"{nodeid.partition('::')[0]} {database[1] if database else ''}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Share the tests out among the processes of ``pytest -n``."""
    config.option.loadscopereorder = False
    return ByFileAndDatabase(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first."""

    def place(item: pytest.Item) -> int:
        return FOLDERS.index(item.path.relative_to(ROOT / "tests").parts[0])

    items.sort(key=place)


@pytest.fixture(autouse=True)
def not_at_midnight() -> None:
    """What was yesterday, or a day's limit, must not change within a test."""
    while DAY - time.time() % DAY < 120:
        time.sleep(1)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder for the servers' data."""
    with servers.folder(servers.memory()) as path:
        yield path


@pytest.fixture(scope="session")
def postgresql_url(workspace: Path) -> Iterator[str]:
    """A real PostgreSQL."""
    with servers.postgresql(workspace) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(workspace: Path) -> Iterator[str]:
    """A real Redis."""
    with redis_server(workspace, free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium, the only one of its time."""
    with chromium.running() as found:
        yield found


@pytest.fixture(scope="session", params=DATABASES)
def settings(request: pytest.FixtureRequest, workspace: Path, redis_url: str) -> Iterator[Settings]:
    """The settings of one database; each has its own Redis database beside it."""
    if request.param == "sqlite":
        database_url = f"sqlite:///{workspace / 'clv.db'}"
    else:
        database_url = request.getfixturevalue("postgresql_url")
    number = DATABASES.index(request.param)
    chosen = Settings(
        database_url=database_url,
        redis_url=f"{redis_url}/{number}",
        web_threads=8,
        web_processes=1,
        db_connections=30,
        # Longer than a busy machine takes for a run.
        compute_wait_seconds=EVENT_SECONDS,
        # The module's worker must not help with runs that a test works off itself.
        sweep_seconds=300.0,
    )
    db.configure(chosen)
    with db.scope():
        db.migrate()
    yield chosen


@pytest.fixture
def app(settings: Settings) -> Iterator[Service]:
    """The application as it is at its start, on empty tables."""
    with started_anew(settings) as application:
        empty_everything(settings)
        yield application


@pytest.fixture
def alone(app, settings) -> Settings:
    """Settings with a Redis database of their own, empty: no other worker listens there."""
    number = 10 + settings.database_url.startswith("postgresql")
    chosen = replace(settings, redis_url=f"{settings.redis_url[:-1]}{number}")
    with Redis.from_url(chosen.redis_url) as redis:
        redis.flushdb()
    return chosen


@pytest.fixture
def client(app):
    """A test client of the application."""
    return app.test_client()


@pytest.fixture
def tenant(app):
    """The tenant ``acme``."""
    with db.scope():
        return tenants.create_tenant("acme")


@pytest.fixture
def headers(tenant) -> Callable[..., dict[str, str]]:
    """Authorization headers of a new key: ``headers("viewer")`` of acme, or of another tenant."""

    def make(role: str = "admin", name: str = "acme") -> dict[str, str]:
        with db.scope():
            try:
                owner = tenants.tenant_by_name(name)
            except Exception:
                owner = tenants.create_tenant(name)
            return {"Authorization": f"Bearer {keys.create_key(owner, Role.parse(role))}"}

    return make


@pytest.fixture
def load(client, headers) -> Callable[..., dict]:
    """Send summary rows as an editor of acme; returns the response's body."""
    key = headers("editor")

    def send(*rows: dict) -> dict:
        answer = client.post("/api/v1/interaction-summaries", json={"data": rows}, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return send


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Iterator[subprocess.Popen]:
    """A real RQ worker process on the settings' database and Redis, gone with the module: the tests
    of another would find their runs already taken."""
    process = start_worker(settings, SWEEP_SECONDS=str(settings.sweep_seconds))
    yield process
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def cdnow() -> list[tuple[str, str, str]]:
    """The CDNOW log that the project ships: (customer id, date, amount) as texts."""
    with gzip.open(ROOT / "clv" / "sample" / "cdnow.csv.gz", "rt") as lines:
        next(lines)
        return [tuple(line.split(",")[:3]) for line in lines]


@contextmanager
def started_anew(settings: Settings) -> Iterator[Service]:
    """An application of these settings as it is at its start."""
    application = built(settings)
    db.configure(settings)
    authentication.forget_keys()
    with connect(settings.redis_url) as redis:
        fresh = components(settings, redis)
        # What notes the requests keeps its counters, so they start again instead.
        counters = application.extensions["clv"].counters
        counters.share(fresh.counters)
        application.extensions["clv"] = replace(fresh, counters=counters)
        yield application
    db.release()
    db.database.close_all()


@cache
def built(settings: Settings) -> Service:
    """An application, built once: its routes and its document take longer than most tests. No test
    adds to it; one that wants to has one of its own."""
    return own_application(settings)


def own_application(settings: Settings) -> Service:
    """An application that a test may add routes to."""
    application = create_app(settings)
    application.testing = True
    application.test_client_class = CheckedClient
    return application


def unreachable_redis(settings: Settings) -> Settings:
    """The same settings with a Redis that refuses connections."""
    return replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")


def empty_everything(settings: Settings) -> None:
    """Empty the tables and the queue; the worker stays registered."""
    with db.scope():
        empty_tables()
    connected(settings.redis_url).delete("rq:queue:clv")


@cache
def connected(redis_url: str) -> Redis:
    """A client that stays connected: connecting takes longer than what many tests do."""
    return Redis.from_url(redis_url)
