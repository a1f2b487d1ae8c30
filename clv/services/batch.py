"""Carries out a batch run: plan it, compute its shards chunk by chunk, finish it.

The database is the truth and decides who does what; a job in the queue is only a doorbell. What
can go wrong, and who notices:

- A work-horse is killed, or runs out of memory or time, or its machine is gone: the lease of its
  shard (or plan) expires 20 s after its last chunk, and the sweep rings for the run.
- A worker is told to stop: its drain ends within seconds at a chunk boundary, frees the shard and
  rings again. A drain that is planning is interrupted after 6 s and frees the plan.
- A worker was only paused: by the time it comes back, another worker has its shard, with a higher
  attempt, and the fence in the chunk's transaction refuses its chunk.
- Redis restarts empty: no doorbell is left, and the sweep rings for every run that needs work.
- The database restarts, or the reply to a commit is lost: the drain reconnects and continues from
  the shard's stored cursor, which is past every chunk that was committed.
- A shard (or a plan) kills every worker that takes it, or fails: after 3 attempts without progress
  the run fails. It is not tried again before 1, 4 and 15 s have passed.
- A newer version of the service planned the run, and beside it workers of this one are left: they
  leave the run alone, its shards and its end, and don't ring for it.
- The database's disk is full: the run fails at once, because waiting does not help.
- Anything else: a run that is past its deadline fails.

The sweep is ``clv.services.runs.sweep``. Every worker calls it at its heartbeat for all runs, and
every read of a job calls it for that run.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial

from clv import db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain import overview
from clv.domain.scoring import VERSIONED_MODELS, Scores, Totals, check
from clv.errors import DISK_FULL, NotFound, Unscorable
from clv.prediction import choice
from clv.prediction.calibrated import score_customers
from clv.prediction.choice import Calibration
from clv.queue import Queue, Report
from clv.services import ahead, cohorts, fitting, insights, snapshots
from clv.services.runs import fail, fail_dated_ahead, ring_for_next
from clv.services.settings import suggested_days
from clv.services.snapshots import CustomerScan
from clv.store import due, plans, runs, shards, tenants
from clv.store.runs import Run
from clv.store.shards import Chunk, Shard
from clv.store.snapshots import Snapshot, current_calibration, load
from clv.store.tenants import Tenant
from clv.store.totals import count_in_segment, totals_page

CHUNK_CUSTOMERS = 50
# Customers are read ahead in pages: one query for twenty transactions.
PAGE_CUSTOMERS = 1_000
# After this long a drain goes to the back of the queue, so that a small tenant's run gets its turn.
# It is long enough to keep the cost of forking a job (32 ms) small.
DRAIN_SECONDS = 2.5
# A lost database connection is retried this often, each time after a longer pause: 14 s in all,
# less than a lease.
RECONNECTS = 7
RECONNECT_SECONDS = 0.5


def work_for_tenant(tenant_id: int, queue: Queue, settings: Settings) -> None:
    """Advance the tenant's run, if there is one."""
    run_id = runs.active_of_tenant(tenant_id)
    if run_id is not None:
        work(run_id, queue, settings)


def work(run_id: int, queue: Queue, settings: Settings) -> None:
    """Advance a run: start it, plan it, compute shards or finish it, whichever is due."""
    lease_ms = settings.lease_ms
    fail_dated_ahead(queue, run_id)
    if runs.start(run_id):
        logs.event("run.started", run=run_id)
    try:
        plan(run_id, queue, settings.shard_customers, lease_ms)
        _compute_shards(run_id, queue, lease_ms)
        finish(run_id, queue, lease_ms)
        _ring_if_needed(run_id, queue)
    except NotFound:
        # The tenant was deleted, and its runs with it.
        return
    except db.ERRORS as error:
        if not db.is_full(error):
            raise
        fail(run_id, DISK_FULL, queue)


