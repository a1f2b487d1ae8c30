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
from clv.db.clock import clock, now_ms
from clv.db.dialect import row_lock
from clv.errors import NotFound, Unavailable
from clv.store import listing, run_tally

ACTIVE = ("queued", "running")
# Attempts at a plan or at a shard without any progress; then the run fails.
MAX_ATTEMPTS = 3
# Planning reads some 400 customers a millisecond, and 100 with what the calibrated model needs; a
# slow machine gets eight times as long.
PLANNED_CUSTOMERS_PER_MS = 50
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
            run_tally.add(run_id)
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
