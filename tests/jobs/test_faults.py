"""The guards of a run, each met by the fault that it is there for; and each with a control in
which the guard is taken out and the same test sees the damage.

``CHAOS_TRIALS`` raises the number of trials; ``make chaos`` does.
"""

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import replace

import peewee
import pytest

from clv import db
from clv.config import ROOT, Settings
from clv.db.clock import now_ms
from clv.services import batch, loading
from clv.services.customers import erase_customer, recompute_clv
from clv.store import merging, records, runs, shards, summaries
from clv.store.summaries import Summary
from jobs.queue import connect
from tests.conftest import environment, wait_until
from tests.jobs import paused_worker
from tests.jobs.support import (
    DAY,
    LEASE,
    Bell,
    InterruptedBell,
    add_customers,
    begin,
    complete,
    counted_upserts,
    planned,
    together,
    written_twice,
)

TRIALS = int(os.environ.get("CHAOS_TRIALS", "10"))
CUSTOMERS = 900
CHUNKS = CUSTOMERS // 50
UNIQUE_INDEXES = ("run_one_queued", "run_one_running")


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def customers(tenant):
    add_customers(tenant, CUSTOMERS)


@pytest.fixture
def log(app):
    with db.scope(), counted_upserts():
        yield


@pytest.fixture
def paused_workers(settings) -> Iterator[subprocess.Popen]:
    """What starts workers that stop themselves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.paused_worker"],
        cwd=ROOT,
        env=environment(settings, SHARD_CUSTOMERS=str(CUSTOMERS // 2)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process


def pause_and_resume(
    workers: subprocess.Popen, bell: Bell, chunks: int, *control: str
) -> tuple[int, int]:
    """One worker stops after some chunks of the first of two shards, another ends that shard, the
    first goes on: how many customers were computed, and how many written twice."""
    run_id = begin()
    db.release()
    print(run_id, chunks, *control, file=workers.stdin, flush=True)
    first = int(workers.stdout.readline())
    try:
        wait_until(lambda: is_stopped(first), "the first worker stopped")
        # The other shards are held, so that the run goes on when the first worker comes back.
        first_shard, *others = sorted(shards.shard_ids(run_id))
        held: dict[int, shards.Shard] = {}
        wait_until(lambda: first_shard in claim_all(run_id, held), "the first lease expired")
        assert set(held) == {first_shard, *others}
        with bell.reporting(runs.by_id(run_id).job_id) as report:
            batch.compute_shard(held[first_shard], report, until=float("inf"))
    finally:
        os.kill(first, signal.SIGCONT)
        exit_code = int(workers.stdout.readline())
    assert exit_code == 0
    for shard in others:
        shards.leave_shard(held[shard])
    complete(run_id, bell)
    return runs.by_id(run_id).computed, written_twice(run_id)


def claim_all(run_id: int, held: dict[int, shards.Shard]) -> dict[int, shards.Shard]:
    while shard := shards.claim_shard(run_id, LEASE):
        held[shard.id] = shard
    db.release()
    return held


def is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


def test_a_worker_that_was_paused_past_its_lease_applies_nothing(
    paused_workers, customers, bell, log
):
    for trial in range(TRIALS):
        chunks = random.Random(trial).randint(1, CHUNKS // 2 - 1)
        assert pause_and_resume(paused_workers, bell, chunks) == (CUSTOMERS, 0)


def test_without_the_fence_the_paused_worker_does_damage(paused_workers, customers, bell, log):
    computed, doubled = pause_and_resume(paused_workers, bell, 3, "unfenced")
    assert computed > CUSTOMERS and doubled > 0


class CuttingProxy:
    """Stands between a worker and PostgreSQL, and cuts the connection once: instead of passing the
    n-th reply on, after the server has worked the query off."""

    READY = b"Z\0\0\0\5"

    def __init__(self, upstream: str, cut_at: int) -> None:
        self.upstream, self.cut_at, self.was_cut = upstream, cut_at, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # Closing alone wakes nobody: the thread would wait at the port for ever.
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with closing(client), closing(self._connect()) as server:
            is_open, reply = False, b""
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if client in readable:
                    sent = client.recv(1 << 20)
                    if not sent:
                        return
                    server.sendall(sent)
                if server in readable:
                    received = server.recv(1 << 20)
                    if not received:
                        return
                    reply += received
                    # A reply is complete when the server is ready for the next query.
                    is_complete = reply[-6:-1] == self.READY
                    if is_complete and is_open:
                        self.cut_at -= 1
                        if self.cut_at == 0:
                            self.was_cut = True
                            return
                    if is_complete or not is_open:
                        client.sendall(reply)
                        is_open, reply = is_open or is_complete, b""

    def _connect(self) -> socket.socket:
        if "/" not in self.upstream:
            host, _, port = self.upstream.partition(":")
            return socket.create_connection((host, int(port or 5432)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.upstream)
        return server


def upstream_of_database() -> str:
    with db.scope():
        info = db.database.connection().info
        port = info.port
        return f"{info.host}/.s.PGSQL.{port}" if "/" in info.host else f"{info.host}:{port}"


def run_through(proxy: CuttingProxy, settings: Settings, bell: Bell) -> int:
    """Work off a run on a connection that is cut once; the number of customers computed."""
    run_id = planned(bell)
    info = db.database.connection().info
    name, user, password = info.dbname, info.user, info.password
    db.disconnect()
    url = f"postgresql://{user}:{password}@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
    db.configure(replace(settings, database_url=url, db_connections=8))
    try:
        while runs.by_id(run_id).is_active:
            # Cut elsewhere than in a shard, a drain ends, and the next one goes on.
            with suppress(*db.CONNECTION_LOST):
                # Where the reply to a claim was lost, its lease must expire first.
                complete(run_id, bell, lease=0.2)
            db.disconnect()
        return runs.by_id(run_id).computed
    finally:
        db.disconnect()
        db.configure(settings)


@pytest.fixture
def server(app, monkeypatch):
    """Where PostgreSQL listens; SQLite has no connection that can be cut."""
    # It is there all the time.
    monkeypatch.setattr(batch, "RECONNECT_SECONDS", 0.01)
    return None if db.is_sqlite() else upstream_of_database()


def test_a_commit_whose_reply_was_lost_counts_once(settings, customers, bell, log, server):
    for trial in range(TRIALS if server else 0):
        cut_at = random.Random(trial).randint(6, CHUNKS)
        with closing(CuttingProxy(server, cut_at)) as proxy:
            assert run_through(proxy, settings, bell) == CUSTOMERS
            assert proxy.was_cut
        assert written_twice(db.value("SELECT MAX(id) FROM run")) == 0


def test_without_the_fence_a_lost_reply_counts_twice(
    settings, customers, bell, log, server, monkeypatch
):
    if server is None:
        return
    for name in ("_ADVANCE", "_COMMIT"):
        monkeypatch.setattr(shards, name, getattr(shards, name))
    paused_worker.remove_the_fence()
    monkeypatch.setattr(shards, "reload_shard", lambda shard: shard)
    computed = []
    for cut_at in range(8, 16):
        with closing(CuttingProxy(server, cut_at)) as proxy:
            computed.append(run_through(proxy, settings, bell))
    assert max(computed) > CUSTOMERS


def erase_between_reading_and_writing(tenant, settings: Settings, trial: int) -> str:
    """Erase a customer who was read ahead; the customer's id."""
    chance = random.Random(trial)
    chunk = chance.randint(1, CHUNKS - 1)
    victim = f"c{chance.randint(chunk * 50 + 1, CUSTOMERS):05}"
    erase = lambda: erase_customer(tenant, victim)  # noqa: E731
    with closing(connect(settings.redis_url)) as redis:
        bell = InterruptedBell(redis, chunk, erase)
        complete(planned(bell), bell)
    return victim


