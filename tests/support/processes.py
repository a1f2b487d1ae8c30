"""What the tests, the benchmark and the chaos start and wait for. It imports little, for many
processes of theirs import it."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peewee import OperationalError
from redis import Redis
from redis.exceptions import RedisError

import launch
from clv import db
from clv.config import ROOT, Settings
from clv.db import models

DATABASES = ("sqlite", "postgresql")
EVENT_SECONDS = 120
# Below those that the kernel gives to whoever connects or asks for any: a server that starts slowly
# still finds its port free.
PORTS = range(10_000, 32_000)


def start_worker(settings: Settings, **variables: str) -> subprocess.Popen:
    """A worker process; returns when it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs.worker"], cwd=ROOT, env=environment(settings, **variables)
    )
    own = str(process.pid).encode()
    with Redis.from_url(settings.redis_url) as redis:

        def listed() -> list[bytes]:
            return [redis.hget(key, "pid") for key in redis.smembers("rq:workers")]

        # Not by their number: it falls, too, when one that was killed is struck off.
        wait_until(lambda: own in listed(), "the worker listens")
    return process


def environment(settings: Settings, **variables: str) -> dict[str, str]:
    """The environment of a process with these settings."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        **variables,
    }


def empty_tables() -> None:
    """Delete all rows, and number from 1 again."""
    for attempt in range(5):
        try:
            with db.transaction():
                _empty_tables()
            return
        except OperationalError:
            # The module's worker is at the tables, in another order, or for longer than 5 s.
            if attempt == 4:
                raise


def _empty_tables() -> None:
    names = [table._meta.table_name for table in reversed(models.TABLES)]
    if not db.is_sqlite():
        # It takes ten times as long as deleting a few rows.
        if large := [name for (name,) in db.rows(_LARGE_TABLES) if name in names]:
            db.execute(f"TRUNCATE {', '.join(large)} CASCADE")
        db.execute(_NUMBER_FROM_1)
    for name in names:
        db.execute(f"DELETE FROM {name}")


# Of more than 32 pages, dead rows included.
_LARGE_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = current_schema()::regnamespace AND pg_table_size(oid) > 32 * 8192"
)
_NUMBER_FROM_1 = (
    "SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences"
    " WHERE schemaname = current_schema() AND last_value IS NOT NULL"
    " AND sequencename <> 'schema_migration_id_seq'"
)


def wait_until(condition: Callable[[], object], what: str, seconds: float = EVENT_SECONDS) -> None:
    """Wait generously for an event."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def redis_server(folder: Path, port: int) -> Iterator[str]:
    """A real Redis at this port; its URL. At the end it is killed."""
    process = subprocess.Popen(
        [launch.redis_executable(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    url = f"redis://127.0.0.1:{port}"
    try:
        with Redis.from_url(url) as client:
            wait_until(lambda: pings(client), "Redis answers")
        yield url
    finally:
        process.kill()
        process.wait()


def pings(client: Redis) -> bool:
    """Whether this Redis answers."""
    try:
        return bool(client.ping())
    except RedisError:
        return False
