"""The plan of a run: who makes it, and what it says."""

from collections.abc import Sequence

from clv import db
from clv.db.clock import clock
from clv.db.dialect import row_lock
from clv.domain.distribution import Distribution
from clv.domain.settings import ScoreSettings
from clv.prediction.calibrated import Calibration
from clv.store import snapshots
from clv.store.runs import PLANNED_CUSTOMERS_PER_MS, Run
from clv.store.tenants import lock_tenant

CALIBRATED_CUSTOMERS_PER_MS = 12


_PLANNING_MS = (
    f"(SELECT customers / CASE model WHEN 'rfm' THEN {PLANNED_CUSTOMERS_PER_MS}"
    f" ELSE {CALIBRATED_CUSTOMERS_PER_MS} END FROM tenant WHERE tenant.id = run.tenant_id)"
)


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
