"""The service under a steady load: ``python -m tests.load.soak``; it needs wrk.

On each database, one after the other: a web process as it is deployed, a worker, and batches of the
same tenant one after the other. wrk first measures the peak of the mixed load (80 % reads of single
customers, 10 % recomputations, 5 % ingestion, 5 % lists), then asks at 70 % of it. Nothing may be
answered by a 5xx, and after the warm-up no process may grow.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.services import runs
from clv.store.tenants import Tenant
from jobs.queue import JobQueue, connect
from tests.bench import data, load, stage
from tests.bench.table import MIB, Row, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

CUSTOMERS = 50_000
MINUTES = 10.0
WARM_UP = 0.2
CONNECTIONS = 32
PEAK_SECONDS = 15
# Of a stretch of load, between two looks at the memory.
STRETCH_SECONDS = 15
SHARE_OF_PEAK = 0.7
MOST_GROWTH_MIB = 10
RUN_SECONDS = 600
SCRIPT = Path(__file__).with_suffix(".lua")
# The load has one key, and is meant to be too much for one.
VARIABLES = {"RATE_LIMIT": "off"}


@dataclass(frozen=True)
class Stretch:
    """What wrk saw."""

    requests: int
    microseconds: int
    p50_us: int
    p99_us: int
    unanswered: int
    statuses: dict[str, int]

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / (self.microseconds / 1e6)


@dataclass
class Batches:
    """Runs, one after the other."""

    tenant: Tenant
    settings: Settings
    queue: JobQueue
    statuses: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """As long as this lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: threading.Event) -> None:
        with db.scope():
            while not stop.is_set():
                job = runs.start(self.tenant.id, None, "soak", self.settings, self.queue)
                self.statuses[runs.wait(job, RUN_SECONDS, self.queue).status] += 1


class Memory:
    """What each long-lived process has in memory (resident set size), at each look: what is its own
    alone changes with the work-horses that are forked from it."""

    def __init__(self, web: int, worker: int) -> None:
        master = psutil.Process(web)
        self._processes = {"gunicorn": master, "RQ worker": psutil.Process(worker)}
        for number, process in enumerate(master.children(), 1):
            self._processes[f"web process {number}"] = process
        self._seen: dict[str, list[int]] = {name: [] for name in self._processes}
        self._warm = 0

    def look(self) -> None:
        """Look once."""
        for name, process in self._processes.items():
            self._seen[name].append(process.memory_info().rss)

    def is_warm(self) -> None:
        """What was seen until now does not count."""
        self._warm = len(self._seen["gunicorn"]) - 1

    def growth(self) -> dict[str, tuple[float, float]]:
        """MiB by process: when it was warm, and how much the most was above that."""
        return {
            name: (seen[self._warm] / MIB, (max(seen[self._warm :]) - seen[self._warm]) / MIB)
            for name, seen in self._seen.items()
        }


