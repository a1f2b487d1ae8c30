"""How fast a batch is: ``python -m tests.bench.batch``.

Everything is measured in one run, ours and the references by turns, and judged by ratios: a
machine's speed and what else it does cancel out. All measured computations update records that
are there. The time of our run is the run's own, from ``started_ms`` to ``finished_ms``.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.db.clock import now_ms
from clv.queue import Report
from clv.services import batch, runs
from clv.services.job import Job
from clv.store import runs as run_store
from clv.store import shards
from clv.store.tenants import Tenant
from jobs.queue import JobQueue, connect
from tests.bench import data, load, reference, stage
from tests.bench.table import Row, Times, growth, rows_of_size, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables, wait_until

CUSTOMERS = (10_000, 200_000, 1_000_000)
# Above this, insert_many is measured once: on PostgreSQL it takes minutes.
MOST_FOR_INSERT_MANY = 200_000
LOADED_CUSTOMERS = 200_000
UNFAIR_CUSTOMERS, SMALL_CUSTOMERS = 500_000, 100
RUN_SECONDS = 1_800
DEADLINE_HOURS = 6.0


class Silent:
    """A doorbell that nobody hears, and progress that nobody reads."""

    def ring(self, tenant_id: int) -> None:
        """Do nothing."""

    def waiting(self, tenant_id: int) -> int:
        """As if somebody came."""
        return 1

    def take_back(self, tenant_id: int) -> None:
        """Do nothing."""

    def begin_progress(self, job_id: str, shard_ids: list[int]) -> None:
        """Do nothing."""

    @contextmanager
    def reporting(self, job_id: str) -> Iterator[Report]:
        """Report to nobody."""
        yield lambda shard_id, computed, errors: None


@dataclass(frozen=True)
class Bench:
    """The measurements on one database."""

    database: str
    settings: Settings
    queue: JobQueue
    runs: int

    def size(self, customers: int) -> tuple[Times, list[Row]]:
        """Ours and the references at one size: the medians and their rows of the table."""
        tenant = self._tenant(customers)
        peak = self._first_run(tenant)
        self._check_reference(tenant)
        contestants: dict[str, Callable[[Tenant], float]] = {
            "statement": self._statement,
            "1 worker": lambda tenant: self._ours(tenant, 1),
            "in process": self._in_process,
        }
        if self.database == "postgresql":
            contestants["2 workers"] = lambda tenant: self._ours(tenant, 2)
        contestants["insert_many"] = self._insert_many
        times: dict[str, list[float]] = defaultdict(list)
        for turn in range(self.runs):
            for name, measure in contestants.items():
                if name == "insert_many" and turn and customers > MOST_FOR_INSERT_MANY:
                    continue
                stage.settle(self.settings.redis_url)
                times[name].append(measure(tenant))
                self._say(f"{customers:,} {name}: {times[name][-1]:.2f} s")
        medians = {name: statistics.median(found) for name, found in times.items()}
        return medians, rows_of_size(self.database, customers, medians, peak)

    def get_load(self, customers: int) -> list[Row]:
        """Single customers are asked for, 20 a second, without and with a run beside them."""
        tenant = self._tenant(customers)
        self._first_run(tenant)
        token = keys.create_key(tenant, Role.VIEWER)
        ids = [data.customer_id(n) for n in range(0, customers, max(1, customers // 1000))]
        rows = []
        with stage.web(self.settings) as (port, _):
            load.wait_for(port)
            until = time.monotonic() + load.IDLE_SECONDS
            idle = load.get(port, token, ids, lambda: time.monotonic() > until)
            for count in (1, 2):
                stage.settle(self.settings.redis_url)
                with stage.workers(self.settings, count):
                    run = self._start(tenant)
                    busy = load.get(
                        port, token, ids, lambda run=run: not run_store.by_id(run.id).is_active
                    )
                    self._finished(run)
                rows += load.rows(self.database, customers, count, idle, busy)
        return rows

    def fairness(self, customers: int) -> list[Row]:
        """How long a small tenant's run takes while two workers are busy with a large one's."""
        large = self._tenant(customers)
        small = data.fill("small", SMALL_CUSTOMERS)
        seconds = []
        with stage.workers(self.settings, 2):
            busy = self._start(large)
            wait_until(lambda: run_store.by_id(busy.id).computed, "the large run goes on")
            for _ in range(self.runs):
                started = time.perf_counter()
                self._finished(self._start(small))
                if not run_store.by_id(busy.id).is_active:
                    break
                seconds.append(time.perf_counter() - started)
            runs.cancel(large.id, busy.job_id, "bench", self.queue)
        if not seconds:
            raise AssertionError("The large run ended before the small one.")
        worst = max(seconds)
        what = f"{SMALL_CUSTOMERS} customers beside that run, 2 workers: worst"
        return [
            Row(self.database, customers, what, f"{worst:.2f} s", "< 10 s (seconds)", worst < 10)
        ]

    def _tenant(self, customers: int) -> Tenant:
        self._say(f"{customers:,} loading")
        empty_tables()
        return data.fill("bench", customers)

    def _first_run(self, tenant: Tenant) -> int | None:
        with stage.workers(self.settings, 1) as pids, stage.Memory(pids) as memory:
            self._finished(self._start(tenant))
        return memory.peak

    def _check_reference(self, tenant: Tenant) -> None:
        as_of_ms = db.value("SELECT MAX(computed_ms) FROM clv_record")
        reference.keep_records()
        reference.run_statement(tenant.id, tenant.settings, as_of_ms)
        different, largest = reference.differences(tenant.id)
        self._say(f"largest difference of a score from the exact one: {largest:.3f}")
        if different:
            raise AssertionError(f"The statement and the run differ for {different} customers.")

    def _statement(self, tenant: Tenant) -> float:
        as_of_ms = now_ms()
        started = time.perf_counter()
        reference.run_statement(tenant.id, tenant.settings, as_of_ms)
        return time.perf_counter() - started

    def _ours(self, tenant: Tenant, count: int) -> float:
        with stage.workers(self.settings, count):
            return self._finished(self._start(tenant))

    def _in_process(self, tenant: Tenant) -> float:
        """The same run without RQ, and without progress in Redis."""
        deadline_ms = self.settings.run_deadline_ms
        run, _ = run_store.join_or_create(tenant.id, None, "bench", deadline_ms)
        while run_store.by_id(run.id).is_active:
            batch.work(run.id, Silent(), self.settings)
        return _seconds(run_store.by_id(run.id))

    def _insert_many(self, tenant: Tenant) -> float:
        with patch.object(shards, "commit_chunk", reference.commit_with_insert_many):
            return self._in_process(tenant)

    def _start(self, tenant: Tenant) -> Job:
        return runs.start(tenant.id, None, "bench", self.settings, self.queue)

    def _finished(self, job: Job) -> float:
        return _seconds(runs.wait(job, RUN_SECONDS, self.queue))

    def _say(self, text: str) -> None:
        print(f"{self.database} {text}", file=sys.stderr, flush=True)


def _seconds(run: Job | run_store.Run) -> float:
    if run.status != "finished" or run.errors:
        raise AssertionError(f"The run is {run.status} with {run.errors} errors.")
    assert run.started_ms and run.finished_ms
    return (run.finished_ms - run.started_ms) / 1000


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=CUSTOMERS)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    with shown() as rows, servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                bench = Bench(database, settings, JobQueue(connect(redis_url)), options.runs)
                for more in measured(bench, sorted(options.customers)):
                    rows += more


def measured(bench: Bench, sizes: list[int]) -> Iterator[list[Row]]:
    """All rows of one database, as they are measured."""
    times: dict[int, Times] = {}
    for customers in sizes:
        times[customers], of_size = bench.size(customers)
        yield of_size
    yield growth(bench.database, times)
    if bench.database == "postgresql":
        yield bench.get_load(min(LOADED_CUSTOMERS, sizes[-1]))
        if sizes[-1] >= UNFAIR_CUSTOMERS:
            yield bench.fairness(UNFAIR_CUSTOMERS)


if __name__ == "__main__":
    main()
