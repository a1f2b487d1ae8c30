"""Snapshots: a tenant's stored distribution, and the lease of who builds the next one."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from clv import db
from clv.db.clock import now_sql
from clv.domain.distribution import Distribution, from_bytes, to_bytes
from clv.domain.settings import ScoreSettings
from clv.prediction import calibrated
from clv.prediction.btyd import Parameters
from clv.prediction.calibrated import Calibration

# A build takes seconds at a million customers; a killed builder blocks others this long.
LEASE_MS = 60_000
# So many a process remembers, of at most 80 KB each.
KNOWN = 32
_CURRENT = (
    "SELECT s.id, s.tenant_id, s.as_of_ms, s.p25, s.p75 FROM tenant t"
    " JOIN snapshot s ON s.id = t.snapshot_id WHERE t.id = %s"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A distribution, the settings that its percentiles were made with, the number of the
    tenant's customers when it was stored, those who can't be scored included, and what the last
    full run until then found out about the calibrated model (None before the first)."""

    id: int
    tenant_customers: int
    distribution: Distribution
    settings: ScoreSettings
    calibration: Calibration | None = None

    def parameters(self, settings: ScoreSettings) -> Parameters | None:
        """Those of the calibrated model, where it serves; else rfm does.

        :param settings: the tenant's
        """
        return calibrated.serving(settings, self.calibration).parameters


def insert(
    tenant_id: int,
    tenant_customers: int,
    distribution: Distribution,
    settings: ScoreSettings,
    calibration: Calibration | None = None,
) -> Snapshot:
    """Store a snapshot, inside the caller's transaction, and make it the tenant's current one
    unless that is newer. Snapshots that nothing needs any more are deleted.

    :param calibration: None to keep that of the tenant's current snapshot
    """
    calibration = calibration or current_calibration(tenant_id)
    snapshot_id = db.value(
        "INSERT INTO snapshot (tenant_id, tenant_customers, as_of_ms, customers, p25, p75,"
        " breakpoints, settings, calibration)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            tenant_id,
            tenant_customers,
            distribution.as_of_ms,
            distribution.customers,
            distribution.p25,
            distribution.p75,
            to_bytes(distribution),
            json.dumps(asdict(settings)),
            None if calibration is None else calibration.to_json(),
        ),
    )
    db.execute(
        "UPDATE tenant SET snapshot_id = %s WHERE id = %s AND NOT EXISTS"
        " (SELECT 1 FROM snapshot WHERE id = tenant.snapshot_id AND as_of_ms > %s)",
        (snapshot_id, tenant_id, distribution.as_of_ms),
    )
    db.execute(
        "DELETE FROM snapshot WHERE tenant_id = %s AND id <> %s"
        " AND id <> (SELECT snapshot_id FROM tenant WHERE id = snapshot.tenant_id)"
        " AND NOT EXISTS (SELECT 1 FROM run WHERE run.snapshot_id = snapshot.id"
        " AND run.status = 'running')",
        (tenant_id, snapshot_id),
    )
    return Snapshot(snapshot_id, tenant_customers, distribution, settings, calibration)


def current_id(tenant_id: int) -> int | None:
    """The id of the tenant's current snapshot, if it has one."""
    return db.value("SELECT snapshot_id FROM tenant WHERE id = %s", (tenant_id,))


def current(tenant_id: int) -> Snapshot | None:
    """The tenant's current snapshot, if it has one."""
    found = db.quick_row(_CURRENT, (tenant_id,))
    return None if found is None else _known(*found)


@lru_cache(maxsize=KNOWN)
def _known(snapshot_id: int, *identity: float) -> Snapshot | None:
    """A snapshot never changes; but when it was deleted, another one may get its id."""
    return load(snapshot_id)


def current_calibration(tenant_id: int) -> Calibration | None:
    """What the tenant's last full run found out about the calibrated model, if there was one."""
    found = db.row(
        "SELECT calibration FROM snapshot"
        " WHERE id = (SELECT snapshot_id FROM tenant WHERE id = %s)",
        (tenant_id,),
    )
    return calibrated.from_json(found[0]) if found and found[0] else None


def load(snapshot_id: int) -> Snapshot | None:
    """A stored snapshot, or None when it was deleted meanwhile."""
    found = db.row(
        "SELECT settings, tenant_customers, calibration, breakpoints, as_of_ms, customers, p25, p75"
        " FROM snapshot WHERE id = %s",
        (snapshot_id,),
    )
    if found is None:
        return None
    settings, tenant_customers, calibration, blob, *numbers = found
    distribution = from_bytes(bytes(blob), *numbers)
    return Snapshot(
        snapshot_id,
        tenant_customers,
        distribution,
        ScoreSettings(**json.loads(settings)),
        calibrated.from_json(calibration) if calibration else None,
    )


def take_lease(tenant_id: int) -> int | None:
    """Become the tenant's one builder: the lease to give back, or None if somebody else is."""
    taken = db.row(
        f"UPDATE tenant SET snapshot_lease_ms = {now_sql()} + %s"
        f" WHERE id = %s AND snapshot_lease_ms < {now_sql()} RETURNING snapshot_lease_ms",
        (LEASE_MS, tenant_id),
    )
    return taken[0] if taken else None


def give_lease_back(tenant_id: int, lease: int) -> None:
    """Let others build at once, unless the lease ran out and another one builds already."""
    db.execute(
        "UPDATE tenant SET snapshot_lease_ms = 0 WHERE id = %s AND snapshot_lease_ms = %s",
        (tenant_id, lease),
    )
