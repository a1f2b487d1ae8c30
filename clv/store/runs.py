"""Batch runs and their shards: who may do what next is decided here, by compare-and-set.

Each function is one transaction. Status and counters are read from the database and nowhere else;
the fencing tokens (``attempt``, ``plan_attempt``) keep a worker that was thought dead from
writing after another took over.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import IntegrityError

from clv import db
from clv.calibrated import Calibration
from clv.distribution import Distribution
from clv.errors import NotFound, Unavailable
from clv.scoring import Scores, ScoreSettings
from clv.store import clock, listing, now_ms, records, row_lock, snapshots, tally
from clv.store.tenants import lock_tenant

ACTIVE = ("queued", "running")
# Attempts at a plan or at a shard without any progress; then the run fails.
MAX_ATTEMPTS = 3
# Planning reads some 400 customers a millisecond, and 100 with what the calibrated model needs; a
# slow machine gets eight times as long.
PLANNED_CUSTOMERS_PER_MS = 50
CALIBRATED_CUSTOMERS_PER_MS = 12
LAST_ID = 2**63 - 1
NO_SUCH_JOB = "There is no job with this id."

_RUN = (
    "run.id, run.job_id, run.tenant_id, run.segment, run.status, run.requested_by,"
    " run.created_ms, run.started_ms, run.finished_ms, run.total, run.message, run.snapshot_id,"
    " run.planned, run.erasures, run.suggested_days,"
    " (SELECT CAST(COALESCE(SUM(computed), 0) AS BIGINT) FROM shard WHERE run_id = run.id),"
    " (SELECT CAST(COALESCE(SUM(errors), 0) AS BIGINT) FROM shard WHERE run_id = run.id)"
)

_ALL_DONE = "NOT EXISTS (SELECT 1 FROM shard WHERE shard.run_id = run.id AND NOT shard.done)"


_PLANNING_MS = (
    f"(SELECT customers / CASE model WHEN 'rfm' THEN {PLANNED_CUSTOMERS_PER_MS}"
    f" ELSE {CALIBRATED_CUSTOMERS_PER_MS} END FROM tenant WHERE tenant.id = run.tenant_id)"
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored; ``computed`` and ``errors`` are sums over its shards."""

    id: int
    job_id: str
    tenant_id: int
    segment: str | None
    status: str
    requested_by: str
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    total: int | None
    message: str | None
    snapshot_id: int | None
    planned: bool
    erasures: int
    suggested_days: int | None
    computed: int
    errors: int

    @property
    def is_active(self) -> bool:
        """Whether the run has not ended yet."""
        return self.status in ACTIVE


@dataclass(frozen=True, slots=True)
class Shard:
    """A claimed shard: its customers are those above ``cursor`` up to ``until_key``. Each chunk
    renews its lease; whoever is silent for longer is taken for dead."""

    id: int
    run_id: int
    cursor: str
    until_key: str | None
    attempt: int
    stuck: int
    computed: int
    errors: int
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction adds to a run: scores and errors of the customers above the shard's
    cursor up to ``cursor``; ``done`` when no customer of the shard is left."""

    cursor: str
    done: bool
    scores: Sequence[Scores]
    errors: Sequence[tuple[str, str]]


def join_or_create(
    tenant_id: int, segment: str | None, requested_by: str, deadline_ms: int
) -> tuple[Run, bool]:
    """The tenant's queued run, and whether this call created it. A run that is joined covers
    everybody if the requests' filters differ; while one is running, the next one is queued."""
    for _ in range(20):
        with db.transaction():
            joined = db.row(
                "UPDATE run SET segment = CASE WHEN segment = %s THEN segment ELSE NULL END"
                " WHERE tenant_id = %s AND status = 'queued' RETURNING id",
                (segment, tenant_id),
            )
            if joined:
                return by_id(joined[0]), False
            now = now_ms()
            created = db.row(
                "INSERT INTO run (job_id, tenant_id, segment, status, requested_by, created_ms,"
                " deadline_ms, planned, plan_attempt, plan_lease_ms, erasures)"
                " VALUES (%s, %s, %s, 'queued', %s, %s, %s, %s, 0, 0, 0)"
                " ON CONFLICT DO NOTHING RETURNING id",
                (
                    str(uuid.uuid4()),
                    tenant_id,
                    segment,
                    requested_by,
                    now,
                    now + deadline_ms,
                    False,
                ),
            )
            if created:
                return by_id(created[0]), True
    raise Unavailable("Other requests start and end runs of this tenant all the time. Try again.")


