"""The database's clock was ahead for a while and is right again: what was stored meanwhile is not
believed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clv import db
from clv.config import Settings
from clv.db import clock
from clv.services import backtests as backtests_service
from clv.services import batch, customers, insights, monitoring
from clv.services import runs as runs_service
from clv.services import snapshots as snapshots_service
from clv.store import api_keys, backtests, changes, plans, records, runs, shards, snapshots, tenants
from tests.jobs.support import DAY, LEASE, Bell, add_customers, begin, complete, planned

MINUTE = 60_000


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def ahead(monkeypatch):
    """Moves the database's clock ahead by some milliseconds, for as long as the context."""

    @contextmanager
    def move(by_ms: int = 400 * DAY) -> Iterator[None]:
        with monkeypatch.context() as moved:
            for name in ("_SQLITE", "POSTGRESQL"):
                moved.setattr(clock, name, f"({getattr(clock, name)} + {by_ms})")
            yield

    return move


@pytest.fixture
def reported(caplog):
    """What was logged of times ahead of the clock, each with its tenant."""

    def read() -> list[tuple[str, str]]:
        events = [record for record in caplog.records if record.message == "clock.was_ahead"]
        return [(event.fields["tenant"], what) for event in events for what in event.fields["what"]]

    return read


def computed() -> tuple[int, int]:
    """The times of the first and the last record, in milliseconds from now."""
    first, last = db.rows("SELECT MIN(computed_ms), MAX(computed_ms) FROM clv_record")[0]
    now = clock.now_ms()
    return first - now, last - now


def test_the_next_run_corrects_what_a_run_with_the_clock_ahead_wrote(tenant, bell, ahead, reported):
    add_customers(tenant, 120)
    with db.scope():
        complete(begin(), bell)
        with ahead():
            add_customers(tenant, 121)
            complete(begin(), bell)
        assert computed()[0] > 399 * DAY
        wrong = insights.latest_overview(tenants.tenant_by_name("acme"))
        assert wrong.stale and wrong.overview.everyone.customers == 120
        right = begin()
        complete(right, bell)
        assert runs.by_id(right).computed == 121
        first, last = computed()
        assert -MINUTE < first <= last <= 0
        overview = insights.latest_overview(tenants.tenant_by_name("acme"))
        assert (overview.stale, overview.overview.everyone.customers) == (False, 121)
        assert overview.last_full_run_ms <= clock.now_ms()
        snapshot = snapshots.current(tenant.id)
        assert snapshot.distribution.as_of_ms == overview.last_full_run_ms
        assert set(reported()) == {
            ("acme", what) for what in ("records", "snapshot", "run", "data")
        }
        told = len(reported())
        complete(begin(), bell)
        assert len(reported()) == told, "it is said once"


def test_changes_dated_ahead_go_and_the_others_stay_a_chain(tenant, bell, ahead):
    add_customers(tenant, 60)
    with db.scope():
        complete(begin(), bell)
        # 400 days ahead, the rows of today would have been too old to keep.
        with ahead(300 * DAY):
            complete(begin(), bell)
        assert changes.page(tenant.id, None, 0, None, 1)[0].at_ms > clock.now_ms()
        complete(begin(), bell)
        kept = changes.page(tenant.id, None, 0, None, 1_000)
        assert kept and all(change.at_ms <= clock.now_ms() for change in kept)
        for customer_id in {change.customer_id for change in kept}:
            own = changes.of_customer(tenant.id, customer_id, 2**63 - 1, 10)[::-1]
            before = [None, *(change.segment for change in own[:-1])]
            assert [change.previous_segment for change in own] == before


def test_up_to_five_minutes_ahead_times_are_believed(tenant, bell, ahead, reported):
    add_customers(tenant, 60)
    with db.scope():
        with ahead(4 * MINUTE):
            complete(begin(), bell)
        complete(begin(), bell)
        assert computed()[0] > 3 * MINUTE
        assert reported() == []


def test_a_single_computation_trusts_neither_a_snapshot_nor_a_record_ahead(tenant, bell, ahead):
    add_customers(tenant, 60)
    with db.scope():
        with ahead():
            complete(begin(), bell)
        assert snapshots.current(tenant.id) is None
        assert records.record(tenant.id, "c00001", max_age_ms=DAY) is None
        customers.recompute_clv(tenants.tenant_by_name("acme"), "c00001")
        now = clock.now_ms()
        assert records.record(tenant.id, "c00001").computed_ms <= now
        assert snapshots.current(tenant.id).distribution.as_of_ms <= now


