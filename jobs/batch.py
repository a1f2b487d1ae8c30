"""Works off a batch run: plan it, compute its shards chunk by chunk, finish it.

The database is the truth and decides who does what; a job in the queue is only a doorbell. A
doorbell that gets lost costs time, one that rings twice finds nothing to do.
"""

import time
from collections.abc import Sequence
from typing import Protocol

from redis import Redis

from clv import config, db, service
from clv.errors import Unscorable
from clv.scoring import Scores, Totals, score_customer
from clv.store import now_ms, runs, snapshots, summaries, tenants
from clv.store.runs import Chunk, Run, Shard
from clv.store.snapshots import Snapshot
from jobs import progress
from jobs.queue import JobQueue, connect

CHUNK_CUSTOMERS = 50
# Customers are read ahead in pages: one query for twenty transactions.
PAGE_CUSTOMERS = 1_000
# After so long a drain goes to the back of the queue, so that a small tenant's run gets its turn
# and the cost of forking a job (32 ms) stays small.
DRAIN_SECONDS = 1.5
# So many workers more are called when a run is planned; each rings for itself afterwards.
MOST_HELPERS = 3


class Doorbell(Protocol):
    """What a drain needs of the queue."""

    redis: Redis

    def ring(self, run_id: int) -> None: ...


def drain(run_id: int) -> None:
    """The RQ job: work on a run for a short while, and ring again if there is more to do."""
    settings = config.from_env()
    with db.scope():
        work(run_id, JobQueue(connect(settings.redis_url)), settings.shard_customers)


def work(run_id: int, queue: Doorbell, most_shard_customers: int) -> None:
    """Bring a run forward: start it, plan it, compute shards, finish it, whatever is due."""
    runs.start(run_id)
    plan(run_id, queue, most_shard_customers)
    until = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < until and (shard := runs.claim_shard(run_id)):
        if shard.stuck > runs.MAX_STUCK:
            runs.close(run_id, "failed", "A part of the run made no progress in 3 attempts.")
            break
        compute_shard(shard, queue.redis, until)
    finish(run_id, queue)
    if runs.has_free_shards(run_id):
        queue.ring(run_id)


def plan(run_id: int, queue: Doorbell, most_shard_customers: int) -> None:
    """Plan a running run unless that was done: take the snapshot, make it the tenant's current
    one, divide the customers into shards, and call helpers."""
    attempt = runs.claim_plan(run_id)
    if attempt is None:
        return
    run = runs.by_id(run_id)
    settings = tenants.tenant_by_id(run.tenant_id).settings
    mark_every = min(service.MARK_EVERY, most_shard_customers)
    survey = service.survey(run.tenant_id, settings, now_ms(), mark_every)
    total = survey.customers
    if run.segment is not None:
        total = summaries.count_in_segment(run.tenant_id, run.segment)
    bounds = survey.bounds(most_shard_customers)
    if runs.save_plan(run, attempt, survey.distribution, settings, total, bounds):
        progress.begin(queue.redis, run.job_id, runs.shard_ids(run_id))
        for _ in range(min(len(bounds), MOST_HELPERS)):
            queue.ring(run_id)


def compute_shard(shard: Shard, redis: Redis, until: float) -> None:
    """Compute a claimed shard from its cursor to its end, or until the time is up."""
    run = runs.by_id(shard.run_id)
    snapshot = None if run.snapshot_id is None else snapshots.load(run.snapshot_id)
    cursor, computed, errors = shard.cursor, shard.computed, shard.errors
    while run.is_active:
        page = summaries.totals_page(
            run.tenant_id, cursor, shard.until_key, PAGE_CUSTOMERS, run.segment
        )
        for chunk in chunks(page, snapshot, cursor):
            if not _committed(run, shard, cursor, chunk):
                break
            cursor = chunk.cursor
            computed, errors = computed + len(chunk.scores), errors + len(chunk.errors)
            progress.report(redis, run.job_id, shard.id, computed, errors)
            if chunk.done:
                return
            if time.monotonic() > until:
                runs.leave_shard(shard)
                return
        if runs.shard_state(shard) != (cursor, shard.attempt, False):
            return
        # Customers were erased, or the page is used up: what comes next is read again.
        run = runs.by_id(run.id)


def chunks(page: Sequence[Totals], snapshot: Snapshot | None, cursor: str) -> list[Chunk]:
    """A page of customers as chunks of 50 with their scores; a short page is the shard's last."""
    found = []
    for start in range(0, max(1, len(page)), CHUNK_CUSTOMERS):
        part = page[start : start + CHUNK_CUSTOMERS]
        scores, errors = score_all(part, snapshot)
        last = part[-1].customer_id if part else cursor
        done = len(page) < PAGE_CUSTOMERS and start + CHUNK_CUSTOMERS >= len(page)
        found.append(Chunk(last, done, scores, errors))
    return found


def score_all(
    customers: Sequence[Totals], snapshot: Snapshot | None
) -> tuple[list[Scores], list[tuple[str, str]]]:
    """The scores of those customers who can be scored, and the reasons of the others."""
    scores, errors = [], []
    for totals in customers:
        try:
            if snapshot is None:
                raise Unscorable("No customer of this tenant can be scored.")
            scores.append(
                score_customer(
                    totals, snapshot.distribution, snapshot.settings, snapshot.distribution.as_of_ms
                )
            )
        except Unscorable as error:
            errors.append((totals.customer_id, error.message))
    return scores, errors


def finish(run_id: int, queue: Doorbell) -> None:
    """End the run if all is done, and ring for the tenant's next one."""
    if runs.finish(run_id):
        following = runs.queued_of_tenant(runs.by_id(run_id).tenant_id)
        if following is not None:
            queue.ring(following)


def _committed(run: Run, shard: Shard, cursor: str, chunk: Chunk) -> bool:
    """Commit a chunk; True also if it had been committed before, by this worker, without its
    knowing: the reply to a commit can be lost."""
    if runs.commit_chunk(run, shard, cursor, chunk):
        return True
    state = runs.shard_state(shard)
    return state != (cursor, shard.attempt, False) and state == (
        chunk.cursor,
        shard.attempt,
        chunk.done,
    )
