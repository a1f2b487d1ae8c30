"""The servers and processes of the benchmark. Each context manager stops what it started, also
the work-horses: they are process groups of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from redis import Redis

import launch
from clv import db
from clv.config import ROOT, Settings
from clv.db.clock import now_ms
from tests.support import servers
from tests.support.processes import environment, free_port, wait_until

STOP_SECONDS = 30
SAMPLE_SECONDS = 0.02
OURS = "app:create_app()"


@contextlib.contextmanager
def redis_server(path: Path, *options: str) -> Iterator[str]:
    """A Redis of our own; its URL."""
    port = free_port()
    command = (launch.redis_executable(), "--port", str(port), "--bind", "127.0.0.1", "--save", "")
    command += options
    with _process(command, dict(os.environ), path):
        url = f"redis://127.0.0.1:{port}/0"
        with Redis.from_url(url) as client:
            wait_until(lambda: _pings(client), "Redis answers")
        yield url


@contextlib.contextmanager
def configured(database: str, path: Path, redis_url: str) -> Iterator[Settings]:
    """This process's database, ``sqlite`` or ``postgresql``, migrated; the settings of all."""
    with contextlib.ExitStack() as stack:
        if database == "sqlite":
            database_url = f"sqlite:///{path / 'clv.db'}"
        else:
            database_url = stack.enter_context(servers.postgresql(path))
        settings = Settings(database_url=database_url, redis_url=redis_url)
        db.configure(settings)
        stack.callback(db.disconnect)
        db.migrate()
        yield settings


@contextlib.contextmanager
def workers(settings: Settings, count: int) -> Iterator[list[int]]:
    """So many worker processes that listen; their ids."""
    env = environment(settings, LOG_LEVEL="WARNING")
    with contextlib.ExitStack() as stack, Redis.from_url(settings.redis_url) as redis:
        redis.delete("rq:workers", "rq:queue:clv")
        command = (sys.executable, "-m", "jobs.worker")
        pids = [stack.enter_context(_process(command, env, ROOT)).pid for _ in range(count)]
        wait_until(lambda: redis.scard("rq:workers") == count, "the workers listen")
        yield pids


@contextlib.contextmanager
def web(
    settings: Settings,
    factory: str = OURS,
    core: int | None = None,
    errors: IO | None = None,
    **variables: str,
) -> Iterator[tuple[int, int]]:
    """gunicorn as it is deployed; its port and its id.

    :param core: the one processor that it may use; by default all
    :param errors: where its log goes; by default to standard error
    """
    port = free_port()
    pinned = () if core is None else ("taskset", "--cpu-list", str(core))
    gunicorn = (*pinned, str(launch.BIN / "gunicorn"), "--log-level", "warning")
    command = (*gunicorn, "--bind", f"127.0.0.1:{port}", factory)
    env = environment(settings, LOG_LEVEL="WARNING", **variables)
    with _process(command, env, ROOT, errors) as process:
        yield port, process.pid


class Memory:
    """The most memory (proportional set size) that processes and their children had at once; None
    where the system does not tell."""

    def __init__(self, pids: list[int]) -> None:
        self.peak: int | None = None
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            now = sum(_pss(p) for pid in self._pids for p in (pid, *_children(pid)))
            self.peak = max(now, self.peak or 0) or None


def settle(redis_url: str, table: str = "clv_record") -> None:
    """Leave nothing behind for the next measurement to pay: dead rows of the table that the last
    one wrote, an unwritten log, jobs."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    db.release()
    if db.is_sqlite():
        db.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        db.execute(f"VACUUM (ANALYZE) {table}")
        with contextlib.suppress(Exception):  # only a superuser may
            db.execute("CHECKPOINT")
    now_ms()


@contextlib.contextmanager
def _process(
    command: tuple[str, ...], env: dict[str, str], cwd: Path, errors: IO | None = None
) -> Iterator[subprocess.Popen]:
    # A session of its own: Ctrl-C reaches it through us alone.
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in (process.pid, *_children(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def _children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("Pss:")), 0)


def _pings(client: Redis) -> bool:
    with contextlib.suppress(Exception):
        return bool(client.ping())
    time.sleep(0.02)
    return False
