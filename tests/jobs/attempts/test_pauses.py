"""The pauses after attempts that fail: 1, 4 and 15 s, by the database's clock."""

from collections.abc import Callable

import pytest

from clv import db
from clv.config import Settings
from clv.db.clock import now_ms
from clv.services import backtests as backtests_service
from clv.services import batch
from clv.services import runs as runs_service
from clv.store import backtests, plans, runs, shards
from tests.jobs.support import (
    LEASE,
    Bell,
    Killed,
    add_customers,
    begin,
    compute_first_chunk,
    end_pauses,
    planned,
)

PAUSES = [1_000, 4_000, 15_000]


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def failing(monkeypatch) -> None:
    """Scoring fails, whoever does it."""

    def fail(*arguments: object) -> None:
        raise Killed

    monkeypatch.setattr(batch, "chunks", fail)


def pause_after(action: Callable[[], object], lease: str) -> int:
    """How far a lease is from the moment of an action: one of the pauses, or -1 for none of them.
    Then it is made longer, so that it does not end while the test looks.

    :param lease: the column and the table
    """
    before = now_ms()
    action()
    after = now_ms()
    until = db.value(f"SELECT MAX({lease.replace(' ', ') FROM ')}")
    make_longer(lease)
    return next((ms for ms in PAUSES if before + ms <= until <= after + ms), -1)


def make_longer(lease: str) -> None:
    column, table = lease.split()
    db.execute(f"UPDATE {table} SET {column} = {column} + 60000 WHERE {column} > 0")


def test_a_shard_that_fails_is_tried_again_after_1_4_and_15_seconds(tenant, bell, failing):
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        pauses = []
        for _ in PAUSES:
            pauses.append(pause_after(lambda: work_in_vain(run_id, bell), "lease_ms shard"))
            assert shards.claim_shard(run_id, LEASE) is None
            end_pauses()
        assert pauses == PAUSES
        assert runs.by_id(run_id).status == "running"
        batch.work(run_id, bell, Settings())
        run = runs.by_id(run_id)
        assert run.status == "failed" and "3 attempts" in run.message


def work_in_vain(run_id: int, bell: Bell) -> None:
    with pytest.raises(Killed):
        batch.work(run_id, bell, Settings())


def test_whoever_asks_and_rings_during_a_pause_uses_no_attempt_up(tenant, bell, failing):
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        job_id = runs.by_id(run_id).job_id
        work_in_vain(run_id, bell)
        make_longer("lease_ms shard")
        bell.rung.clear()
        for _ in range(50):
            runs_service.watch(tenant.id, job_id, bell)
            runs_service.sweep(bell, lease_ms=600_000)
            batch.work_for_tenant(tenant.id, bell, Settings())
        assert bell.rung == []
        assert db.rows("SELECT attempt, stuck FROM shard") == [(1, 1)]
        end_pauses()
        runs_service.sweep(bell)
        assert bell.rung == [tenant.id]


def test_other_shards_go_on_during_the_pause_of_one(tenant, bell, failing):
    add_customers(tenant, 100)
    with db.scope():
        run_id = planned(bell, 50)
        work_in_vain(run_id, bell)
        make_longer("lease_ms shard")
        # Another worker was called before this one failed.
        assert bell.rung == [tenant.id]
        first, *others = sorted(shards.shard_ids(run_id))
        claimed = [shards.claim_shard(run_id, LEASE).id for _ in others]
        assert claimed == others and others
        assert shards.claim_shard(run_id, LEASE) is None


def test_progress_makes_the_next_pause_the_shortest_again(tenant, bell, failing):
    add_customers(tenant, 120)
    with db.scope():
        run_id = planned(bell)
        for _ in PAUSES[:2]:
            work_in_vain(run_id, bell)
            end_pauses()
        assert db.value("SELECT stuck FROM shard") == 2
        shard = shards.claim_shard(run_id, LEASE)
        db.execute("UPDATE shard SET stuck = 0")
        assert pause_after(lambda: shards.leave_failed(shard), "lease_ms shard") == 1_000