def start_nightly(due_ms: int, deadline_ms: int) -> list[int]:
    """Queue the nightly run of each tenant that had none since ``due_ms``; the runs' ids."""
    tenant_ids = db.rows("SELECT id FROM tenant WHERE nightly_ms < %s ORDER BY id", (due_ms,))
    started = []
    for (tenant_id,) in tenant_ids:
        with db.transaction():
            if db.execute(
                "UPDATE tenant SET nightly_ms = %s WHERE id = %s AND nightly_ms < %s",
                (due_ms, tenant_id, due_ms),
            ):
                started.append(join_or_create(tenant_id, None, "schedule", deadline_ms)[0].id)
    return started


def by_id(run_id: int) -> Run:
    """
    :raises NotFound: when it was deleted meanwhile
    """
    found = db.row(f"SELECT {_RUN} FROM run WHERE id = %s", (run_id,))
    if found is None:
        raise NotFound("The run does not exist any more.")
    return Run(*found)


def by_job_id(tenant_id: int, job_id: str) -> Run:
    """
    :raises NotFound: when the tenant has no such run
    """
    found = db.row(
        f"SELECT {_RUN} FROM run WHERE job_id = %s AND tenant_id = %s", (job_id, tenant_id)
    )
    if found is None:
        raise NotFound(NO_SUCH_JOB)
    return Run(*found)


def page(tenant_id: int, before_id: int | None, limit: int) -> list[Run]:
    """The tenant's runs, newest first."""
    return [
        Run(*found)
        for found in db.rows(
            f"SELECT {_RUN} FROM run WHERE tenant_id = %s AND id < %s ORDER BY id DESC LIMIT %s",
            (tenant_id, before_id if before_id is not None else LAST_ID, limit),
        )
    ]


def errors_page(run_id: int, after: str, limit: int) -> list[tuple[str, str]]:
    """Customers that a run could not compute, by id, with the reasons."""
    return db.rows(
        "SELECT customer_id, message FROM run_error"
        " WHERE run_id = %s AND customer_id > %s ORDER BY customer_id LIMIT %s",
        (run_id, after, limit),
    )


def start(run_id: int) -> bool:
    """Make a queued run the tenant's running one, unless there is one."""
    try:
        started = db.execute(
            f"UPDATE run SET status = 'running', started_ms = {clock()}"
            " WHERE id = %s AND status = 'queued' AND NOT EXISTS (SELECT 1 FROM run other"
            " WHERE other.tenant_id = run.tenant_id AND other.status = 'running')",
            (run_id,),
        )
    except IntegrityError:
        return False
    return started == 1


def claim_plan(run_id: int, lease_ms: int) -> int | None:
    """Become the planner of a running run: the fencing token, or None if another one is.

    Planning is one pass over all customers and can't renew, so that its lease is longer the more
    customers there are.
    """
    claimed = db.row(
        "UPDATE run SET plan_attempt = plan_attempt + 1,"
        f" plan_lease_ms = {clock()} + %s + {_PLANNING_MS}"
        " WHERE id = %s AND status = 'running' AND NOT planned"
        f" AND plan_lease_ms < {clock()} RETURNING plan_attempt",
        (lease_ms, run_id),
    )
    return claimed[0] if claimed else None