def main() -> None:
    """Measure, and print one table; it ends with 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="a database")
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is needed (apt-get install wrk).")
    with shown() as rows, servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                rows += soaked(database, settings, options.customers, options.minutes)
    sys.exit(any(row.met is False for row in rows))


def soaked(database: str, settings: Settings, customers: int, minutes: float) -> list[Row]:
    """All rows of one database."""
    empty_tables()
    tenant = data.fill("soak", customers)
    token = keys.create_key(tenant, Role.EDITOR)
    stage.settle(settings.redis_url)
    batches = Batches(tenant, settings, JobQueue(connect(settings.redis_url)))
    with (
        stage.workers(settings, 1) as [worker],
        stage.web(settings, **VARIABLES) as (port, web),
        batches.going_on(),
    ):
        load.wait_for(port)
        wrk(port, token, customers, 0, PEAK_SECONDS)
        peak = wrk(port, token, customers, 0, PEAK_SECONDS)
        say(database, "peak", peak)
        memory = Memory(web, worker)
        stretches = steady(database, port, token, customers, peak, minutes, memory)
    return [
        *of_load(database, customers, peak, stretches, batches),
        *of_memory(database, customers, memory),
    ]


def steady(
    database: str,
    port: int,
    token: str,
    customers: int,
    peak: Stretch,
    minutes: float,
    memory: Memory,
) -> list[Stretch]:
    """Ask at a share of the peak for so long, with a look at the memory after each stretch."""
    wanted = SHARE_OF_PEAK * peak.per_second
    pause_ms = 1000 * CONNECTIONS / wanted
    began, warm, stretches = time.monotonic(), False, []
    while time.monotonic() - began < minutes * 60:
        stretches.append(wrk(port, token, customers, pause_ms, STRETCH_SECONDS))
        memory.look()
        say(database, f"{(time.monotonic() - began) / 60:.1f} min", stretches[-1])
        # What a request takes itself is no pause.
        pause_ms = max(
            0.0, pause_ms + 1000 * CONNECTIONS * (1 / wanted - 1 / stretches[-1].per_second)
        )
        if not warm and time.monotonic() - began >= WARM_UP * minutes * 60:
            warm = True
            memory.is_warm()
    return stretches


def wrk(port: int, token: str, customers: int, pause_ms: float, seconds: int) -> Stretch:
    """Ask for so long."""
    options = ("-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "30s")
    seed = str(time.monotonic_ns() % 2**31)
    done = subprocess.run(
        ("wrk", *options, "-s", str(SCRIPT), f"http://127.0.0.1:{port}")
        + ("--", token, str(customers), str(pause_ms), seed),
        check=True,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    return Stretch(**json.loads(done.stderr))


def of_load(
    database: str, customers: int, peak: Stretch, stretches: list[Stretch], batches: Batches
) -> Iterator[Row]:
    """What was answered, and how fast."""
    statuses: Counter[str] = Counter()
    for stretch in stretches:
        statuses.update(stretch.statuses)
    requests = sum(stretch.requests for stretch in stretches)
    seconds = sum(stretch.microseconds for stretch in stretches) / 1e6
    rate = requests / seconds
    unanswered = sum(stretch.unanswered for stretch in stretches)
    failed = sum(count for status, count in statuses.items() if status >= "500")
    others = {status: count for status, count in statuses.items() if status != "200"}
    p50, p99 = (max(getattr(s, name) for s in stretches) / 1000 for name in ("p50_us", "p99_us"))
    unfinished = batches.statuses.total() - batches.statuses["finished"]

    def row(what: str, value: str, goal: str = "", met: bool | None = None) -> Row:
        return Row(database, customers, what, value, goal, met)

    yield row("the peak", f"{peak.per_second:,.0f}/s")
    yield row("the load, and its share of the peak", f"{rate:,.0f}/s, {rate / peak.per_second:.0%}")
    yield row("requests in so many seconds", f"{requests:,} in {seconds:,.0f}")
    yield row("answered by a 5xx", str(failed), "0", failed == 0)
    yield row("not answered", str(unanswered), "0", unanswered == 0)
    yield row("answered otherwise than by 200", str(others or 0))
    yield row("latency in the worst stretch: median, 99 %", f"{p50:.0f} ms, {p99:.0f} ms")
    yield row("batches finished", str(batches.statuses["finished"]))
    yield row("batches that ended otherwise", str(unfinished), "0", unfinished == 0)


def of_memory(database: str, customers: int, memory: Memory) -> Iterator[Row]:
    """How much each process grew."""
    for name, (warm, growth) in memory.growth().items():
        yield Row(
            database,
            customers,
            f"{name}: grew from {warm:.0f} MiB by at most",
            f"{growth:.1f} MiB",
            f"≤ {MOST_GROWTH_MIB}",
            growth <= MOST_GROWTH_MIB,
        )


def say(database: str, what: str, stretch: Stretch) -> None:
    """Tell whoever watches how it goes."""
    with suppress(BrokenPipeError):
        print(
            f"{database} {what}: {stretch.per_second:,.0f}/s, 99 % in {stretch.p99_us / 1000:.0f}"
            f" ms, {stretch.statuses}, {stretch.unanswered} unanswered",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