def plan(run_id: int, queue: Queue, most_shard_customers: int, lease_ms: int) -> None:
    """Plan a running run unless that was done: take the tenant's snapshot and divide the customers
    into shards. A full run also decides which models predict, unless the tenant has chosen rfm."""
    attempt = plans.claim_plan(run_id, lease_ms)
    if attempt is None:
        return
    if attempt > runs.MAX_ATTEMPTS:
        fail(run_id, "The run could not be planned in 3 attempts.", queue)
        return
    planned = False
    try:
        planned = _plan(run_id, attempt, queue, most_shard_customers, lease_ms)
    finally:
        if not planned:
            plans.leave_plan(run_id, attempt)


def compute_shard(shard: Shard, report: Report, until: float) -> None:
    """Compute a claimed shard from its cursor to its end, or until the time is up.

    When the database goes away, continue from the stored cursor as soon as it is back: the reply
    to a commit may have been lost, and only the database knows.
    """
    for failures in range(1, RECONNECTS + 2):
        try:
            _compute_to_end(shard, report, until)
            return
        except db.ERRORS as error:
            if not db.is_not_now(error):
                raise
            cause = db.cause(error)
            logs.event("database.lost", logging.WARNING, run=shard.run_id, cause=cause)
            if failures > RECONNECTS or db.is_full(error):
                raise
            db.disconnect()
            time.sleep(RECONNECT_SECONDS * failures)


def chunks(page: Sequence[Totals], snapshot: Snapshot | None, cursor: str) -> list[Chunk]:
    """A page of customers as chunks of 50 with their scores; a short page is the shard's last."""
    scores, errors = score_all(page, snapshot)
    is_last_page = len(page) < PAGE_CUSTOMERS
    chunks = []
    for start in range(0, max(1, len(page)), CHUNK_CUSTOMERS):
        end = start + CHUNK_CUSTOMERS
        ids = [totals.customer_id for totals in page[start:end]]
        chunks.append(
            Chunk(
                cursor=ids[-1] if ids else cursor,
                done=is_last_page and end >= len(page),
                scores=[scores[scored] for scored in ids if scored in scores],
                errors=[(failed, errors[failed]) for failed in ids if failed in errors],
            )
        )
    return chunks


def score_all(
    customers: Sequence[Totals], snapshot: Snapshot | None
) -> tuple[dict[str, Scores], dict[str, str]]:
    """The scores of the customers that can be scored, and the reasons of the others, by id."""
    scorable, errors = [], {}
    for totals in customers:
        try:
            check(totals)
            if snapshot is None:
                raise Unscorable("No customer of this tenant can be scored.")
            scorable.append(totals)
        except Unscorable as error:
            errors[totals.customer_id] = error.message
    if snapshot is None or not scorable:
        return {}, errors
    spread, settings = snapshot.distribution, snapshot.settings
    serving = snapshot.serving(settings)
    scored = score_customers(scorable, spread, settings, spread.as_of_ms, serving)
    return {scores.customer_id: scores for scores in scored}, errors


def finish(run_id: int, queue: Queue, lease_ms: int) -> bool:
    """End the run if all its shards are done: store its overview and, of a full run, the cohorts,
    and ring for the tenant's next run."""
    run = runs.claim_end(run_id, lease_ms)
    if run is None:
        return False
    ended = False
    try:
        ended = _end(run)
    finally:
        if not ended:
            runs.leave_end(run_id)
    if ended:
        logs.event("run.finished", run=run_id, computed=run.computed, errors=run.errors)
        ring_for_next(run.tenant_id, queue)
        insights.tidy_up(run)
    return ended


def _end(run: Run) -> bool:
    """Add up a run's customers, store that and end the run, all in one transaction; False if it had
    ended already."""
    added_up = overview.to_json(insights.overview_of_run(run))
    by_cohort = cohorts.add_up_run(run) if run.segment is None else None
    with db.transaction():
        ended = runs.finish(run, added_up)
        if ended and by_cohort is not None:
            cohorts.save(run.tenant_id, by_cohort)
    return ended


