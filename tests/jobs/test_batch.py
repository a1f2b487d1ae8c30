"""Working off a run, without a queue: the chunk step, the shards, the fences."""

from dataclasses import replace

import pytest

from clv import db
from clv.config import Settings
from clv.errors import Unavailable
from clv.services import batch
from clv.services import snapshots as snapshots_service
from clv.services.customers import recompute_clv
from clv.services.snapshots import current_snapshot
from clv.store import merging, records, run_tally, runs, snapshots, staging, tenants, totals
from clv.store.shards import Chunk, claim_shard, commit_chunk, leave_shard, reload_shard
from clv.store.summaries import Summary
from jobs import progress
from tests.conftest import wait_until
from tests.jobs.support import (
    LEASE,
    Bell,
    add_customers,
    begin,
    complete,
    compute_first_chunk,
    planned,
)


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def fill(tenant):
    """Give acme customers; the n-th has n interactions."""
    return lambda customers: add_customers(tenant, customers)


def record_runs() -> list[tuple[str, int]]:
    return db.rows("SELECT customer_id, run_id FROM clv_record ORDER BY customer_id")


@pytest.mark.parametrize("customers", [0, 1, 49, 50, 51, 100, 101, 999, 1000, 1001, 2500])
def test_everybody_is_computed_once_whatever_the_number(fill, bell, customers):
    if customers:
        fill(customers)
    with db.scope():
        run_id = begin()
        complete(run_id, bell, 50_000)
        run = runs.by_id(run_id)
        assert (run.status, run.computed, run.errors) == ("finished", customers, 0)
        assert run.total == customers
        assert len(record_runs()) == customers


@pytest.mark.parametrize("shard_customers", [50, 120, 1000])
def test_shards_divide_the_customers_without_gap_or_overlap(fill, bell, shard_customers):
    fill(2_345)
    with db.scope():
        run_id = planned(bell, shard_customers)
        shards = db.rows("SELECT cursor, until_key FROM shard WHERE run_id = %s", (run_id,))
        complete(run_id, bell, shard_customers)
        ids = [customer_id for customer_id, run in record_runs() if run == run_id]
        sizes = [
            sum(after < one and (until is None or one <= until) for one in ids)
            for after, until in shards
        ]
        assert len(ids) == sum(sizes) == 2_345
        assert max(sizes) <= shard_customers
        assert len(sizes) >= 2_345 / shard_customers


def test_an_ended_run_keeps_the_sums_of_its_shards_but_not_their_bounds(fill, bell):
    fill(120)
    with db.scope():
        first = planned(bell)
        compute_first_chunk(first, bell)
        runs.close(first, "cancelled", "for the test")
        second = begin()
        complete(second, bell)
        assert [runs.by_id(run_id).computed for run_id in (first, second)] == [50, 120]
        assert db.rows("SELECT 1 FROM shard") == []
        computed = {ended.status: ended.computed for ended in run_tally.ended()}
        assert computed == {"cancelled": 50, "finished": 120, "failed": 0}


def test_a_chunk_has_fifty_customers_and_is_committed_with_the_cursor(fill, bell):
    fill(120)
    with db.scope():
        run_id = planned(bell)
        shard = compute_first_chunk(run_id, bell)
        assert len(record_runs()) == 50
        assert reload_shard(shard).cursor == "c00050"
        run = runs.by_id(run_id)
        assert (run.computed, run.errors) == (50, 0)
        counters = {"computed": 50, "errors": 0}
        wait_until(lambda: progress.read(bell.redis, run.job_id) == counters, "the report arrives")


def test_a_shard_that_was_left_is_taken_up_at_its_cursor(fill, bell):
    fill(120)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        complete(run_id, bell, 50_000)
        assert runs.by_id(run_id).computed == 120


def test_a_chunk_is_not_applied_twice(fill, bell):
    fill(100)
    with db.scope():
        run_id = planned(bell)
        shard, run = claim_shard(run_id, LEASE), runs.by_id(run_id)
        page = totals.totals_page(1, "", None, 1000, None)
        chunk = batch.chunks(page, snapshots.load(run.snapshot_id), "")[0]
        assert commit_chunk(run, shard, "", chunk)
        assert not commit_chunk(run, shard, "", chunk)
        assert runs.by_id(run_id).computed == 50


def test_a_chunk_of_a_lost_shard_an_ended_run_or_before_an_erasure_is_refused(fill, bell):
    fill(100)
    with db.scope():
        run_id = planned(bell)
        shard, run = claim_shard(run_id, LEASE), runs.by_id(run_id)
        chunk = Chunk("c00050", False, [], [("c00001", "a reason")])
        assert not commit_chunk(run, replace(shard, attempt=shard.attempt - 1), "", chunk)
        assert not commit_chunk(replace(run, erasures=run.erasures + 1), shard, "", chunk)
        runs.close(run_id, "cancelled", "for the test")
        assert not commit_chunk(run, shard, "", chunk)
        assert runs.errors_page(run_id, "", 10) == []


