"""Chaos: the real service on real servers, while everything that can die does so at random times.

``python -m tests.load.chaos --faults 500 --database postgresql --seed 1`` starts a Redis, two
workers and a web process, and lets one tenant be computed again and again. Meanwhile work-horses,
workers, web processes and Redis are killed (Redis comes back empty), and the database drops its
connections. After each run everybody must have been computed exactly once: triggers in the
database log each record that is written, in the transaction that writes it.
"""

import argparse
import http.client
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
from redis import Redis
from redis.exceptions import RedisError

import launch
from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.services import loading
from clv.store import tenants
from clv.store.summaries import Summary
from tests.api.support import poison
from tests.support import servers
from tests.support.processes import DATABASES, environment, free_port, wait_until

CUSTOMERS = 20_000
# They can't be computed: each run must say so, and compute the others.
POISONED = 7
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
# Between two faults, and until the first one of a run.
GAP_SECONDS = (0.02, 0.3)
MOST_FAULTS = 7
REDIS_SHARE = 0.06
TAIL_LINES = 40
# What a run that a refused request had created ends with; the client asks again.
REFUSED = "The queue could not be reached."

_LOG_TABLE = "CREATE TABLE upsert_log (run_id BIGINT, customer_id TEXT)"
_SQLITE_TRIGGER = """
CREATE TRIGGER log_{event} AFTER {event} ON clv_record
BEGIN INSERT INTO upsert_log VALUES (NEW.run_id, NEW.customer_id); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION log_upsert() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO upsert_log VALUES (NEW.run_id, NEW.customer_id); RETURN NULL; END'
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER log_upsert AFTER INSERT OR UPDATE ON clv_record
FOR EACH ROW EXECUTE FUNCTION log_upsert()
"""
_ACTIVE = "SELECT COUNT(*) FROM run WHERE status IN ('queued', 'running')"
_RUNS = """
SELECT id, job_id, status, COALESCE(message, ''), COALESCE(total, -1),
    (SELECT CAST(COALESCE(SUM(computed), 0) AS BIGINT) FROM shard WHERE run_id = run.id),
    (SELECT CAST(COALESCE(SUM(errors), 0) AS BIGINT) FROM shard WHERE run_id = run.id),
    (SELECT COUNT(*) FROM run_error WHERE run_id = run.id)
FROM run WHERE id > %s ORDER BY id
"""
_WRITES = """
SELECT run_id, COUNT(*), SUM(CASE WHEN writes > 1 THEN 1 ELSE 0 END) FROM
    (SELECT run_id, customer_id, COUNT(*) AS writes FROM upsert_log GROUP BY run_id, customer_id)
    logged
GROUP BY run_id
"""
_UNDONE = """
SELECT run.id, run.status, run.planned, run.plan_attempt, run.plan_lease_ms, shard.id,
    shard.attempt, shard.stuck, shard.lease_ms, shard.computed
FROM run LEFT JOIN shard ON shard.run_id = run.id AND NOT shard.done
WHERE run.status IN ('queued', 'running') ORDER BY run.id, shard.id
"""
# A plan or a shard that three in a row die of fails its run, as it should: nothing is struck while
# one was tried twice without progress.
_AT_ITS_LIMIT = """
SELECT COUNT(*) FROM run LEFT JOIN shard ON shard.run_id = run.id AND NOT shard.done
WHERE run.status = 'running' AND ((NOT run.planned AND run.plan_attempt > 1) OR shard.stuck > 1)
"""
_TERMINATE = """
SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


@dataclass
class Report:
    """What happened, and what should not have."""

    database: str
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    customers: int = 0
    refused: int = 0
    unclean_stops: int = 0
    longest_run: float = 0.0
    longest_recovery: float = 0.0
    lost: int = 0
    doubled: int = 0
    violations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The report as lines of two columns."""
        lines: list[tuple[str, object]] = [
            ("database", self.database),
            ("seed", self.seed),
            ("faults", self.faults.total()),
            *((f"  {name}", count) for name, count in sorted(self.faults.items())),
            ("runs", self.runs),
            ("customers", self.customers),
            ("requests refused", self.refused),
            ("workers that stopped uncleanly", self.unclean_stops),
            ("longest run", f"{self.longest_run:.1f} s"),
            ("longest recovery", f"{self.longest_recovery:.1f} s"),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("violations", len(self.violations)),
        ]
        return "\n".join(f"{name:34}{value:>12}" for name, value in lines)


