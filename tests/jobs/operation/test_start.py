"""Processes that start before the migration, and with a database that is not there."""

import signal
from dataclasses import replace

import psycopg
import pytest

from clv import config, db
from clv.config import Settings
from clv.db import schema
from tests.api.web import Web
from tests.conftest import DATABASES, free_port, wait_until
from tests.jobs.operation.support import ended, running
from tests.support import outages

WEB = ("gunicorn", "app:create_app()")
PROCESSES = {"worker": ("jobs.worker",), "cron": ("jobs.cron",), "web": WEB}


@pytest.fixture(params=DATABASES)
def empty(request, tmp_path, redis_url) -> Settings:
    """Settings with a database that has no tables yet."""
    url = f"sqlite:///{tmp_path / 'clv.db'}"
    if request.param == "postgresql":
        shared = request.getfixturevalue("postgresql_url")
        with psycopg.connect(shared, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS clv_unmigrated WITH (FORCE)")
            connection.execute("CREATE DATABASE clv_unmigrated")
        address, _, query = shared.partition("?")
        url = f"{address.rpartition('/')[0]}/clv_unmigrated?{query}"
    return Settings(database_url=url, redis_url=f"{redis_url}/4")


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_waits_for_the_migration_and_says_so_once(empty, name, tmp_path):
    port = free_port()
    with running(empty, tmp_path / "log", *PROCESSES[name], PORT=str(port)) as process:
        waits = process.wait_for("migration.awaited")
        assert waits["cause"] == "migrations are pending"
        with outages.another_database(empty):
            db.migrate()
        if name == "web":
            wait_until(lambda: is_ready(Web(port, process.process)), "it serves")
        else:
            process.wait_for(f"{name}.started")
        assert len(process.events("migration.awaited")) == 1
        assert process.process.poll() is None and "Traceback" not in process.text


def is_ready(web: Web) -> bool:
    try:
        return web.get("/readyz").status == 200
    except OSError:
        return False


def test_what_nobody_migrates_ends_the_process_with_a_line(empty, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATION_SECONDS", 0)
    with outages.another_database(empty), pytest.raises(SystemExit) as ends:
        schema.wait_for_migration()
    assert ends.value.code.endswith("not migrated within 0 s. Run flask migrate.")


def test_a_waiting_process_ends_when_it_is_told_to(empty, tmp_path):
    for stop in (signal.SIGTERM, signal.SIGINT):
        for name, command in PROCESSES.items():
            port = str(free_port())
            with running(empty, tmp_path / name, *command, PORT=port) as process:
                process.wait_for("migration.awaited")
                process.process.send_signal(stop)
                process.process.wait(60)
                assert "Traceback" not in process.text


def test_a_web_process_serves_without_a_database_and_a_worker_waits_for_it(tmp_path, redis_url):
    dead = Settings(
        database_url=f"postgresql://me:sesame@127.0.0.1:{free_port()}/shop",
        redis_url=f"{redis_url}/4",
    )
    port = free_port()
    with running(dead, tmp_path / "web", *WEB, PORT=str(port)) as web:
        wait_until(lambda: is_unavailable(Web(port, web.process)), "it answers")
        web.wait_for("database.failed", "database shop: Connection refused")
    with running(dead, tmp_path / "worker", "jobs.worker") as worker:
        worker.wait_for("migration.awaited", "database shop: Connection refused")
        assert worker.process.poll() is None
    for name in ("web", "worker"):
        assert "sesame" not in (tmp_path / name).read_text()


def is_unavailable(web: Web) -> bool:
    try:
        return web.get("/readyz").status == 503
    except OSError:
        return False


@pytest.mark.parametrize(
    "command", [("flask", "migrate"), *PROCESSES.values()], ids=["command", *PROCESSES]
)
def test_every_wrong_setting_has_a_line_before_anything_starts(command, tmp_path):
    wrong = {
        "DATABASE_URL": "postgresql://me:sesa/me@127.0.0.1/shop",
        "REDIS_URL": "redis://:sesa#me@127.0.0.1/0",
        "PORT": "0",
        "WEB_THREADS": "x",
        "LOG_LEVEL": "loud",
    }
    status, said = ended(Settings(), *command, **wrong)
    lines = said.splitlines()
    assert status == 1 and len(lines) == len(wrong)
    for name in wrong:
        assert any(line.startswith(f"Configuration: {name} ") for line in lines)
    assert "sesa" not in said
    assert all("percent-encoded" in line for line in lines if "_URL" in line)


def test_a_password_with_special_characters_works_once_it_is_encoded(settings):
    url = config.from_env({"REDIS_URL": "redis://:a%2Fb%23c%3F%40%25@h:6379/0"}).redis_url
    assert replace(settings, redis_url=url).redis_url == url
