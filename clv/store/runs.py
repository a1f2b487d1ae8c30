"""Batch runs, from queued to ended. Each step is a compare-and-set: of several processes that try
it at once, one succeeds.

Each function is one transaction. Status and counters are only ever read from the database, and
fencing tokens (``attempt``, ``plan_attempt``) keep a worker that was taken for dead from writing
after another one took over. :mod:`clv.store.plans` and :mod:`clv.store.shards` have the steps
within a run.
"""

import uuid
from dataclasses import dataclass

from peewee import IntegrityError

from clv import db
from clv.db.clock import latest_sql, now_ms, now_sql
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import NotFound, Unavailable
from clv.store import attempts, run_tally

ACTIVE = ("queued", "running")
# The same in SQL, of runs and of backtests.
IS_ACTIVE = "status IN ('queued', 'running')"
# A run fails after this many attempts at its plan or at one shard without any progress.
MAX_ATTEMPTS = 3
# The speed that the lease of planning a run assumes: one pass over all customers. About 400 is
# usual; a machine may be eight times slower.
PLANNED_CUSTOMERS_PER_MS = 50
# The same of ending a run, which takes two passes.
_ENDED_CUSTOMERS_PER_MS = 25
# Joining and creating both fail if a queued run starts, and the next one is queued, in between.
JOIN_ATTEMPTS = 20
NO_SUCH_JOB = "There is no job with this id."

_SUM_OF = "(SELECT CAST(COALESCE(SUM({0}), 0) AS BIGINT) FROM shard WHERE run_id = run.id)"
# SET: a run's sums, when its shards are deleted.
TAKE_SUMS = f"computed = {_SUM_OF.format('computed')}, errors = {_SUM_OF.format('errors')}"
_RUN = (
    "run.id, run.job_id, run.tenant_id, run.segment, run.status, run.requested_by,"
    " run.created_ms, run.started_ms, run.as_of_ms, run.finished_ms, run.total, run.message,"
    " run.snapshot_id, run.planned, run.erasures, run.suggested_days,"
    f" COALESCE(run.computed, {_SUM_OF.format('computed')}),"
    f" COALESCE(run.errors, {_SUM_OF.format('errors')})"
)

ALL_DONE = "NOT EXISTS (SELECT 1 FROM shard WHERE shard.run_id = run.id AND NOT shard.done)"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored; ``computed`` and ``errors`` are sums over its shards, or were when it
    ended."""

    id: int
    job_id: str
    tenant_id: int
    segment: str | None
    status: str
    requested_by: str
    created_ms: int
    started_ms: int | None
    as_of_ms: int | None
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
    """The tenant's queued run, and whether this call created it.

    A tenant has at most one: a request joins it, and a run whose requests ask for different
    segments covers all customers.

    :raises Unavailable: when others start and end the tenant's runs too fast
    """
    for _ in range(JOIN_ATTEMPTS):
        with db.transaction():
            if (joined := _join(tenant_id, segment)) is not None:
                return by_id(joined), False
            created = _create(tenant_id, segment, requested_by, deadline_ms)
            if created is not None:
                return by_id(created), True
    raise Unavailable("Other requests start and end runs of this tenant all the time. Try again.")


def by_id(run_id: int) -> Run:
    """The run with this internal id.

    :raises NotFound: when it was deleted meanwhile
    """
    row = db.row(f"SELECT {_RUN} FROM run WHERE id = %s", (run_id,))
    if row is None:
        raise NotFound("The run does not exist any more.")
    return Run(*row)


def by_job_id(tenant_id: int, job_id: str) -> Run:
    """The tenant's run with this public id.

    :raises NotFound: when the tenant has no such run
    """
    row = db.row(
        f"SELECT {_RUN} FROM run WHERE job_id = %s AND tenant_id = %s", (job_id, tenant_id)
    )
    if row is None:
        raise NotFound(NO_SUCH_JOB)
    return Run(*row)


def page(tenant_id: int, before_id: int | None, limit: int) -> list[Run]:
    """The tenant's runs, newest first.

    :param before_id: the last run of the previous page; None for the first page
    """
    rows = db.rows(
        f"SELECT {_RUN} FROM run WHERE tenant_id = %s AND id < %s ORDER BY id DESC LIMIT %s",
        (tenant_id, MAX_STORED_INTEGER if before_id is None else before_id, limit),
    )
    return [Run(*row) for row in rows]


def errors_page(run_id: int, after: str, limit: int) -> list[tuple[str, str]]:
    """The ids of customers that a run could not compute, in their order, with the reasons."""
    return db.rows(
        "SELECT customer_id, message FROM run_error"
        " WHERE run_id = %s AND customer_id > %s ORDER BY customer_id LIMIT %s",
        (run_id, after, limit),
    )


def start(run_id: int) -> bool:
    """Start a queued run unless another one of the tenant is running; return whether it started."""
    try:
        started = db.execute(
            f"UPDATE run SET status = 'running', started_ms = {now_sql()}"
            " WHERE id = %s AND status = 'queued' AND NOT EXISTS (SELECT 1 FROM run other"
            " WHERE other.tenant_id = run.tenant_id AND other.status = 'running')",
            (run_id,),
        )
    except IntegrityError:
        return False
    return started == 1


def claim_end(run_id: int, lease_ms: int) -> Run | None:
    """Claim the end of a run whose shards are all done; None if there is nothing to claim. Like
    planning, ending a run passes over all customers and can't renew its lease. However often it
    fails, the run goes on until its deadline: everybody is computed."""
    claimed = db.execute(
        "UPDATE run SET plan_attempt = plan_attempt + 1,"
        f" plan_lease_ms = {now_sql()} + {attempts.claim_sql('plan_attempt + 1', lease_ms)}"
        " + (SELECT customers / %s FROM tenant WHERE tenant.id = run.tenant_id)"
        f" WHERE id = %s AND status = 'running' AND planned AND {ALL_DONE}"
        f" AND {attempts.is_known_sql()} AND plan_lease_ms < {now_sql()}",
        (_ENDED_CUSTOMERS_PER_MS, run_id),
    )
    return by_id(run_id) if claimed else None


def leave_end(run_id: int) -> None:
    """Give the claimed end of a run up; others may claim it after a pause."""
    db.execute(
        f"UPDATE run SET plan_lease_ms = {now_sql()} + {attempts.pause_sql('plan_attempt')}"
        " WHERE id = %s AND status = 'running'",
        (run_id,),
    )


def finish(run: Run, overview: str) -> bool:
    """End a run whose shards are all done.

    :param overview: JSON: what the tenant's customers add up to
    :returns: False if it had ended already
    """
    return _end(
        run.id,
        f"UPDATE run SET status = 'finished', finished_ms = {now_sql()}, overview = %s, total ="
        " (SELECT COALESCE(SUM(computed + errors), 0) FROM shard WHERE run_id = run.id)"
        f" WHERE id = %s AND status = 'running' AND planned AND {ALL_DONE}",
        (overview, run.id),
    )


def overviews(tenant_id: int, before_id: int | None, limit: int) -> list[tuple[Run, str]]:
    """The tenant's finished full runs with their overviews, newest first.

    :param before_id: the last run of the previous page; None for the first page
    """
    return _overviews(tenant_id, "AND segment IS NULL", before_id, limit)


def last_overview(tenant_id: int) -> tuple[Run, str] | None:
    """The tenant's last finished run, full or of a segment, with its overview."""
    newest = _overviews(tenant_id, "", None, 1)
    return newest[0] if newest else None