def test_a_customer_who_leaves_during_a_run_stays_away(fill, bell, load):
    fill(120)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        zeros = [
            Summary(customer, "2026-01-01", "", "", "", 0, 0, 0, 0, 0)
            for customer in ("c00001", "c00110")
        ]
        staging.stage_summaries(zeros)
        assert merging.merge(1, "daily").deleted == 2
        complete(run_id, bell, 50_000)
        left = [customer for customer, _ in record_runs()]
        assert len(left) == 118 and not {"c00001", "c00110"} & set(left)


def test_a_newer_record_is_not_overwritten(fill, bell):
    fill(3)
    with db.scope():
        run_id = planned(bell)
        db.execute("UPDATE interaction_summary SET impressions = 77 WHERE customer_id = 'c00002'")
        tenant = tenants.tenant_by_id(1)
        newer = recompute_clv(tenant, "c00002")
        complete(run_id, bell, 50_000)
        assert records.record(1, "c00002") == newer
        assert runs.by_id(run_id).computed == 3


def test_a_run_keeps_the_settings_and_the_time_of_its_plan(fill, bell):
    fill(3)
    with db.scope():
        run_id = planned(bell)
        db.execute("UPDATE tenant SET lifespan_months = 1, at_risk_days = 1")
        complete(run_id, bell, 50_000)
        scores = records.record(1, "c00003")
        assert scores.predicted_revenue == 300 * 24 // 6
        assert scores.segment != "at_risk"
        snapshot = snapshots.current(1)
        assert scores.computed_ms == snapshot.distribution.as_of_ms


def test_a_shard_without_progress_in_three_attempts_fails_the_run(fill, bell):
    fill(3)
    with db.scope():
        run_id = planned(bell)
        for _ in range(3):
            leave_shard(claim_shard(run_id, LEASE))
        batch.work(run_id, bell, Settings())
        run = runs.by_id(run_id)
        assert run.status == "failed" and "no progress" in run.message


def test_the_next_run_is_rung_for_when_one_ends(fill, bell):
    fill(3)
    with db.scope():
        first = begin()
        runs.start(first)
        second = begin()
        assert second != first and not runs.start(second)
        complete(first, bell, 50_000)
        assert bell.rung[-1] == 1
        complete(second, bell, 50_000)
        assert {run for _, run in record_runs()} == {second}


def test_a_worker_calls_the_next_while_shards_are_free(fill, bell, monkeypatch):
    # On a slow machine it would call once more, to go on later.
    monkeypatch.setattr(batch, "DRAIN_SECONDS", 3600)
    fill(500)
    with db.scope():
        run_id = begin()
        batch.work(run_id, bell, Settings(shard_customers=250))
        assert bell.rung == [1]
        assert runs.by_id(run_id).status == "finished"
        batch.work(begin(), bell, Settings())
        assert bell.rung == [1]


def test_progress_that_redis_lost_is_answered_by_the_database(client, headers, fill, bell):
    fill(120)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        # Whoever reads the run rings for it, and a worker would end it.
        assert claim_shard(run_id, LEASE)
        run = runs.by_id(run_id)
    counters = {"computed": 50, "errors": 0}
    wait_until(lambda: progress.read(bell.redis, run.job_id) == counters, "the report arrives")
    url = f"/api/v1/clv/jobs/{run.job_id}"
    key = headers("viewer")
    live = client.get(url, headers=key).json
    bell.redis.delete(f"clv:run:{run.job_id}")
    with bell.reporting(run.job_id) as report:
        report(99, 1, 1)
    stored = client.get(url, headers=key).json
    for job in (live, stored):
        assert (job["total"], job["processed"], job["percent"]) == (120, 50, 41.6)
        assert job["customersPerSecond"] > 0 and job["etaSeconds"] is not None


def test_only_one_builds_a_snapshot_and_the_others_wait_or_use_the_old_one(fill, tenant):
    fill(3)
    with db.scope():
        tenant = tenants.tenant_by_id(1)
        old = current_snapshot(tenant)
        grown = replace(tenant, customers=100)
        lease = snapshots.take_lease(1)
        assert lease and snapshots.take_lease(1) is None
        assert current_snapshot(grown).id == old.id
        snapshots.give_lease_back(1, lease)
        assert current_snapshot(grown).id != old.id


def test_a_first_snapshot_that_takes_too_long_is_a_503(fill, tenant, monkeypatch):
    fill(3)
    monkeypatch.setattr(snapshots_service, "BUILD_WAIT_SECONDS", 0.2)
    with db.scope():
        assert snapshots.take_lease(1)
        with pytest.raises(Unavailable):
            current_snapshot(tenants.tenant_by_id(1))


def test_other_weights_make_a_new_snapshot(fill, tenant):
    fill(3)
    with db.scope():
        tenant = tenants.tenant_by_id(1)
        old = current_snapshot(tenant)
        assert current_snapshot(tenant).id == old.id
        weights = replace(
            tenant.settings, weight_recency=0.5, weight_frequency=0.2, weight_monetary=0.3
        )
        assert current_snapshot(replace(tenant, settings=weights)).id != old.id
        assert db.value("SELECT COUNT(*) FROM snapshot") == 1
