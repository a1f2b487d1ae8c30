"""A PostgreSQL of our own, a service on it, a disk that is too small."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import psycopg
import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.store import tenants
from tests.api.degradation.support import CLV, ROWS, THREADS, Client, mount
from tests.api.support import row
from tests.api.web import gunicorn
from tests.support import outages, servers


@pytest.fixture(params=[outages.refusing, outages.unanswering, outages.silent])
def without_redis(request, settings: Settings) -> Iterator[Settings]:
    """The settings with a Redis that is out of reach."""
    url = urlsplit(settings.redis_url)
    with request.param(url.port) as port:
        yield replace(settings, redis_url=url._replace(netloc=f"127.0.0.1:{port}").geturl())


@pytest.fixture(scope="module")
def own(workspace, request) -> Iterator[servers.Postgresql]:
    """A PostgreSQL of the module's own, with the tables."""
    with servers.own_postgresql(workspace / request.module.__name__) as server:
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
