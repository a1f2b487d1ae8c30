"""Customers for runs, doorbells without a queue, and an exact count of what was written."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress

from redis import Redis

from clv import db, queue
from clv.config import Settings
from clv.db.clock import now_ms
from clv.services import batch, loading
from clv.store import runs, shards
from clv.store.summaries import Summary
from clv.store.tenants import Tenant
from jobs.queue import JobQueue
from tests.support.processes import EVENT_SECONDS

DAY = 86_400_000
LEASE = 20_000


class Bell(JobQueue):
    """A queue that nobody works on: it remembers who rang. Its Redis is real."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.rung: list[int] = []

    def ring(self, tenant_id: int) -> None:
        self.rung.append(tenant_id)

    def waiting(self, tenant_id: int) -> int:
        return 0


class InterruptedBell(Bell):
    """Something happens at the n-th report of progress: after a chunk was committed, and with the
    customers of the next ones read and scored."""

    def __init__(self, redis: Redis, interrupt_at: int, interrupt: Callable[[], None]) -> None:
        super().__init__(redis)
        self.reports_left, self.interrupt = interrupt_at, interrupt

    @contextmanager
    def reporting(self, job_id: str):
        with super().reporting(job_id) as report:

            def interrupted(*counters: int) -> None:
                report(*counters)
                self.reports_left -= 1
                if self.reports_left == 0:
                    self.interrupt()

            yield interrupted


class Killed(Exception):
    """Ends a worker where it stands."""


def add_customers(tenant: Tenant, customers: int) -> None:
    """Customers c00001 and so on; the n-th has n interactions and first came n days ago."""
    with db.scope():
        now = now_ms()
        rows = [
            Summary(f"c{n:05}", "2026-01-01", "", "", "", n, n, n * 100, now - n * DAY, now)
            for n in range(1, customers + 1)
        ]
        loading.add_summaries(tenant, "daily", rows)


def begin(segment: str | None = None) -> int:
    """A queued run of the tenant with the id 1."""
    return runs.join_or_create(1, segment, "test", 10**9)[0].id


def planned(bell: queue.Queue, most_shard_customers: int = 50_000) -> int:
    """A running run of the tenant with the id 1, with its shards."""
    run_id = begin()
    runs.start(run_id)
    batch.plan(run_id, bell, most_shard_customers, LEASE)
    return run_id


def compute_first_chunk(run_id: int, bell: JobQueue) -> shards.Shard:
    """What a worker that was killed after one chunk leaves, with its lease expired."""

    def killed() -> None:
        raise Killed

    shard = shards.claim_shard(run_id, LEASE)
    dying = InterruptedBell(bell.redis, 1, killed)
    with suppress(Killed), dying.reporting(runs.by_id(run_id).job_id) as report:
        batch.compute_shard(shard, report, until=float("inf"))
    shards.leave_shard(shard)
    return shard


def end_pauses() -> None:
    """End every lease, and every pause after an attempt that failed."""
    for table, lease in (("shard", "lease_ms"), ("run", "plan_lease_ms"), ("backtest", "lease_ms")):
        db.execute(f"UPDATE {table} SET {lease} = 0")


def complete(run_id: int, bell: JobQueue, shard_customers: int = 50_000, lease: float = 20) -> None:
    """Ring until the run has ended."""
    settings = Settings(shard_customers=shard_customers, lease_seconds=lease)
    deadline = time.monotonic() + EVENT_SECONDS
    while runs.by_id(run_id).is_active:
        assert time.monotonic() < deadline, "the run does not end"
        batch.work(run_id, bell, settings)


def together(*actions: Callable[[], None]) -> list[Exception]:
    """Do several things at the same time, each with its own connection; what went wrong."""
    barrier, wrong = threading.Barrier(len(actions)), []

    def act(action: Callable[[], None]) -> None:
        try:
            with db.scope():
                barrier.wait()
                if db.is_sqlite():
                    # Its writers don't queue: on a slow machine one of many may go hungry for
                    # longer than a request would wait. What is a lock error fails at once.
                    db.execute("PRAGMA busy_timeout = 60000")
                action()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


@contextmanager
def counted_upserts():
    """Count every committed insert and update of a record, by triggers of the database."""
    _run_each(_TRIGGERS_OF_SQLITE if db.is_sqlite() else _TRIGGERS_OF_POSTGRESQL)
    db.release()
    try:
        yield
    finally:
        _run_each(_NO_TRIGGERS_OF_SQLITE if db.is_sqlite() else _NO_TRIGGERS_OF_POSTGRESQL)


def written_twice(run_id: int) -> int:
    """How many customers' records a run wrote more than once."""
    return db.value(
        "SELECT COUNT(*) FROM (SELECT customer_id FROM upsert_log WHERE run_id = %s"
        " GROUP BY customer_id HAVING COUNT(*) > 1) doubled",
        (run_id,),
    )


def _run_each(statements: list[str]) -> None:
    for statement in statements:
        db.execute(statement)


_LOG = "CREATE TABLE IF NOT EXISTS upsert_log (run_id BIGINT, customer_id TEXT)"
_NO_TRIGGERS_OF_SQLITE = [
    "DROP TRIGGER IF EXISTS log_insert",
    "DROP TRIGGER IF EXISTS log_update",
    "DROP TABLE IF EXISTS upsert_log",
]
_TRIGGERS_OF_SQLITE = [
    _LOG,
    *(
        f"CREATE TRIGGER log_{kind} AFTER {kind} ON clv_record"
        " BEGIN INSERT INTO upsert_log VALUES (new.run_id, new.customer_id); END"
        for kind in ("insert", "update")
    ),
]
_NO_TRIGGERS_OF_POSTGRESQL = [
    "DROP TRIGGER IF EXISTS log_upsert ON clv_record",
    "DROP FUNCTION IF EXISTS log_upsert",
    "DROP TABLE IF EXISTS upsert_log",
]
_TRIGGERS_OF_POSTGRESQL = [
    _LOG,
    "CREATE FUNCTION log_upsert() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN INSERT INTO upsert_log VALUES (new.run_id, new.customer_id); RETURN NULL; END'",
    "CREATE TRIGGER log_upsert AFTER INSERT OR UPDATE ON clv_record"
    " FOR EACH ROW EXECUTE FUNCTION log_upsert()",
]