def test_who_is_erased_after_being_read_does_not_come_back(settings, tenant, customers, log):
    for trial in range(TRIALS):
        victim = erase_between_reading_and_writing(tenant, settings, trial)
        assert records.record(tenant.id, victim) is None
        add_customers(tenant, CUSTOMERS)


def test_without_the_count_of_erasures_the_erased_comes_back(
    settings, tenant, customers, log, monkeypatch
):
    for name in ("_UNCHANGED_RUN", "_COMMIT"):
        blind = getattr(shards, name).replace("erasures = %s", "(erasures = %s OR 1 = 1)")
        assert blind != getattr(shards, name)
        monkeypatch.setattr(shards, name, blind)
    victim = erase_between_reading_and_writing(tenant, settings, 1)
    assert records.record(tenant.id, victim) is not None


def test_erasures_at_the_same_time_as_a_run_leave_no_record(tenant, customers, bell, log):
    for trial in range(TRIALS):
        victims = [f"c{n:05}" for n in random.Random(trial).sample(range(1, CUSTOMERS), 20)]
        run_id = begin()

        def erase(victims=victims) -> None:
            for victim in victims:
                erase_customer(tenant, victim)

        assert together(lambda run_id=run_id: complete(run_id, bell), erase) == []
        assert [v for v in victims if records.record(tenant.id, v)] == []
        assert runs.by_id(run_id).status == "finished"
        add_customers(tenant, CUSTOMERS)


