"""Snapshots: a tenant's stored distribution, and the lease on building the next one."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from clv import db
from clv.db.clock import latest_sql, now_sql
from clv.domain.distribution import Distribution, from_bytes, to_bytes
from clv.domain.settings import ScoreSettings, from_stored
from clv.prediction import choice
from clv.prediction.choice import Calibration

# How long a killed builder blocks others. Building takes seconds for a million customers.
LEASE_MS = 60_000
# Snapshots that a process caches, of at most 80 KB each.
CACHED = 32
# A snapshot that lies ahead of the clock is nobody's current one.
_OF_TENANT = "FROM tenant t JOIN snapshot s ON s.id = t.snapshot_id WHERE t.id = %s"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tenant's distribution, as of a run or a single computation.

    :param tenant_customers: the tenant's customers then, including those who can't be scored
    :param settings: those with which the percentiles were computed
    :param calibration: what the last full run decided about the models; None before the first
    """

    id: int
    tenant_customers: int
    distribution: Distribution
    settings: ScoreSettings
    calibration: Calibration | None = None

    def serving(self, settings: ScoreSettings) -> Calibration:
        """What predicts revenue and churn.

        :param settings: the tenant's
        """
        return choice.serving(settings, self.calibration)


def insert(
    tenant_id: int,
    tenant_customers: int,
    distribution: Distribution,
    settings: ScoreSettings,
    removals: int,
    calibration: Calibration | None = None,
) -> Snapshot:
    """Store a snapshot and make it the tenant's current one, unless that is newer. Snapshots that
    are no longer needed are deleted. Inside the caller's transaction.

    :param removals: the tenant's latest removal when its customers were read
    :param calibration: None to keep that of the tenant's current snapshot
    """
    decided, calibration = calibration, calibration or current_calibration(tenant_id)
    snapshot_id = _insert(
        tenant_id, tenant_customers, distribution, settings, removals, calibration
    )
    if not _make_current(tenant_id, snapshot_id, distribution.as_of_ms) and decided is not None:
        _hand_on(tenant_id, decided)
    _delete_unneeded(tenant_id, snapshot_id)
    return Snapshot(snapshot_id, tenant_customers, distribution, settings, calibration)


def current_id(tenant_id: int) -> int | None:
    """The id of the tenant's current snapshot, if it has one."""
    row = db.row(f"SELECT s.id {_current()}", (tenant_id,))
    return row[0] if row else None


def drop_current(tenant_id: int) -> None:
    """Leave the tenant without a current snapshot."""
    db.execute("UPDATE tenant SET snapshot_id = NULL WHERE id = %s", (tenant_id,))


def current(tenant_id: int) -> Snapshot | None:
    """The tenant's current snapshot, if it has one."""
    row = db.quick_row(
        f"SELECT s.id, s.tenant_id, s.as_of_ms, s.p25, s.p75 {_current()}", (tenant_id,)
    )
    return None if row is None else _cached(*row)


def current_calibration(tenant_id: int) -> Calibration | None:
    """What the tenant's last full run decided about the models, if there was one."""
    row = db.row(f"SELECT s.calibration {_current()}", (tenant_id,))
    return choice.from_json(row[0]) if row and row[0] else None


def load(snapshot_id: int) -> Snapshot | None:
    """A stored snapshot; None if it was deleted meanwhile."""
    row = db.row(
        "SELECT settings, tenant_customers, calibration, breakpoints, as_of_ms, customers, p25, p75"
        " FROM snapshot WHERE id = %s",
        (snapshot_id,),
    )
    if row is None:
        return None
    settings, tenant_customers, calibration, blob, *numbers = row
    distribution = from_bytes(bytes(blob), *numbers)
    return Snapshot(
        snapshot_id,
        tenant_customers,
        distribution,
        from_stored(json.loads(settings)),
        choice.from_json(calibration) if calibration else None,
    )


def of_record(tenant_id: int, customer_id: str) -> Snapshot | None:
    """The snapshot of the run that computed a customer's record, if it is still stored. Another one
    may have got its id since."""
    row = db.row(
        "SELECT s.id, s.tenant_id, s.as_of_ms, s.p25, s.p75 FROM clv_record r"
        " JOIN run ON run.id = r.run_id JOIN snapshot s ON s.id = run.snapshot_id"
        " WHERE r.tenant_id = %s AND r.customer_id = %s AND s.tenant_id = r.tenant_id",
        (tenant_id, customer_id),
    )
    return None if row is None else _cached(*row)