def test_a_lease_on_a_snapshot_that_lies_ahead_is_taken(tenant, ahead, reported):
    add_customers(tenant, 60)
    with db.scope():
        with ahead(3_600_000):
            assert snapshots.take_lease(tenant.id)
        snapshots_service.current_snapshot(tenants.tenant_by_name("acme"))
        assert reported() == [("acme", "lease")]
        assert snapshots.take_lease(tenant.id) and snapshots.take_lease(tenant.id) is None


@pytest.mark.parametrize("claimed", ["shard", "plan", "end"])
def test_a_lease_of_a_run_that_lies_ahead_is_dropped_by_the_sweep(
    tenant, bell, ahead, reported, claimed
):
    add_customers(tenant, 60)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        claim = {
            "plan": lambda: plans.claim_plan(run_id, LEASE),
            "shard": lambda: shards.claim_shard(run_id, LEASE),
            "end": lambda: runs.claim_end(run_id, LEASE),
        }[claimed]
        if claimed != "plan":
            batch.plan(run_id, bell, 50_000, LEASE)
        if claimed == "end":
            with bell.reporting(runs.by_id(run_id).job_id) as report:
                batch.compute_shard(shards.claim_shard(run_id, LEASE), report, float("inf"))
        with ahead(3_600_000):
            assert claim()
        assert claim() is None
        bell.rung.clear()
        runs_service.sweep(bell, lease_ms=LEASE)
        assert bell.rung == [1] and claim()
        runs_service.sweep(bell, lease_ms=LEASE)
        assert reported() == [("acme", "lease")]
        assert claim() is None, "a lease of its length is kept"


def test_a_lease_of_a_backtest_that_lies_ahead_is_dropped_by_the_sweep(tenant, bell, ahead):
    add_customers(tenant, 60)
    with db.scope():
        backtest = backtests.create(tenant.id, None, "test", 10**9)
        with ahead(3_600_000):
            assert backtests.claim(backtest.id, LEASE)
        assert backtests.claim(backtest.id, LEASE) is None
        runs_service.sweep(bell, lease_ms=LEASE)
        assert backtests.claim(backtest.id, LEASE)


def test_what_began_while_the_clock_was_ahead_fails(tenant, bell, ahead, reported):
    add_customers(tenant, 60)
    with db.scope():
        with ahead():
            queued, backtest = begin(), backtests.create(tenant.id, None, "test", 10**9)
        runs_service.sweep(bell)
        backtests_service.sweep(bell)
        assert runs.by_id(queued).status == "failed"
        assert backtests.by_id(backtest.id).status == "failed"
        with ahead():
            running = planned(bell)
        db.execute("UPDATE run SET created_ms = 0, started_ms = 0 WHERE id = %s", (running,))
        batch.work(running, bell, Settings())
        run = runs.by_id(running)
        assert (run.status, run.computed) == ("failed", 0) and "clock" in run.message
        assert reported() == [("acme", "run")] * 2


def test_a_night_that_lies_ahead_does_not_suppress_the_nightly_run(tenant, bell, ahead, reported):
    with db.scope(), ahead():
        tenants.create_tenant("late")
    with db.scope():
        assert runs_service.start_nightly(Settings(), bell, clock.now_ms()) == 1
        assert runs_service.start_nightly(Settings(), bell, clock.now_ms()) == 0
        assert reported() == [("late", "nightly")]


def test_monitoring_ignores_full_runs_that_are_dated_ahead(tenant, bell, ahead):
    add_customers(tenant, 60)
    with db.scope():
        db.execute("UPDATE tenant SET created_ms = created_ms - %s", (3 * DAY,))
        with ahead():
            complete(begin(), bell)
        figures = monitoring.database_figures()
        assert figures.stale_tenants == 1 and figures.oldest_full_run_ms >= 3 * DAY


def test_the_last_use_of_a_key_that_lies_ahead_is_stored_anew(tenant, headers, client, ahead):
    key = headers()
    with db.scope():
        [stored] = api_keys.keys_of_tenant(tenant.id)
        with ahead():
            api_keys.note_use(stored.public, MINUTE)
    with client.get("/api/v1/settings", headers=key) as answer:
        assert answer.status_code == 200
    with db.scope():
        [stored] = api_keys.keys_of_tenant(tenant.id)
        assert stored.last_used_ms <= clock.now_ms()
