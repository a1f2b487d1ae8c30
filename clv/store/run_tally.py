"""What the runs of all tenants have done, for monitoring."""

from dataclasses import dataclass, fields

from clv import db
from clv.db.clock import latest_sql, now_ms

# How a run may end.
ENDS = ("finished", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Ended:
    """All runs that ended with this status, added up."""

    status: str
    runs: int
    computed: int
    errors: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class FullRunAges:
    """How long ago the tenants' last full runs finished.

    :param oldest_ms: the longest time
    :param stale: the number of tenants for whom it is too long
    """

    tenants: int
    oldest_ms: int
    stale: int


def add(run_id: int) -> None:
    """Count a run, in the transaction that ends it."""
    db.execute(
        "INSERT INTO run_tally (status, runs, computed, errors, duration_ms)"
        " SELECT status, 1, computed, errors,"
        # Negative when the clock was ahead in between.
        " CASE WHEN finished_ms > started_ms THEN finished_ms - started_ms ELSE 0 END"
        " FROM run WHERE id = %s"
        " ON CONFLICT (status) DO UPDATE SET runs = run_tally.runs + 1,"
        " computed = run_tally.computed + excluded.computed,"
        " errors = run_tally.errors + excluded.errors,"
        " duration_ms = run_tally.duration_ms + excluded.duration_ms",
        (run_id,),
    )


def ended() -> list[Ended]:
    """All ended runs by status, since the service was set up and including deleted ones. Each
    status is there before its first run: in Prometheus a series that begins with 1 has not
    increased, and the first failure would not be noticed."""
    zeros = {status: Ended(status, 0, 0, 0, 0) for status in ENDS}
    columns = ", ".join(field.name for field in fields(Ended))
    rows = db.rows(f"SELECT {columns} FROM run_tally")
    return list((zeros | {row[0]: Ended(*row) for row in rows}).values())


def active() -> dict[str, tuple[int, int]]:
    """The number of ``queued`` and of ``running`` runs, and for how many milliseconds the oldest
    one has been queued or running."""
    now = now_ms()
    since = {"queued": "created_ms", "running": "started_ms"}
    rows = {
        status: db.rows(f"SELECT COUNT(*), MIN({began}) FROM run WHERE status = '{status}'")[0]
        for status, began in since.items()
    }
    return {
        status: (count, 0 if first is None else max(0, now - first))
        for status, (count, first) in rows.items()
    }


def full_runs(stale_ms: int) -> FullRunAges:
    """The ages of the last finished full runs of the tenants with customers. A tenant without such
    a run counts with its own age, and a run that is dated ahead of the clock does not count.

    :param stale_ms: an age that is too old
    """
    now = now_ms()
    ages = [
        max(0, now - last)
        for (last,) in db.rows(
            "SELECT COALESCE((SELECT finished_ms FROM run WHERE tenant_id = tenant.id"
            " AND status = 'finished' AND segment IS NULL"
            f" AND started_ms <= {latest_sql()} AND finished_ms <= {latest_sql()}"
            " ORDER BY id DESC LIMIT 1), created_ms)"
            " FROM tenant WHERE customers > 0"
        )
    ]
    return FullRunAges(len(ages), max(ages, default=0), sum(age > stale_ms for age in ages))