def test_a_shard_left_at_the_end_of_a_drain_has_no_pause(tenant, bell):
    add_customers(tenant, 120)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        assert shards.claim_shard(run_id, LEASE)


def test_a_lease_that_was_lost_counts_and_is_as_long_as_the_pause(tenant, bell):
    """Of a killed worker nothing comes but the end of its lease."""
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        pauses = []
        for _ in PAUSES:
            pauses.append(pause_after(lambda: shards.claim_shard(run_id, 10), "lease_ms shard"))
            end_pauses()
        assert pauses == PAUSES


def test_a_longer_lease_is_kept_as_it_is(tenant, bell):
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        before = now_ms()
        assert shards.claim_shard(run_id, LEASE)
        after = now_ms()
        assert before + LEASE <= db.value("SELECT lease_ms FROM shard") <= after + LEASE


def test_the_sweep_takes_no_pause_for_a_lease_from_a_clock_that_was_ahead(tenant, bell, failing):
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        db.execute("UPDATE shard SET stuck = 2")
        work_in_vain(run_id, bell)
        paused = db.value("SELECT lease_ms FROM shard")
        runs_service.sweep(bell, lease_ms=1_000)
        assert db.value("SELECT lease_ms FROM shard") == paused


def test_a_plan_that_fails_is_tried_again_after_1_4_and_15_seconds(tenant, bell, monkeypatch):
    def fail(*arguments: object) -> None:
        raise Killed

    monkeypatch.setattr(batch, "_scan", fail)
    with db.scope():
        run_id = begin()
        pauses = []
        for _ in PAUSES:
            pauses.append(pause_after(lambda: work_in_vain(run_id, bell), "plan_lease_ms run"))
            assert plans.claim_plan(run_id, LEASE) is None
            runs_service.sweep(bell)
            assert bell.rung == []
            end_pauses()
        assert pauses == PAUSES
        batch.work(run_id, bell, Settings())
        assert runs.by_id(run_id).status == "failed"


def test_the_end_of_a_run_that_fails_is_tried_again_ever_more_slowly_until_the_deadline(
    tenant, bell, monkeypatch
):
    def fail(run: runs.Run) -> None:
        raise Killed

    with db.scope():
        run_id = planned(bell)
        with monkeypatch.context() as patched:
            patched.setattr(batch.insights, "overview_of_run", fail)
            pauses = []
            for _ in range(5):
                pauses.append(pause_after(lambda: work_in_vain(run_id, bell), "plan_lease_ms run"))
                assert runs.claim_end(run_id, LEASE) is None
                end_pauses()
        # The plan took the first attempt.
        assert pauses == [4_000, 15_000, 15_000, 15_000, 15_000]
        batch.work(run_id, bell, Settings())
        assert runs.by_id(run_id).status == "finished"


def test_a_backtest_that_fails_is_tried_again_after_1_4_and_15_seconds(tenant, bell, monkeypatch):
    def fail(*arguments: object) -> None:
        raise Killed

    def work_on_it() -> None:
        with pytest.raises(Killed):
            backtests_service.work(created.id, Settings())

    monkeypatch.setattr(backtests_service.fitting, "backtest_tenant", fail)
    with db.scope():
        created = backtests.create(tenant.id, None, "test", 10**9)
        pauses = []
        for _ in PAUSES:
            pauses.append(pause_after(work_on_it, "lease_ms backtest"))
            assert backtests.needing_work() == []
            assert backtests.claim(created.id, LEASE) is None
            end_pauses()
        assert pauses == PAUSES
        backtests_service.work(created.id, Settings())
        assert backtests.by_id(created.id).status == "failed"


def test_the_deadline_of_a_run_holds_during_a_pause(tenant, bell, failing):
    add_customers(tenant, 3)
    with db.scope():
        run_id = planned(bell)
        work_in_vain(run_id, bell)
        db.execute("UPDATE run SET deadline_ms = 1")
        runs_service.sweep(bell)
        run = runs.by_id(run_id)
        assert run.status == "failed" and "deadline" in run.message