def take_lease(tenant_id: int) -> int | None:
    """Claim the building of the tenant's snapshot: the lease to give back, or None if somebody
    else has it."""
    taken = db.row(
        f"UPDATE tenant SET snapshot_lease_ms = {now_sql()} + %s WHERE id = %s"
        f" AND (snapshot_lease_ms < {now_sql()} OR snapshot_lease_ms > {now_sql()} + %s)"
        " RETURNING snapshot_lease_ms",
        (LEASE_MS, tenant_id, LEASE_MS),
    )
    return taken[0] if taken else None


def is_leased_ahead(tenant_id: int) -> bool:
    """Whether the lease lies further ahead than it is long, so that whoever asks may take it."""
    ahead = f"SELECT 1 FROM tenant WHERE id = %s AND snapshot_lease_ms > {now_sql()} + %s"
    return db.row(ahead, (tenant_id, LEASE_MS)) is not None


def give_lease_back(tenant_id: int, lease: int) -> None:
    """Let others build at once. Does nothing if the lease has expired and another one has it."""
    db.execute(
        "UPDATE tenant SET snapshot_lease_ms = 0 WHERE id = %s AND snapshot_lease_ms = %s",
        (tenant_id, lease),
    )


def _current() -> str:
    return f"{_OF_TENANT} AND s.as_of_ms <= {latest_sql()}"


def _insert(
    tenant_id: int,
    tenant_customers: int,
    distribution: Distribution,
    settings: ScoreSettings,
    removals: int,
    calibration: Calibration | None,
) -> int:
    return db.value(
        "INSERT INTO snapshot (tenant_id, tenant_customers, as_of_ms, customers, p25, p75,"
        " breakpoints, settings, removals, calibration)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            tenant_id,
            tenant_customers,
            distribution.as_of_ms,
            distribution.customers,
            distribution.p25,
            distribution.p75,
            to_bytes(distribution),
            json.dumps(asdict(settings)),
            removals,
            None if calibration is None else calibration.to_json(),
        ),
    )


def _make_current(tenant_id: int, snapshot_id: int, as_of_ms: int) -> bool:
    """Make a snapshot the tenant's current one; False if that is newer."""
    made = db.execute(
        "UPDATE tenant SET snapshot_id = %s WHERE id = %s AND NOT EXISTS"
        " (SELECT 1 FROM snapshot WHERE id = tenant.snapshot_id"
        f" AND as_of_ms > %s AND as_of_ms <= {latest_sql()})",
        (snapshot_id, tenant_id, as_of_ms),
    )
    return made == 1


def _hand_on(tenant_id: int, calibration: Calibration) -> None:
    """Give the current snapshot what a full run decided that began before it was built. A snapshot
    never changes: a copy of it becomes the current one."""
    same = "tenant_id, tenant_customers, as_of_ms, customers, p25, p75, breakpoints, settings"
    copy = db.value(
        f"INSERT INTO snapshot ({same}, removals, calibration) SELECT {same}, removals, %s"
        " FROM snapshot WHERE id = (SELECT snapshot_id FROM tenant WHERE id = %s) RETURNING id",
        (calibration.to_json(), tenant_id),
    )
    db.execute("UPDATE tenant SET snapshot_id = %s WHERE id = %s", (copy, tenant_id))


def _delete_unneeded(tenant_id: int, snapshot_id: int) -> None:
    """Delete all snapshots but this one, the current one, and those of running runs."""
    db.execute(
        "DELETE FROM snapshot WHERE tenant_id = %s AND id <> %s"
        " AND id <> (SELECT snapshot_id FROM tenant WHERE id = snapshot.tenant_id)"
        " AND NOT EXISTS (SELECT 1 FROM run WHERE run.snapshot_id = snapshot.id"
        " AND run.status = 'running')",
        (tenant_id, snapshot_id),
    )


@lru_cache(maxsize=CACHED)
def _cached(snapshot_id: int, *identity: float) -> Snapshot | None:
    """A snapshot by its id and some of its values: it never changes, but after it was deleted
    another one may get its id."""
    return load(snapshot_id)