def renew_plan(run_id: int, attempt: int, lease_ms: int) -> bool:
    """Keep the plan for another step of it, as long as a claim; False when it is lost."""
    renewed = db.execute(
        f"UPDATE run SET plan_lease_ms = {clock()} + %s + {_PLANNING_MS}"
        " WHERE id = %s AND status = 'running' AND NOT planned AND plan_attempt = %s",
        (lease_ms, run_id, attempt),
    )
    return renewed == 1


def leave_plan(run_id: int, attempt: int) -> None:
    """Free the plan for others at once."""
    db.execute(
        "UPDATE run SET plan_lease_ms = 0 WHERE id = %s AND plan_attempt = %s", (run_id, attempt)
    )


def save_plan(
    run: Run,
    attempt: int,
    distribution: Distribution | None,
    settings: ScoreSettings,
    total: int,
    bounds: Sequence[str],
    suggested_days: int | None,
    calibration: Calibration | None = None,
) -> bool:
    """Store a run's plan: its snapshot, made current, and one shard more than there are bounds.

    :param distribution: None when the tenant has no scorable customer
    :param bounds: the last customer id of each shard but the last, which has no end
    :param suggested_days: at-risk days that fit the tenant's data, if there are such
    :param calibration: what a full run found out about the calibrated model; None to keep that of
        the run before
    :returns: False when another planner was faster
    """
    with db.transaction():
        _, customers = lock_tenant(run.tenant_id)
        still = db.rows(
            "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND NOT planned"
            f" AND plan_attempt = %s{row_lock('UPDATE')}",
            (run.id, attempt),
        )
        if not still:
            return False
        snapshot_id = None
        if distribution is not None:
            snapshot_id = snapshots.insert(
                run.tenant_id, customers, distribution, settings, calibration
            ).id
        starts = ["", *bounds]
        ends = [*bounds, None]
        db.execute_many(
            "INSERT INTO shard (run_id, cursor, until_key, done, computed, errors, attempt,"
            " lease_ms, stuck) VALUES (%s, %s, %s, %s, 0, 0, 0, 0, 0)",
            [(run.id, first, last, False) for first, last in zip(starts, ends, strict=True)],
        )
        db.execute(
            "UPDATE run SET planned = %s, snapshot_id = %s, total = %s, suggested_days = %s,"
            " plan_lease_ms = 0 WHERE id = %s",
            (True, snapshot_id, total, suggested_days, run.id),
        )
    return True


def claim_shard(run_id: int, lease_ms: int) -> Shard | None:
    """Claim a free or expired shard of a running run, or None if there is none."""
    claimed = db.row(
        f"UPDATE shard SET attempt = attempt + 1, stuck = stuck + 1, lease_ms = {clock()} + %s"
        " WHERE id = (SELECT shard.id FROM shard JOIN run ON run.id = shard.run_id"
        " WHERE shard.run_id = %s AND run.status = 'running' AND NOT shard.done"
        f" AND shard.lease_ms < {clock()} ORDER BY shard.id LIMIT 1"
        + row_lock("UPDATE OF shard SKIP LOCKED")
        + ") RETURNING id, run_id, cursor, until_key, attempt, stuck, computed, errors",
        (lease_ms, run_id),
    )
    return Shard(*(*claimed, lease_ms)) if claimed else None


def leave_shard(shard: Shard) -> None:
    """Free a claimed shard for others at once."""
    db.execute(
        "UPDATE shard SET lease_ms = 0 WHERE id = %s AND attempt = %s", (shard.id, shard.attempt)
    )


def commit_chunk(run: Run, shard: Shard, cursor: str, chunk: Chunk) -> bool:
    """Write a chunk and advance the shard, or neither.

    :param run: as it was before the chunk's customers were read
    :param cursor: where the chunk began
    :returns: False when the fence refused: the run ended, customers were erased since the read,
        or another worker has the shard
    """
    step = (chunk.cursor, chunk.done, len(chunk.scores), len(chunk.errors), shard.lease_ms)
    fence = (shard.id, shard.attempt, cursor)
    if not db.is_sqlite() and not chunk.errors:
        return _commit_on_postgresql(run, step, fence, chunk)
    with db.transaction():
        commit = _commit_on_sqlite if db.is_sqlite() else _commit_on_postgresql
        if not commit(run, step, fence, chunk):
            return False
        db.execute_many(
            "INSERT INTO run_error (run_id, customer_id, message) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(run.id, customer_id, reason) for customer_id, reason in chunk.errors],
        )
    return True


