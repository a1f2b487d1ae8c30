"""What is due, whoever looks: nightly runs, runs that nobody works on, and runs that must end."""

from clv import db
from clv.db.clock import latest_sql, now_sql
from clv.store.attempts import is_known_sql
from clv.store.runs import ALL_DONE, IS_ACTIVE, join_or_create


def start_nightly(due_ms: int, latest_ms: int, deadline_ms: int) -> list[int]:
    """Queue the nightly run of each tenant without one since ``due_ms``; return these tenants.

    :param latest_ms: a night after this was stored while the clock was ahead
    """
    due = "(nightly_ms < %s OR nightly_ms > %s)"
    since = (due_ms, latest_ms)
    started = []
    for (tenant_id,) in db.rows(f"SELECT id FROM tenant WHERE {due} ORDER BY id", since):
        with db.transaction():
            if db.execute(
                f"UPDATE tenant SET nightly_ms = %s WHERE id = %s AND {due}",
                (due_ms, tenant_id, *since),
            ):
                join_or_create(tenant_id, None, "schedule", deadline_ms)
                started.append(tenant_id)
    return started


def needing_work(run_id: int | None = None) -> list[tuple[int, int]]:
    """The runs that a worker could advance, each with its tenant: one of their shards, the plan or
    the end is free, or they are queued while no other run of the tenant is running. Those that a
    newer version planned are left to it.

    :param run_id: ask only about this run
    """
    return _active(
        "id, tenant_id",
        "run",
        f"{is_known_sql()} AND ((status = 'queued' AND NOT EXISTS (SELECT 1 FROM run other"
        " WHERE other.tenant_id = run.tenant_id AND other.status = 'running'))"
        f" OR (status = 'running' AND NOT planned AND plan_lease_ms < {now_sql()})"
        " OR (status = 'running' AND planned AND (EXISTS (SELECT 1 FROM shard"
        f" WHERE shard.run_id = run.id AND NOT shard.done AND shard.lease_ms < {now_sql()})"
        f" OR ({ALL_DONE} AND plan_lease_ms < {now_sql()}))))",
        run_id,
    )


def overdue(run_id: int | None = None) -> list[int]:
    """The active runs that are past their deadlines.

    :param run_id: ask only about this run
    """
    return active_ids("run", f"deadline_ms < {now_sql()}", run_id)


def dated_ahead(run_id: int | None = None) -> list[int]:
    """The active runs that were created, started or planned while the clock was ahead. Their
    deadlines and scores would be as wrong.

    :param run_id: ask only about this run
    """
    return active_ids(
        "run",
        f"(created_ms > {latest_sql()} OR started_ms > {latest_sql()} OR EXISTS (SELECT 1"
        f" FROM snapshot WHERE snapshot.id = run.snapshot_id AND as_of_ms > {latest_sql()}))",
        run_id,
    )


def active_ids(table: str, condition: str, only_id: int | None) -> list[int]:
    """The active rows of ``run`` or ``backtest`` that meet a condition, or the one with this id."""
    return [active_id for (active_id,) in _active("id", table, condition, only_id)]


def _active(columns: str, table: str, condition: str, only_id: int | None) -> list[tuple]:
    sql = f"SELECT {columns} FROM {table} WHERE {IS_ACTIVE} AND {condition}"
    if only_id is None:
        return db.rows(f"{sql} ORDER BY id")
    return db.rows(f"{sql} AND id = %s", (only_id,))