def chaos(
    settings: Settings,
    faults: int,
    seed: int,
    customers: int = CUSTOMERS,
    say: Callable[[str], None] = print,
) -> Report:
    """Inject so many faults into runs over so many customers.

    :param settings: of an empty database that nobody else uses; Redis is started here
    """
    folder = Path(tempfile.mkdtemp(prefix="clv-chaos-"))
    before = db.database.obj
    db.configure(settings)
    report = Report("sqlite" if db.is_sqlite() else "postgresql", seed)
    processes = None
    try:
        with db.scope():
            db.migrate()
            _install_log()
            key = _load(customers)
        processes = Processes(settings, folder, report, random.Random(seed))
        processes.start()
        Chaos(processes, report, key, customers, say).unfold(_plan(faults, seed, report.database))
    finally:
        if processes is not None:
            processes.stop()
        if report.violations:
            say(_tails(folder))
        shutil.rmtree(folder, ignore_errors=True)
        db.disconnect()
        db.database.initialize(before)
    return report


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
        self._report = report
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

    def strike(self, fault: str) -> bool:
        """Inject a fault; False when there is nothing to hit at the moment."""
        hit = _FAULTS[fault].strike(self)
        if hit:
            self._report.faults[fault] += 1
        return hit

    def supervise(self) -> None:
        """Wake who was paused for long enough, and start again what ended by itself."""
        while self._paused and self._paused[0][0] < time.monotonic():
            _signal(self._paused.pop(0)[1], signal.SIGCONT)
        self._reap()
        for number, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self._report.violations.append(f"A worker ended by itself: {worker.returncode}.")
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
            self._report.violations.append(f"Worker {worker.pid} was told to stop and did not.")

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
        self._report.unclean_stops += sum(worker.returncode not in clean for worker in ended)

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


@dataclass(frozen=True)
class Fault:
    """How often a fault is drawn, relative to the others, and what does it."""

    weight: int
    strike: Callable[[Processes], bool]
    databases: tuple[str, ...] = DATABASES


# In the order in which a short run takes one of each.
_FAULTS = {
    "Redis restarted empty": Fault(4, Processes.empty_redis),
    "work-horse killed": Fault(34, Processes.kill_horse),
    "worker killed": Fault(18, Processes.kill_worker),
    "worker told to stop": Fault(16, Processes.stop_worker),
    "database connections dropped": Fault(6, Processes.drop_connections, ("postgresql",)),
    "web process killed": Fault(6, Processes.kill_web),
    "web worker killed": Fault(8, Processes.kill_web_worker),
    "work-horse paused": Fault(5, Processes.pause_horse),
}


class Hang(Exception):
    """A run does not end."""