def reload_shard(shard: Shard) -> Shard | None:
    """The shard as it is stored, or None if it is done or another worker claimed it since."""
    found = db.row(
        "SELECT id, run_id, cursor, until_key, attempt, stuck, computed, errors FROM shard"
        " WHERE id = %s AND attempt = %s AND NOT done",
        (shard.id, shard.attempt),
    )
    return Shard(*(*found, shard.lease_ms)) if found else None


def shard_ids(run_id: int) -> list[int]:
    """The ids of a planned run's shards."""
    return [found[0] for found in db.rows("SELECT id FROM shard WHERE run_id = %s", (run_id,))]


def needing_work(run_id: int | None = None) -> list[int]:
    """The runs (or this one, if it is among them) that a worker could bring forward: a shard or
    the plan is free, the end is due, or it is queued and its tenant has none running."""
    return _active(
        "((status = 'queued' AND NOT EXISTS (SELECT 1 FROM run other"
        " WHERE other.tenant_id = run.tenant_id AND other.status = 'running'))"
        f" OR (status = 'running' AND NOT planned AND plan_lease_ms < {clock()})"
        " OR (status = 'running' AND planned AND (EXISTS (SELECT 1 FROM shard"
        f" WHERE shard.run_id = run.id AND NOT shard.done AND shard.lease_ms < {clock()})"
        f" OR ({_ALL_DONE} AND plan_lease_ms < {clock()}))))",
        run_id,
    )


def overdue(run_id: int | None = None) -> list[int]:
    """The active runs (or this one, if it is among them) that are past their deadlines."""
    return _active(f"deadline_ms < {clock()}", run_id)


def claim_end(run_id: int, lease_ms: int) -> Run | None:
    """Become the one who ends a run whose shards are all done; None if there is nothing to end,
    or if another one does. Like planning it is a pass over all customers."""
    claimed = db.execute(
        f"UPDATE run SET plan_lease_ms = {clock()} + %s + (SELECT customers / %s FROM tenant"
        " WHERE tenant.id = run.tenant_id)"
        f" WHERE id = %s AND status = 'running' AND planned AND {_ALL_DONE}"
        f" AND plan_lease_ms < {clock()}",
        (lease_ms, PLANNED_CUSTOMERS_PER_MS, run_id),
    )
    return by_id(run_id) if claimed else None


def leave_end(run_id: int) -> None:
    """Let others end the run at once."""
    db.execute("UPDATE run SET plan_lease_ms = 0 WHERE id = %s AND status = 'running'", (run_id,))


def finish(run: Run, overview: str) -> bool:
    """End a run whose shards are all done, and store what it has found; False when it had ended
    already."""
    return _end(
        run.id,
        f"UPDATE run SET status = 'finished', finished_ms = {clock()}, overview = %s, total ="
        " (SELECT COALESCE(SUM(computed + errors), 0) FROM shard WHERE run_id = run.id)"
        f" WHERE id = %s AND status = 'running' AND planned AND {_ALL_DONE}",
        (overview, run.id),
    )


def save_leaders(run: Run, leaders: Sequence[tuple[str, str, Any]]) -> bool:
    """Store who leads each list after a run; False when they are of no use any more: another run
    has started since, or the tenant was deleted."""
    with db.transaction():
        last = db.rows(
            "SELECT 1 FROM run WHERE id = %s AND NOT EXISTS (SELECT 1 FROM run other"
            " WHERE other.tenant_id = run.tenant_id AND other.id > run.id"
            f" AND other.started_ms IS NOT NULL){row_lock('KEY SHARE OF run')}",
            (run.id,),
        )
        if last:
            listing.save_leaders(run.tenant_id, run.id, leaders)
    return bool(last)