def close(run_id: int, status: str, message: str) -> bool:
    """End an active run as failed or cancelled; return False if it had ended already."""
    return _end(
        run_id,
        f"UPDATE run SET status = %s, finished_ms = {now_sql()}, message = %s"
        f" WHERE id = %s AND {IS_ACTIVE}",
        (status, message, run_id),
    )


def settle(run_id: int) -> None:
    """Count a run that was just ended, and keep of its shards nothing but their sums: the bounds
    are ids of customers. In the transaction that ends it, after which no chunk is written."""
    # Not in the statement that ends it: one that has waited for a chunk does not see what it wrote.
    db.execute(f"UPDATE run SET {TAKE_SUMS} WHERE id = %s", (run_id,))
    db.execute("DELETE FROM shard WHERE run_id = %s", (run_id,))
    run_tally.add(run_id)


def queued_of_tenant(tenant_id: int) -> int | None:
    """The id of the tenant's queued run, if there is one."""
    row = db.row("SELECT id FROM run WHERE tenant_id = %s AND status = 'queued'", (tenant_id,))
    return row[0] if row else None


def active_of_tenant(tenant_id: int) -> int | None:
    """The id of the tenant's running run, or else of its queued one."""
    row = db.row(
        f"SELECT id FROM run WHERE tenant_id = %s AND {IS_ACTIVE}"
        " ORDER BY CASE status WHEN 'running' THEN 0 ELSE 1 END LIMIT 1",
        (tenant_id,),
    )
    return row[0] if row else None


def _join(tenant_id: int, segment: str | None) -> int | None:
    joined = db.row(
        "UPDATE run SET segment = CASE WHEN segment = %s THEN segment ELSE NULL END"
        " WHERE tenant_id = %s AND status = 'queued' RETURNING id",
        (segment, tenant_id),
    )
    return joined[0] if joined else None


def _create(tenant_id: int, segment: str | None, requested_by: str, deadline_ms: int) -> int | None:
    now = now_ms()
    created = db.row(
        "INSERT INTO run (job_id, tenant_id, segment, status, requested_by, created_ms,"
        " deadline_ms, planned, plan_attempt, plan_lease_ms, erasures)"
        " VALUES (%s, %s, %s, 'queued', %s, %s, %s, %s, 0, 0, 0)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (str(uuid.uuid4()), tenant_id, segment, requested_by, now, now + deadline_ms, False),
    )
    return created[0] if created else None


def _end(run_id: int, sql: str, params: tuple) -> bool:
    with db.transaction():
        ended = db.execute(sql, params) == 1
        if ended:
            settle(run_id)
    return ended


def _overviews(
    tenant_id: int, condition: str, before_id: int | None, limit: int
) -> list[tuple[Run, str]]:
    # Runs that ran while the clock was ahead would seem the latest for as long as it was.
    rows = db.rows(
        f"SELECT overview, {_RUN} FROM run WHERE tenant_id = %s AND id < %s {condition}"
        " AND status = 'finished' AND overview IS NOT NULL"
        f" AND started_ms <= {latest_sql()} AND finished_ms <= {latest_sql()}"
        " ORDER BY id DESC LIMIT %s",
        (tenant_id, MAX_STORED_INTEGER if before_id is None else before_id, limit),
    )
    return [(Run(*run), overview) for overview, *run in rows]
