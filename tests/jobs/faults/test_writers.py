"""Writers of the same customers."""

import random

import peewee

from clv import db
from clv.db.clock import now_ms
from clv.services import loading
from clv.services.customers import recompute_clv
from clv.store import merging, summaries
from clv.store.summaries import Summary
from tests.jobs.faults.support import CUSTOMERS, TRIALS
from tests.jobs.support import (
    DAY,
    Bell,
    begin,
    complete,
    together,
)


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
            summaries.erase_customers(tenant.id, [f"c{400 + n % 90:05}"])

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