def overviews(tenant_id: int, before_id: int | None, limit: int) -> list[tuple[Run, str]]:
    """The tenant's finished full runs with what they found, the latest first."""
    return _overviews(tenant_id, "AND segment IS NULL", before_id, limit)


def last_overview(tenant_id: int) -> tuple[Run, str] | None:
    """The tenant's last finished run, full or of a segment, with what it found."""
    found = _overviews(tenant_id, "", None, 1)
    return found[0] if found else None


def close(run_id: int, status: str, message: str) -> bool:
    """End an active run as failed or cancelled; False when it had ended already."""
    return _end(
        run_id,
        f"UPDATE run SET status = %s, finished_ms = {clock()}, message = %s"
        " WHERE id = %s AND status IN ('queued', 'running')",
        (status, message, run_id),
    )


def queued_of_tenant(tenant_id: int) -> int | None:
    """The id of the tenant's queued run, if there is one."""
    found = db.row("SELECT id FROM run WHERE tenant_id = %s AND status = 'queued'", (tenant_id,))
    return found[0] if found else None


def _end(run_id: int, sql: str, params: tuple) -> bool:
    with db.transaction():
        ended = db.execute(sql, params) == 1
        if ended:
            tally.add(run_id)
    return ended


def _overviews(
    tenant_id: int, condition: str, before_id: int | None, limit: int
) -> list[tuple[Run, str]]:
    found = db.rows(
        f"SELECT overview, {_RUN} FROM run WHERE tenant_id = %s AND id < %s {condition}"
        " AND status = 'finished' AND overview IS NOT NULL ORDER BY id DESC LIMIT %s",
        (tenant_id, before_id if before_id is not None else LAST_ID, limit),
    )
    return [(Run(*run), overview) for overview, *run in found]


def _active(condition: str, run_id: int | None) -> list[int]:
    sql = f"SELECT id FROM run WHERE status IN ('queued', 'running') AND {condition}"
    if run_id is None:
        return [found[0] for found in db.rows(f"{sql} ORDER BY id")]
    return [found[0] for found in db.rows(f"{sql} AND id = %s", (run_id,))]


_ADVANCE = (
    "UPDATE shard SET cursor = %s, done = %s, computed = computed + %s, errors = errors + %s,"
    " lease_ms = {clock} + %s, stuck = 0"
    " WHERE id = %s AND attempt = %s AND cursor = %s AND NOT done"
)
_UNCHANGED_RUN = "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND erasures = %s"
# One round trip: lock the run, advance the shard if that held, write if that held.
_COMMIT = (
    f"WITH fence AS ({_UNCHANGED_RUN} FOR SHARE),"
    f" step AS ({_ADVANCE} AND EXISTS (SELECT 1 FROM fence) RETURNING 1),"
    f" {records.WRITE_ARRAYS.format(run='%s', where='WHERE EXISTS (SELECT 1 FROM step)')}"
    # A crash of the server may lose the last chunks, cursor and records together, and nothing
    # after a run's end: its commit waits for the disk, and with it all earlier ones.
    " SELECT COUNT(*), set_config('synchronous_commit', 'off', true) FROM step"
)


def _commit_on_sqlite(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    if not db.rows(_UNCHANGED_RUN, (run.id, run.erasures)):
        return False
    if db.execute(_ADVANCE.format(clock=clock()), (*step, *fence)) != 1:
        return False
    records.upsert_each(run.tenant_id, run.id, chunk.scores)
    return True


def _commit_on_postgresql(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    parameters = (run.id, run.erasures, *step, *fence, run.tenant_id, run.id)
    parameters += tuple(records.arrays(chunk.scores))
    return db.value(_COMMIT.format(clock=clock()), parameters) == 1
