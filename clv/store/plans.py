"""The plan of a run: its snapshot and its shards. One worker at a time makes it."""

from collections.abc import Sequence

from clv import db
from clv.db.clock import latest_sql, now_sql
from clv.db.dialect import row_lock
from clv.domain.distribution import Distribution
from clv.domain.settings import ScoreSettings
from clv.prediction.choice import Calibration
from clv.store import attempts, model_changes, snapshots
from clv.store.runs import PLANNED_CUSTOMERS_PER_MS, Run
from clv.store.tenants import lock_tenant

# The same for a run that may also fit the calibrated model. About 100 is usual.
CALIBRATED_CUSTOMERS_PER_MS = 12
_PLANNING_MS = (
    f"(SELECT customers / CASE model WHEN 'rfm' THEN {PLANNED_CUSTOMERS_PER_MS}"
    f" ELSE {CALIBRATED_CUSTOMERS_PER_MS} END FROM tenant WHERE tenant.id = run.tenant_id)"
)


def claim_plan(run_id: int, lease_ms: int) -> int | None:
    """Claim the plan of a running run: the fencing token, or None if another worker has it.

    Each step of planning is a pass over all customers that can't renew its lease, so the lease
    grows with their number.
    """
    claimed = db.row(
        "UPDATE run SET plan_attempt = plan_attempt + 1,"
        f" plan_lease_ms = {now_sql()} + {_PLANNING_MS}"
        f" + {attempts.claim_sql('plan_attempt + 1', lease_ms)}"
        " WHERE id = %s AND status = 'running' AND NOT planned"
        f" AND plan_lease_ms < {now_sql()} RETURNING plan_attempt",
        (run_id,),
    )
    return claimed[0] if claimed else None


def renew_plan(run_id: int, attempt: int, lease_ms: int) -> bool:
    """Renew the claim on a plan for its next step; False if it is lost."""
    renewed = db.execute(
        f"UPDATE run SET plan_lease_ms = {now_sql()} + %s + {_PLANNING_MS}"
        " WHERE id = %s AND status = 'running' AND NOT planned AND plan_attempt = %s",
        (lease_ms, run_id, attempt),
    )
    return renewed == 1


def leave_plan(run_id: int, attempt: int) -> None:
    """Give the claimed plan up; others may claim it after a pause."""
    db.execute(
        f"UPDATE run SET plan_lease_ms = {now_sql()} + {attempts.pause_sql('plan_attempt')}"
        " WHERE id = %s AND plan_attempt = %s",
        (run_id, attempt),
    )


def save_plan(
    run: Run,
    attempt: int,
    distribution: Distribution | None,
    settings: ScoreSettings,
    total: int,
    bounds: Sequence[str],
    suggested_days: int | None,
    removals: int = 0,
    calibration: Calibration | None = None,
) -> bool:
    """Store a run's plan: its snapshot, which becomes the tenant's current one, and its shards.

    :param distribution: None if the tenant has no scorable customer
    :param bounds: the last customer id of each shard except the last one, which has no end
    :param suggested_days: at-risk days that fit the tenant's data, if any do
    :param removals: the tenant's latest removal when its customers were read
    :param calibration: what a full run decided about the models; None to keep that of the full run
        before
    :returns: False if the claim is lost
    """
    with db.transaction():
        _, customers = lock_tenant(run.tenant_id)
        if not _is_claimed(run.id, attempt):
            return False
        snapshot_id = None
        if distribution is not None:
            if calibration is not None:
                before = snapshots.current_calibration(run.tenant_id)
                model_changes.note(run.tenant_id, before, calibration, distribution.as_of_ms)
            snapshot_id = snapshots.insert(
                run.tenant_id, customers, distribution, settings, removals, calibration
            ).id
        _insert_shards(run.id, bounds)
        as_of_ms = run.started_ms if distribution is None else distribution.as_of_ms
        if run.segment is None:
            _correct_data_time(run.tenant_id, as_of_ms)
        db.execute(
            "UPDATE run SET planned = %s, snapshot_id = %s, as_of_ms = %s, total = %s,"
            " suggested_days = %s, version = %s, plan_lease_ms = 0 WHERE id = %s",
            (True, snapshot_id, as_of_ms, total, suggested_days, db.schema_version(), run.id),
        )
    return True


def _is_claimed(run_id: int, attempt: int) -> bool:
    """Whether the claim still holds; locks the run."""
    claimed = db.rows(
        "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND NOT planned"
        f" AND plan_attempt = %s{row_lock('UPDATE')}",
        (run_id, attempt),
    )
    return bool(claimed)


def _correct_data_time(tenant_id: int, as_of_ms: int | None) -> None:
    """Date the tenant's data as of a full run if they are dated ahead of the clock: the run has
    them all, and they would seem newer than every run for as long as the clock was ahead."""
    db.execute(
        "UPDATE tenant SET data_updated_ms = %s,"
        " revenue_ms = CASE WHEN revenue_ms = data_updated_ms THEN %s ELSE revenue_ms END"
        f" WHERE id = %s AND data_updated_ms > {latest_sql()}",
        (as_of_ms, as_of_ms, tenant_id),
    )


def _insert_shards(run_id: int, bounds: Sequence[str]) -> None:
    ranges = zip(["", *bounds], [*bounds, None], strict=True)
    db.execute_many(
        "INSERT INTO shard (run_id, cursor, until_key, done, computed, errors, attempt,"
        " lease_ms, stuck) VALUES (%s, %s, %s, %s, 0, 0, 0, 0, 0)",
        [(run_id, first, last, False) for first, last in ranges],
    )
