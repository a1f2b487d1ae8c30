"""The processes that chaos kills, pauses and stops."""

import http.client
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
from redis import Redis
from redis.exceptions import RedisError

import launch
from clv.config import ROOT, Settings
from tests.load.chaos_report import Report
from tests.support.processes import environment, free_port, wait_until

WORKERS = 2
LEASE_SECONDS = 2
VARIABLES = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "SWEEP_SECONDS": "1",
    "SHARD_CUSTOMERS": "1000",
    "WEB_CONCURRENCY": "1",
    "WORKER_RUNS_CRON": "false",
    "LOG_LEVEL": "INFO",
}
# A run that has not ended so long after the last fault hangs.
PATIENCE_SECONDS = 120
_TERMINATE = """
SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


class Processes:
    """The service's processes, what is done to them, and their supervisor."""

    def __init__(
        self, settings: Settings, folder: Path, report: Report, rng: random.Random
    ) -> None:
        self.folder = folder
        self.rng = rng
        self.web_port = free_port()
        self.redis_port = free_port()
        self.settings = replace(settings, redis_url=f"redis://127.0.0.1:{self.redis_port}/0")
        # What was forked from our processes is known by this variable, whatever its group.
        self._mark = uuid.uuid4().hex
        self._env = environment(self.settings, CLV_CHAOS=self._mark, **VARIABLES)
        self.report = report
        self._workers: list[subprocess.Popen] = []
        self._stopping: list[subprocess.Popen] = []
        self._paused: list[tuple[float, psutil.Process]] = []
        self._redis: subprocess.Popen | None = None
        self._web: subprocess.Popen | None = None

    def start(self) -> None:
        """Start everything; returns when the web process and the workers are there."""
        self._redis = self._start_redis()
        with Redis.from_url(self.settings.redis_url) as redis:
            wait_until(lambda: _pings(redis), "Redis answers")
            self._workers = [self._start_worker(number) for number in range(WORKERS)]
            self._web = self._start_web()
            wait_until(lambda: redis.scard("rq:workers") == WORKERS, "the workers listen")
        wait_until(lambda: http_status(self.web_port, "GET", "/readyz") == 200, "the web is ready")

    def supervise(self) -> None:
        """Wake who was paused for long enough, and start again what ended by itself."""
        while self._paused and self._paused[0][0] < time.monotonic():
            _signal(self._paused.pop(0)[1], signal.SIGCONT)
        self._reap()
        for number, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self.report.violations.append(f"A worker ended by itself: {worker.returncode}.")
                self._workers[number] = self._start_worker(number)

    def wake_all(self) -> None:
        """Wake whoever is paused."""
        while self._paused:
            _signal(self._paused.pop(0)[1], signal.SIGCONT)

    def wait_for_stopping(self) -> None:
        """Those who were told to stop must do so by themselves."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._stopping and time.monotonic() < deadline:
            time.sleep(0.05)
            self._reap()
        for worker in self._stopping:
            self.report.violations.append(f"Worker {worker.pid} was told to stop and did not.")

    def stop(self) -> None:
        """Kill everything that was started here, and what it forked."""
        for process in (*self._workers, *self._stopping, self._web, self._redis):
            if process is not None:
                _kill_group(process)
        while left := [process for process in psutil.process_iter() if self._is_ours(process)]:
            for process in left:
                _signal(process, signal.SIGKILL)
            psutil.wait_procs(left, timeout=1)

    def kill_horse(self) -> bool:
        """Kill a work-horse, perhaps one of a worker that is stopping."""
        horse = self._any_horse()
        return horse is not None and _signal(horse, signal.SIGKILL)

    def pause_horse(self) -> bool:
        """Pause a work-horse for about a lease: it comes back shortly before or after another one
        took over what it had."""
        horse = self._any_horse()
        if horse is None or not _signal(horse, signal.SIGSTOP):
            return False
        pause = LEASE_SECONDS + self.rng.uniform(-0.5, 1.2)
        self._paused = sorted([*self._paused, (time.monotonic() + pause, horse)], key=_moment)
        return True

    def kill_worker(self) -> bool:
        """Kill a worker but not its work-horse, as when it runs out of memory; start another."""
        number = self.rng.randrange(WORKERS)
        worker = self._workers[number]
        worker.kill()
        worker.wait()
        self._workers[number] = self._start_worker(number)
        return True

    def stop_worker(self) -> bool:
        """Tell a worker to stop, as a deploy does; start another at once."""
        number = self.rng.randrange(WORKERS)
        self._workers[number].terminate()
        self._stopping.append(self._workers[number])
        self._workers[number] = self._start_worker(number)
        return True

    def empty_redis(self) -> bool:
        """Kill Redis; it comes back empty, sometimes after a while."""
        assert self._redis is not None
        self._redis.kill()
        self._redis.wait()
        time.sleep(self.rng.choice((0, 0, 0.1, 0.3, 1.5)))
        self._redis = self._start_redis()
        return True

    def kill_web_worker(self) -> bool:
        """Kill gunicorn's worker process; gunicorn starts another."""
        assert self._web is not None
        found = _children(self._web)
        return bool(found) and _signal(self.rng.choice(found), signal.SIGKILL)

    def kill_web(self) -> bool:
        """Kill the whole web process, and start it again."""
        assert self._web is not None
        _kill_group(self._web)
        self._web = self._start_web()
        return True

    def drop_connections(self) -> bool:
        """End all connections of a PostgreSQL database, as its restart would."""
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            connection.execute(_TERMINATE)
        return True

    def _reap(self) -> None:
        ended = [worker for worker in self._stopping if worker.poll() is not None]
        self._stopping = [worker for worker in self._stopping if worker not in ended]
        # One that had not started yet is ended by the signal itself.
        clean = (0, -signal.SIGTERM)
        self.report.unclean_stops += sum(worker.returncode not in clean for worker in ended)

    def _any_horse(self) -> psutil.Process | None:
        parents = (*self._workers, *self._stopping)
        horses = [horse for parent in parents for horse in _children(parent)]
        return self.rng.choice(horses) if horses else None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("CLV_CHAOS") == self._mark and process.is_running()
        except psutil.Error:
            return False

    def _start_worker(self, number: int) -> subprocess.Popen:
        return self._start(f"worker-{number}", sys.executable, "-m", "jobs.worker")

    def _start_web(self) -> subprocess.Popen:
        bind = f"127.0.0.1:{self.web_port}"
        return self._start("web", str(launch.BIN / "gunicorn"), "--bind", bind, "app:create_app()")

    def _start_redis(self) -> subprocess.Popen:
        command = (launch.redis_executable(), "--port", str(self.redis_port), "--dir", self.folder)
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        return self._start("redis", *map(str, command), *options)

    def _start(self, name: str, *command: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("ab") as sink:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def http_answer(
    port: int, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status and Location of an answer; 0 when there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", "")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def http_status(port: int, method: str, path: str) -> int:
    """Status of an answer; 0 when there was none."""
    return http_answer(port, method, path)[0]


def _children(parent: subprocess.Popen) -> list[psutil.Process]:
    if parent.poll() is not None:
        return []
    with suppress(psutil.Error):
        return [
            child
            for child in psutil.Process(parent.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE
        ]
    return []


def _moment(pause: tuple[float, psutil.Process]) -> float:
    return pause[0]


def _signal(process: psutil.Process, number: signal.Signals) -> bool:
    with suppress(psutil.Error):
        process.send_signal(number)
        return True
    return False


def _kill_group(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _pings(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except (RedisError, OSError):
        return False