class Chaos:
    """Runs, one after the other, with faults in them and a check after each."""

    def __init__(
        self,
        processes: Processes,
        report: Report,
        key: str,
        customers: int,
        say: Callable[[str], None],
    ) -> None:
        self.processes = processes
        self.report = report
        self.customers = customers
        self.say = say
        self._headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
        self._closing = threading.Event()
        self._last_run = 0
        self._last_fault = 0.0
        # Requests of this round that may have left a run behind that was closed at once.
        self._unclear = 0

    def unfold(self, plan: deque[str]) -> None:
        """Start runs until all faults of the plan have happened."""
        try:
            with ThreadPoolExecutor(1) as client:
                try:
                    while plan:
                        self._round(plan, client)
                finally:
                    self._closing.set()
            # The last run is one without faults: what others left behind is finished with.
            self.processes.wait_for_stopping()
            self._closing.clear()
            with ThreadPoolExecutor(1) as client:
                self._round(deque(), client)
        except Hang:
            self._violation(f"A run did not end in {PATIENCE_SECONDS} s: {_undone()}")

    def _round(self, plan: deque[str], client: ThreadPoolExecutor) -> None:
        rng = self.processes.rng
        allotted = rng.randint(1, MOST_FAULTS)
        begun = self._last_fault = time.monotonic()
        self._unclear = 0
        run = client.submit(self._run_once, rng.random() < 0.5)
        struck = self._strike(run, plan, allotted)
        ended = run.result()
        self.processes.wake_all()
        self.report.longest_run = max(self.report.longest_run, ended - begun)
        if struck:
            recovery = ended - self._last_fault
            self.report.longest_recovery = max(self.report.longest_recovery, recovery)
        self._check()
        self.say(
            f"{self.report.database}: run {self._last_run} took {ended - begun:.1f} s;"
            f" {len(plan)} faults to go; {', '.join(struck) or 'no fault'}"
        )

    def _strike(self, run: Future, plan: deque[str], allotted: int) -> list[str]:
        """Inject faults while the run goes on; returns what they were."""
        rng = self.processes.rng
        struck: list[str] = []
        due = time.monotonic() + rng.uniform(*GAP_SECONDS)
        while not run.done():
            self.processes.supervise()
            if plan and len(struck) < allotted and time.monotonic() >= due:
                # A work-horse that is not there yet is hit a while after it came.
                if _counts(_AT_ITS_LIMIT) == 0 and self.processes.strike(plan[0]):
                    struck.append(plan.popleft())
                    self._last_fault = time.monotonic()
                due = time.monotonic() + rng.uniform(*GAP_SECONDS)
            time.sleep(0.01)
        return struck

    def _run_once(self, by_http: bool) -> float:
        """Start a run as a client and wait for its end: by the API, whose reads sweep too, or
        looking into the database alone. Returns the time of the end."""
        path = self._start()
        while not self._closing.is_set():
            if _counts(_ACTIVE) == 0:
                return time.monotonic()
            if time.monotonic() - self._last_fault > PATIENCE_SECONDS:
                raise Hang
            if by_http:
                self._request("GET", f"{path}?wait=1")
            time.sleep(0.05)
        raise Hang

    def _start(self) -> str:
        while not self._closing.is_set():
            status, location = self._request("POST", "/api/v1/clv/compute")
            if status == 202:
                return location
            if time.monotonic() - self._last_fault > PATIENCE_SECONDS:
                raise Hang
            self._unclear += 1
            self.report.refused += 1
            time.sleep(0.1)
        raise Hang

    def _request(self, method: str, path: str) -> tuple[int, str]:
        status, location = http_answer(self.processes.web_port, method, path, self._headers)
        if status not in (0, 200, 202, 503):
            self._violation(f"{method} answered {status}.")
        return status, location

    def _check(self) -> None:
        """Everybody was computed once, in each run since the last check."""
        with db.scope():
            runs = _again(lambda: db.rows(_RUNS, (self._last_run,)))
            writes = {run_id: counts for run_id, *counts in _again(lambda: db.rows(_WRITES))}
            self._check_records(runs[-1][0])
            for run in runs:
                self._check_run(*run, *writes.pop(run[0], (0, 0)))
            for run_id in writes:
                self._violation(f"Run {run_id} wrote after its end.")
            _again(lambda: db.execute("DELETE FROM upsert_log"))
        self._last_run = runs[-1][0]

    def _check_run(
        self,
        run_id: int,
        job_id: str,
        status: str,
        message: str,
        total: int,
        computed: int,
        errors: int,
        error_rows: int,
        written: int,
        doubled: int,
    ) -> None:
        name = f"Run {run_id} ({job_id})"
        if doubled:
            self.report.doubled += doubled
            self._violation(f"{name} wrote {doubled} records more than once.")
        if message == REFUSED and self._unclear:
            self._unclear -= 1
            return
        self.report.runs += 1
        self.report.customers += computed + errors
        healthy = self.customers - POISONED
        self.report.lost += max(0, healthy - written)
        found = (status, total, computed, errors, error_rows, written)
        expected = ("finished", self.customers, healthy, POISONED, POISONED, healthy)
        if found != expected:
            self._violation(
                f"{name}: status, total, computed, errors, rows of errors and records written"
                f" are {found}, not {expected}. {message}"
            )

    def _check_records(self, run_id: int) -> None:
        healthy = self.customers - POISONED
        found = _again(
            lambda: db.row(
                "SELECT COUNT(*), COUNT(DISTINCT customer_id),"
                " COALESCE(SUM(CASE WHEN run_id = %s THEN 1 ELSE 0 END), 0) FROM clv_record",
                (run_id,),
            )
        )
        if found != (healthy, healthy, healthy):
            self._violation(
                f"After run {run_id} records, customers with one and records of it are {found},"
                f" not {healthy} each."
            )

    def _violation(self, text: str) -> None:
        self.report.violations.append(text)
        self.say(f"VIOLATION (seed {self.report.seed}, {self.report.database}): {text}")