def start_twenty_at_once() -> int:
    """How many runs twenty requests at the same time make."""
    wrong = together(*[lambda: runs.join_or_create(1, None, "test", 10**9)] * 20)
    assert wrong == []
    return db.value("SELECT COUNT(*) FROM run")


def test_twenty_starts_at_once_make_one_run(tenant):
    for _ in range(TRIALS):
        with db.scope():
            assert start_twenty_at_once() == 1
            db.execute("DELETE FROM run")


def test_without_the_unique_index_twenty_starts_make_more(tenant, monkeypatch):
    # SQLite's immediate transactions would serialise them even so.
    monkeypatch.setattr(db, "transaction", nullcontext)
    with db.scope():
        for name in UNIQUE_INDEXES:
            db.execute(f"DROP INDEX {name}")
        try:
            made = 0
            for _ in range(100):
                made = max(made, start_twenty_at_once())
                db.execute("DELETE FROM run")
                if made > 1:
                    break
        finally:
            db.execute("DELETE FROM run")
            for name in UNIQUE_INDEXES:
                status = name.rpartition("_")[2]
                db.execute(
                    f"CREATE UNIQUE INDEX {name} ON run (tenant_id) WHERE status = '{status}'"
                )
    assert made > 1


def write_all_at_once(tenant, bell: Bell, rounds: int) -> list[Exception]:
    """Runs, recomputes, corrected rows and erasures of the same customers at the same time."""
    now = now_ms()
    db.release()

    def run_batches() -> None:
        for _ in range(rounds // 5):
            complete(begin(), bell, shard_customers=100)

    def recompute() -> None:
        for n in range(rounds):
            recompute_clv(tenant, f"c{500 + n % 300:05}")

    def correct(seed: int) -> None:
        chance = random.Random(seed)
        for n in range(rounds):
            ids = chance.sample(range(1, 400), 60)
            rows = [
                Summary(f"c{i:05}", "2026-01-01", "", "", "", n % 2, 0, 0, now - DAY, now)
                for i in ids
            ]
            loading.add_summaries(tenant, "daily", rows)

    def erase() -> None:
        for n in range(rounds):
            summaries.erase_customer(tenant.id, f"c{400 + n % 90:05}")

    return together(run_batches, recompute, lambda: correct(1), lambda: correct(2), erase)


def rewrite_everybody_at_once(tenant) -> list[Exception]:
    """Four writers change all rows of all customers at the same time."""
    now = now_ms()

    def rewrite(value: int) -> None:
        rows = [
            Summary(f"c{n:05}", "2026-01-01", "", "", "", value, 0, 0, now - DAY, now)
            for n in range(1, CUSTOMERS + 1)
        ]
        loading.add_summaries(tenant, "daily", rows)

    return together(*(lambda value=value: rewrite(value) for value in range(1, 5)))


def test_writers_of_the_same_customers_meet_no_deadlock_and_no_lock_error(tenant, customers, bell):
    with db.scope():
        assert write_all_at_once(tenant, bell, rounds=10 * TRIALS) == []
        for _ in range(TRIALS):
            assert rewrite_everybody_at_once(tenant) == []


def test_without_the_locks_they_do(tenant, customers, monkeypatch):
    def unlocked(tenant_id: int) -> tuple[str | None, int]:
        return db.row("SELECT period_type, customers FROM tenant WHERE id = %s", (tenant_id,))

    monkeypatch.setattr(merging, "lock_tenant", unlocked)
    # On SQLite: a transaction that reads first and locks later. On PostgreSQL: any order of rows.
    monkeypatch.setattr(db, "transaction", db.database.atomic)
    monkeypatch.setattr(merging, "_KEY_ORDER", "random()")
    with db.scope():
        wrong: list[Exception] = []
        for _ in range(100):
            wrong = rewrite_everybody_at_once(tenant)
            if wrong:
                break
    assert any(isinstance(error, peewee.OperationalError) for error in wrong), wrong
