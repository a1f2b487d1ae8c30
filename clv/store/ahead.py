"""Stored times that lie ahead of the database's clock: by more than 5 minutes, or leases by more
than they are long. They were stored while the clock was wrong, and are not believed. Each query
that compares a time leaves those out; here they are looked for, and leases are dropped."""

from clv import db
from clv.db.clock import latest_sql, now_sql
from clv.store.attempts import LONGEST_PAUSE_MS
from clv.store.backtests import CUSTOMERS_PER_MS
from clv.store.plans import CALIBRATED_CUSTOMERS_PER_MS

# The largest LEASE_SECONDS.
LONGEST_LEASE_MS = 600_000


def of_tenant(tenant_id: int) -> list[str]:
    """What the tenant has that lies ahead: ``records``, ``snapshot``, ``run`` (the last one that
    finished), ``data``. A full run corrects all of them."""
    latest = latest_sql()
    kinds = {
        "records": _records_ahead(tenant_id),
        "snapshot": f"SELECT 1 FROM snapshot WHERE tenant_id = %s AND as_of_ms > {latest}",
        "run": "SELECT 1 FROM (SELECT started_ms, finished_ms FROM run WHERE tenant_id = %s"
        " AND status = 'finished' ORDER BY id DESC LIMIT 1) ended"
        f" WHERE started_ms > {latest} OR finished_ms > {latest}",
        "data": f"SELECT 1 FROM tenant WHERE id = %s AND data_updated_ms > {latest}",
    }
    return [kind for kind, sql in kinds.items() if db.rows(f"{sql} LIMIT 1", (tenant_id,))]


def nightly(latest_ms: int) -> list[int]:
    """The tenants whose last nightly run is dated after this."""
    rows = db.rows("SELECT id FROM tenant WHERE nightly_ms > %s ORDER BY id", (latest_ms,))
    return [tenant_id for (tenant_id,) in rows]


def drop_run_leases(lease_ms: int, run_id: int | None = None) -> list[int]:
    """Drop the leases of running runs that lie further ahead than they are long; return the
    tenants that had one.

    :param lease_ms: how long a lease is; that on a plan or an end grows with the customers
    :param run_id: look at this run alone
    """
    longest_ms = max(lease_ms, LONGEST_PAUSE_MS)
    only, params = ("", ()) if run_id is None else (" AND run.id = %s", (run_id,))
    return _drop(
        "shard",
        "lease_ms",
        "SELECT shard.id, tenant_id, lease_ms FROM shard JOIN run ON run.id = run_id"
        f" WHERE run.status = 'running' AND NOT done AND lease_ms > {now_sql()} + %s{only}",
        (longest_ms, *params),
    ) + _drop(
        "run",
        "plan_lease_ms",
        "SELECT run.id, tenant_id, plan_lease_ms FROM run JOIN tenant ON tenant.id = tenant_id"
        f" WHERE status = 'running' AND plan_lease_ms > {now_sql()} + %s + customers / %s{only}",
        (longest_ms, CALIBRATED_CUSTOMERS_PER_MS, *params),
    )


def drop_backtest_leases(lease_ms: int) -> list[int]:
    """Do likewise with those of backtests."""
    return _drop(
        "backtest",
        "lease_ms",
        "SELECT backtest.id, tenant_id, lease_ms FROM backtest JOIN tenant ON tenant.id = tenant_id"
        f" WHERE status = 'running' AND lease_ms > {now_sql()} + %s + customers / %s",
        (max(lease_ms, LONGEST_PAUSE_MS), CUSTOMERS_PER_MS),
    )


def _records_ahead(tenant_id: int) -> str:
    """The query for records that lie ahead. A look at all of them takes half a second for a
    million, so without a run that was ahead it looks only at those computed singly."""
    latest = latest_sql()
    condition = f"tenant_id = %s AND computed_ms > {latest}"
    was_ahead = f"SELECT 1 FROM run WHERE tenant_id = %s AND started_ms > {latest} LIMIT 1"
    if db.rows(was_ahead, (tenant_id,)):
        return f"SELECT 1 FROM clv_record WHERE {condition}"
    index = " INDEXED BY clv_record_computed_singly" if db.is_sqlite() else ""
    return f"SELECT 1 FROM clv_record{index} WHERE {condition} AND run_id IS NULL"


def _drop(table: str, lease: str, ahead: str, params: tuple) -> list[int]:
    # Read first, without SQLite's write lock: there is hardly ever anything to drop.
    leases = db.rows(ahead, params)
    for row_id, _, seen in leases:
        db.execute(f"UPDATE {table} SET {lease} = 0 WHERE id = %s AND {lease} = %s", (row_id, seen))
    return [tenant_id for _, tenant_id, _ in leases]