@contextmanager
def own_database(kind: str, folder: Path, server_url: str | None = None) -> Iterator[str]:
    """The URL of an empty database, which is removed afterwards.

    :param server_url: of the PostgreSQL server to make it in
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / f'chaos-{uuid.uuid4().hex}.db'}"
        return
    assert server_url is not None
    name = f"clv_chaos_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    """The command line; it ends with 1 when anybody was lost or counted twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        server_url = None
        if options.database == "postgresql":
            server_url = stack.enter_context(servers.postgresql(folder))
        url = stack.enter_context(own_database(options.database, folder, server_url))
        report = chaos(Settings(database_url=url), options.faults, options.seed, options.customers)
    print(report.table())
    for violation in report.violations:
        print(f"VIOLATION: {violation}")
    sys.exit(1 if report.violations else 0)


def _plan(faults: int, seed: int, database: str) -> deque[str]:
    """Which faults happen, in their order: each kind at least once if there is room."""
    rng = random.Random(seed)
    kinds = {name: fault for name, fault in _FAULTS.items() if database in fault.databases}
    plan = ["Redis restarted empty"] * math.ceil(faults * REDIS_SHARE) + list(kinds)[1:]
    weights = [fault.weight for fault in kinds.values()]
    plan += rng.choices(list(kinds), weights, k=max(0, faults - len(plan)))
    plan = plan[:faults]
    rng.shuffle(plan)
    return deque(plan)


def _install_log() -> None:
    """Log each written record, in the transaction that writes it."""
    db.execute(_LOG_TABLE)
    if db.is_sqlite():
        for event in ("INSERT", "UPDATE"):
            db.execute(_SQLITE_TRIGGER.format(event=event))
    else:
        db.execute(_POSTGRESQL_FUNCTION)
        db.execute(_POSTGRESQL_TRIGGER)


def _load(customers: int) -> str:
    """Make a tenant with so many customers; returns an admin key."""
    tenant = tenants.create_tenant("chaos")
    loading.add_summaries(tenant, "daily", list(_summaries(customers, now_ms())))
    for n in range(POISONED):
        poison(f"c{n * customers // POISONED:06}")
    return keys.create_key(tenant, Role.ADMIN)


def _summaries(customers: int, now: int) -> Iterable[Summary]:
    """One to three days a customer, in the last year."""
    rng = random.Random(1)
    for n in range(customers):
        for day in rng.sample(range(1, 365), 1 + n % 3):
            period = (date.fromtimestamp(now / 1000) - timedelta(day)).isoformat()
            count, at = rng.randint(1, 9), now - day * DAY_MS
            value = rng.randint(0, 1_000_000)
            yield Summary(f"c{n:06}", period, "", "", "", count, 1, value, at, at)


def _counts(query: str) -> int | None:
    """The number that a query counts; None while the database is out of reach."""
    try:
        with db.scope():
            return db.value(query)
    except db.DOWN:
        return None


def _undone() -> list[tuple]:
    with db.scope():
        return _again(lambda: db.rows(_UNDONE))


def _again(query: Callable[[], list]) -> list:
    """Ask a database that may just have dropped the connection."""
    for _ in range(5):
        try:
            return query()
        except db.DOWN:
            db.disconnect()
            time.sleep(0.5)
    return query()


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


def _tails(folder: Path) -> str:
    """The last lines of each process's log."""
    tails = []
    for path in sorted(folder.glob("*.log")):
        lines = path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        tails.append("\n".join((f"--- {path.name}", *lines)))
    return "\n".join(tails)


if __name__ == "__main__":
    main()