def _plan(
    run_id: int, attempt: int, queue: Queue, most_shard_customers: int, lease_ms: int
) -> bool:
    """Plan a claimed run; False when the claim was lost."""
    run = runs.by_id(run_id)
    tenant = tenants.tenant_by_id(run.tenant_id)
    as_of_ms = now_ms()
    ahead.report_tenant(tenant.id)
    scan = _scan(run, tenant, most_shard_customers, as_of_ms)
    total = scan.customers if run.segment is None else count_in_segment(tenant.id, run.segment)
    bounds = scan.shard_bounds(most_shard_customers)
    days = suggested_days(tenant, scan)
    spread, calibration = scan.distribution, None
    if run.segment is None and spread is not None:
        renew = partial(plans.renew_plan, run_id, attempt, lease_ms)
        calibration = _calibration(tenant, as_of_ms, renew)
    if not plans.save_plan(
        run, attempt, spread, tenant.settings, total, bounds, days, scan.removals, calibration
    ):
        return False
    if calibration is not None and calibration.setting != choice.RFM:
        logs.event("run.calibrated", run=run_id, model=VERSIONED_MODELS[calibration.index])
    logs.event("run.planned", run=run_id, job=run.job_id, customers=total, shards=len(bounds) + 1)
    queue.begin_progress(run.job_id, shards.shard_ids(run_id))
    return True


def _scan(run: Run, tenant: Tenant, most_shard_customers: int, as_of_ms: int) -> CustomerScan:
    bound_every = min(snapshots.BOUND_EVERY, most_shard_customers)
    return snapshots.scan_customers(tenant.id, tenant.settings, as_of_ms, bound_every)


def _calibration(tenant: Tenant, as_of_ms: int, renew: fitting.Renew) -> Calibration:
    """What predicts from this full run on."""
    setting = tenant.settings.model
    found = None if setting == choice.RFM else fitting.find_out(tenant, as_of_ms, renew)
    return choice.choose(current_calibration(tenant.id), found, setting, as_of_ms)


def _compute_shards(run_id: int, queue: Queue, lease_ms: int) -> None:
    until = time.monotonic() + DRAIN_SECONDS
    called = False
    with queue.reporting(runs.by_id(run_id).job_id) as report:
        while time.monotonic() < until and (shard := shards.claim_shard(run_id, lease_ms)):
            if shard.stuck > runs.MAX_ATTEMPTS:
                fail(run_id, "A part of the run made no progress in 3 attempts.", queue)
                return
            if not called:
                # Each worker calls the next, until all of them work or no shard is free.
                _ring_if_needed(run_id, queue)
                called = True
            _compute_or_leave(shard, report, until)


def _compute_or_leave(shard: Shard, report: Report, until: float) -> None:
    failed = True
    try:
        compute_shard(shard, report, until)
        failed = False
    finally:
        if failed:
            shards.leave_failed(shard)


def _ring_if_needed(run_id: int, queue: Queue) -> None:
    for _, tenant_id in due.needing_work(run_id):
        queue.ring(tenant_id)


def _compute_to_end(shard: Shard, report: Report, until: float) -> None:
    while True:
        current = shards.reload_shard(shard)
        if current is None:
            logs.event("shard.lost", run=shard.run_id, shard=shard.id, attempt=shard.attempt)
            return
        if _compute_pages(current, report, until):
            return


def _compute_pages(shard: Shard, report: Report, until: float) -> bool:
    """Compute one page of customers after another; False when the shard must be read again:
    customers were erased since, or another worker has the shard, or the run has ended."""
    run = runs.by_id(shard.run_id)
    snapshot = None if run.snapshot_id is None else load(run.snapshot_id)
    cursor, computed, errors = shard.cursor, shard.computed, shard.errors
    serving = None if snapshot is None else snapshot.serving(snapshot.settings)
    with_purchases = serving is not None and serving.fitted is not None
    while run.is_active:
        page = totals_page(
            run.tenant_id, cursor, shard.until_key, PAGE_CUSTOMERS, run.segment, with_purchases
        )
        for chunk in chunks(page, snapshot, cursor):
            if not shards.commit_chunk(run, shard, cursor, chunk):
                return False
            cursor = chunk.cursor
            computed, errors = computed + len(chunk.scores), errors + len(chunk.errors)
            report(shard.id, computed, errors)
            if chunk.done:
                logs.event("shard.done", run=run.id, shard=shard.id, computed=computed)
                return True
        # Not between chunks: the rest of this page is read and scored already.
        if time.monotonic() > until:
            shards.leave_shard(shard)
            return True
    return True
