"""What is wrong with the database or Redis is said by commands and in the log, in one line with its
cause and without secrets; who asks over HTTP reads a neutral sentence."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from redis import Redis

from app import create_app
from clv import db
from clv.auth import tokens
from clv.config import Settings
from clv.errors import DATABASE_DOWN
from tests.bench import stage
from tests.conftest import wait_until
from tests.jobs.operation.support import ended, running
from tests.support import servers

SECRET = "sesame"
NEUTRAL = "The queue (Redis) can't be reached. Try again shortly."


@pytest.fixture(scope="module")
def strict(workspace) -> Iterator[str]:
    """A PostgreSQL that asks one role for its password, and lets nobody else in. The folder of its
    socket, which is its host."""
    with servers.own_postgresql(workspace / "strict", fsync="off") as own:
        with psycopg.connect(own.url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE shop LOGIN PASSWORD '{SECRET}'")
            [(file,)] = owner.execute("SHOW hba_file").fetchall()
            rules = "local all postgres trust\nlocal all shop scram-sha-256\n"
            rules += "hostssl all tls 127.0.0.1/32 scram-sha-256\n"
            Path(file).write_text(rules)
            owner.execute("SELECT pg_reload_conf()")
        yield parse_qs(urlsplit(own.url).query)["host"][0]


# The address, with the place of the database's own, and what is said.
DATABASES = {
    "an unresolvable host": ("shop:sesame@nowhere.invalid/shop", "failed to resolve host"),
    "a refused port": ("shop:sesame@127.0.0.1:1/shop", "Connection refused"),
    "a missing database": ("shop:sesame@/none?host={at}", 'database "none" does not exist'),
    "a wrong password": ("shop:sesame-not@/postgres?host={at}", "password authentication failed"),
    "no password": ("shop@/postgres?host={at}", "no password supplied"),
    "required TLS": ("tls:sesame@/postgres?host={at}", "no encryption"),
    "missing tables": ("shop:sesame@/postgres?host={at}", '" does not exist (SQLSTATE 42P01)'),
}


@pytest.mark.parametrize("what", DATABASES)
def test_a_command_says_what_is_wrong_with_the_database(strict, what):
    address, cause = DATABASES[what]
    settings = Settings(database_url=f"postgresql://{address.format(at=strict)}")
    status, said = ended(settings, "flask", "tenants", "list")
    [line] = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert status == 1 and cause in line and SECRET not in said and "Traceback" not in said
    assert f"database {urlsplit('//' + address).path[1:]}: " in line and "PostgreSQL at " in line


@pytest.mark.parametrize("what", DATABASES)
def test_the_web_logs_what_is_wrong_with_the_database_and_tells_nobody(strict, what, caplog):
    address, cause = DATABASES[what]
    settings = Settings(database_url=f"postgresql://{address.format(at=strict)}", rate_limit="")
    db.configure(settings)
    client = create_app(settings).test_client()
    key = {"Authorization": f"Bearer {tokens.new()}"}
    answer = client.get("/api/v1/settings", headers=key)
    db.disconnect()
    assert (answer.status_code, answer.json["message"]) == (503, DATABASE_DOWN)
    [event] = [r.fields for r in caplog.records if r.msg == "request.failed"]
    assert cause in event["cause"] and SECRET not in str(event)


@pytest.fixture
def redis_as(workspace) -> Iterator[Callable[..., str]]:
    """A Redis with these options; its address."""
    with ExitStack() as stack:

        def start(*options: str) -> str:
            return stack.enter_context(stage.redis_server(workspace, *options))

        yield start


def with_password(url: str, password: str) -> str:
    return url.replace("redis://", f"redis://:{password}@")


def locked(redis_as) -> str:
    """A Redis that asks for a password from now on."""
    url = redis_as()
    with Redis.from_url(url) as redis:
        redis.config_set("requirepass", SECRET)
    return url


REDIS = {
    "an unresolvable host": (lambda _: "redis://nowhere.invalid:6379/0", "nowhere.invalid:6379"),
    "a refused port": (lambda _: "redis://127.0.0.1:1/0", "Connection refused"),
    "a wrong number": (lambda start: f"{start()[:-1]}99", "no database with the number"),
    "no password": (locked, "it requires a password"),
    "a wrong password": (
        lambda start: with_password(locked(start), f"{SECRET}-not"),
        "it refuses the user or the password",
    ),
    "TLS that it does not speak": (
        lambda start: start().replace("redis://", "rediss://"),
        "it does not answer in time",
    ),
}


@pytest.mark.parametrize("what", REDIS)
def test_the_cause_of_an_unreachable_redis_is_logged_and_said_by_commands(
    what, redis_as, settings, tenant, headers, caplog, tmp_path
):
    make, cause = REDIS[what]
    wrong = replace(settings, redis_url=make(redis_as))
    client = create_app(wrong).test_client()
    answer = client.post("/api/v1/clv/compute", headers=headers())
    assert (answer.status_code, answer.json["message"]) == (503, NEUTRAL)
    [event] = [r.fields for r in caplog.records if r.msg == "request.failed"]
    assert cause in event["cause"] and SECRET not in str(event)
    assert client.get("/readyz").json["redis"] == "unavailable"
    status, said = ended(wrong, "flask", "compute", "--tenant", "acme")
    [line] = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert status == 1 and cause in line and SECRET not in said and "Traceback" not in said
    with running(wrong, tmp_path / "log", "jobs.worker") as worker:
        assert cause in worker.wait_for("redis.lost")["cause"]
        wait_until(lambda: len(worker.events("worker.restarting")) > 1, "it tries again")
        assert worker.events("worker.restarting")[1]["seconds"] == 2
        assert SECRET not in worker.text and "Traceback" not in worker.text


def full(redis_as) -> str:
    """A Redis without room."""
    url = redis_as("--maxmemory-policy", "noeviction")
    with Redis.from_url(url) as redis:
        redis.config_set("maxmemory", 1)
    return url


def replica(redis_as) -> str:
    """A Redis that copies another one."""
    upstream = urlsplit(redis_as())
    return redis_as("--replicaof", f"127.0.0.1 {upstream.port}")


@pytest.mark.parametrize(("make", "word"), [(full, "full"), (replica, "read-only")])
def test_a_redis_that_takes_nothing_is_called_so_everywhere(
    make, word, redis_as, settings, tenant, headers, caplog
):
    refusing = replace(settings, redis_url=make(redis_as))
    client = create_app(refusing).test_client()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["redis"], ready.json["status"]) == (200, word, "degraded")
    answer = client.post("/api/v1/clv/compute", headers=headers())
    assert answer.status_code == 503 and f"is {word}" in answer.json["message"]
    events = [r.fields["cause"] for r in caplog.records if "cause" in getattr(r, "fields", {})]
    assert any("Redis: it is" in cause for cause in events)
    status, said = ended(refusing, "flask", "compute", "--tenant", "acme")
    assert status == 1 and word in said
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM run WHERE status = 'failed'") == 2


def test_a_fault_of_a_statement_is_logged_by_its_code_and_without_its_text(app, headers, caplog):
    if db.is_sqlite():
        pytest.skip("SQLite's texts hold no data")
    with pytest.raises(db.ERRORS) as raised:
        db.value("SELECT CAST(%s AS INTEGER)", ("a-customer's-name",))
    assert db.state_of(raised.value) is None
    assert re.fullmatch(r"PostgreSQL .*: InvalidTextRepresentation \(SQLSTATE 22P02\)",
                        db.cause(raised.value))  # fmt: skip
