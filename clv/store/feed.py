"""The feed of a tenant: what was written and removed, in numbers that a reader can go on from.

Writers do nothing for the feed. A record has no number when it was computed singly, and neither has
a run when it ends; their next reader gives them one, the next after the latest. So whatever has a
number was committed before it got it, and what commits late gets a later one. Removals have their
own numbers, which are given in the order of their commits (:mod:`clv.store.removals`).

A reader takes a *span*: the removals up to the last one, and then the records with the numbers up
to the latest. These are read as they are now: what was overwritten since has, or will have, a later
number. Removals come first, since a customer may have come back: the new record was written after
the removal, and the removal's number is read after the records got theirs.

A run's records are those that still carry its id: they cost the run nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from clv import db
from clv.db.dialect import row_lock
from clv.domain.scoring import Scores
from clv.errors import NotFound
from clv.store import records
from clv.store.runs import IS_ACTIVE

# Records computed singly that get their number at once. The others come in a later span.
NUMBERED_AT_ONCE = 10_000
_ID_BYTES = 16
# What tells two versions of a record apart. Named one by one: ids outlive new columns.
_VERSION = attrgetter(
    "customer_id",
    "computed_ms",
    "score",
    "predicted_revenue",
    "churn_probability",
    "recency_days",
    "frequency",
    "monetary",
    "segment",
)
_GONE = "The tenant does not exist any more."


class Written(NamedTuple):
    """A record in the feed.

    :param job_id: the run that computed it; None after a single computation, or when the run is
        deleted
    :param number: of a record that was computed singly; else 0
    """

    scores: Scores
    run_id: int | None
    job_id: str | None
    number: int

    @property
    def kind(self) -> str:
        """What the feed calls it."""
        return "record"

    @property
    def id(self) -> str:
        """The same for the same version of a record, and for no other one."""
        return _digest(self.run_id, *_VERSION(self.scores))


class Removed(NamedTuple):
    """The removal of a customer in the feed."""

    number: int
    customer_hmac: str
    at_ms: int

    @property
    def kind(self) -> str:
        """What the feed calls it."""
        return "removed"

    @property
    def id(self) -> str:
        """The same for the same removal."""
        return _digest(*self)


@dataclass(frozen=True, slots=True)
class State:
    """How far a tenant's feed goes.

    :param latest: the highest number of a record or a run
    :param removals: the number of the last removal
    """

    latest: int
    removals: int


def state(tenant_id: int) -> State:
    """How far the feed goes now; what has no number yet gets it.

    :raises NotFound: when the tenant was deleted meanwhile
    """
    singles, runs = f"{_SINGLES} AND feed_number IS NULL", _UNNUMBERED_RUNS
    row = db.row(
        "SELECT COALESCE(feed.latest, 0), tenant.removals,"
        f" EXISTS (SELECT 1 FROM clv_record{_singly()} WHERE {singles})"
        f" OR EXISTS (SELECT 1 FROM run WHERE {runs})"
        " FROM tenant LEFT JOIN feed ON feed.tenant_id = tenant.id WHERE tenant.id = %s",
        (tenant_id, tenant_id, tenant_id),
    )
    if row is None:
        raise NotFound(_GONE)
    latest, removals, is_behind = row
    return number(tenant_id) if is_behind else State(latest, removals)


def number(tenant_id: int) -> State:
    """Number what has no number yet. Rows that somebody has locked are left for the next time:
    later is always right, and this waits for nobody."""
    with db.transaction():
        latest = _lock(tenant_id)
        numbered = _number_singles(tenant_id, latest + 1) + _number_runs(tenant_id, latest + 1)
        if numbered:
            latest += 1
            db.execute("UPDATE feed SET latest = %s WHERE tenant_id = %s", (latest, tenant_id))
        # Last: it must have every removal that came before a record that was numbered.
        removals = db.value("SELECT removals FROM tenant WHERE id = %s", (tenant_id,))
    return State(latest, removals)


def behind() -> list[int]:
    """The tenants with ended runs that have no number yet."""
    rows = db.rows(
        f"SELECT DISTINCT tenant_id FROM run WHERE NOT {IS_ACTIVE} AND feed_number IS NULL"
    )
    return [tenant_id for (tenant_id,) in rows]


def note_pruned(runs: Iterable[tuple[int, int]]) -> None:
    """Note that runs are deleted, in the transaction that deletes them.

    :param runs: their tenants and their numbers in the feed
    """
    for tenant_id, highest in sorted(dict(sorted(runs)).items()):
        db.execute(
            "UPDATE feed SET pruned = %s WHERE tenant_id = %s AND pruned < %s",
            (highest, tenant_id, highest),
        )


def is_pruned(tenant_id: int, number: int) -> bool:
    """Whether a run with a later number than this is deleted."""
    pruned = db.row("SELECT pruned FROM feed WHERE tenant_id = %s", (tenant_id,))
    return pruned is not None and pruned[0] > number


def removals_after(tenant_id: int, after: int, until: int, limit: int) -> list[Removed] | None:
    """The next removals after a number up to another; None if any of them is deleted."""
    rows = db.rows(
        "SELECT number, customer_hmac, at_ms FROM removal"
        " WHERE tenant_id = %s AND number > %s AND number <= %s ORDER BY number LIMIT %s",
        (tenant_id, after, until, limit),
    )
    last = min(until, after + limit)
    if [number for number, *_ in rows] != list(range(after + 1, last + 1)):
        return None
    return [Removed(*row) for row in rows]


def singles_after(
    tenant_id: int, after: tuple[int, str], until: int, limit: int
) -> Sequence[Written]:
    """The next records computed singly, in the order of their numbers and customers."""
    return _written(
        f"{_SINGLES} AND (feed_number, customer_id) > (%s, %s) AND feed_number <= %s",
        (tenant_id, *after, until),
        "r.feed_number, r.customer_id",
        limit,
        _singly(),
    )


def of_runs_after(
    tenant_id: int, since: int, until: int, customer_id: str, limit: int
) -> Sequence[Written]:
    """The next records of the runs with these numbers, in the order of the customers."""
    runs = f"SELECT id FROM run WHERE {_RUNS_WITH_RECORDS}"
    params = (tenant_id, since, until)
    if not db.rows(f"{runs} LIMIT 1", params):
        return []
    of_them = f"IN ({runs})" if db.is_sqlite() else f"= ANY(ARRAY({runs}))"
    condition = f"tenant_id = %s AND customer_id > %s AND run_id {of_them}"
    return _written(condition, (tenant_id, customer_id, *params), "r.customer_id", limit)


def all_after(tenant_id: int, customer_id: str, limit: int) -> Sequence[Written]:
    """The next of all records, in the order of the customers."""
    condition = "tenant_id = %s AND customer_id > %s"
    return _written(condition, (tenant_id, customer_id), "r.customer_id", limit)


_SINGLES = "tenant_id = %s AND run_id IS NULL"
_UNNUMBERED_RUNS = f"tenant_id = %s AND NOT {IS_ACTIVE} AND feed_number IS NULL"
_RUNS_WITH_RECORDS = (
    "tenant_id = %s AND feed_number > %s AND feed_number <= %s AND COALESCE(computed, 1) > 0"
)
_COLUMNS = ", ".join(f"r.{name}" for name in records.COLUMNS.split(", "))


def _lock(tenant_id: int) -> int:
    """Keep others from numbering until the end of the transaction; the latest number."""
    db.execute(
        "INSERT INTO feed (tenant_id, latest, pruned) SELECT id, 0, 0 FROM tenant WHERE id = %s"
        " ON CONFLICT DO NOTHING",
        (tenant_id,),
    )
    lock = row_lock("NO KEY UPDATE")
    row = db.row(f"SELECT latest FROM feed WHERE tenant_id = %s{lock}", (tenant_id,))
    if row is None:
        raise NotFound(_GONE)
    return row[0]


def _number_singles(tenant_id: int, number: int) -> int:
    chosen = (
        f"SELECT customer_id FROM clv_record{_singly()} WHERE {_SINGLES} AND feed_number IS NULL"
        f" LIMIT {NUMBERED_AT_ONCE}{row_lock('NO KEY UPDATE SKIP LOCKED')}"
    )
    of_them = f"IN ({chosen})" if db.is_sqlite() else f"= ANY(ARRAY({chosen}))"
    return db.execute(
        f"UPDATE clv_record SET feed_number = %s WHERE tenant_id = %s AND customer_id {of_them}",
        (number, tenant_id, tenant_id),
    )


def _number_runs(tenant_id: int, number: int) -> int:
    ended = f"SELECT id FROM run WHERE {_UNNUMBERED_RUNS}"
    return db.execute(
        "UPDATE run SET feed_number = %s"
        f" WHERE id IN ({ended}{row_lock('NO KEY UPDATE SKIP LOCKED')})",
        (number, tenant_id),
    )


def _written(
    condition: str, params: tuple[Any, ...], order: str, limit: int, index: str = ""
) -> list[Written]:
    rows = db.rows(
        f"SELECT r.run_id, run.job_id, r.feed_number, {_COLUMNS} FROM"
        f" (SELECT * FROM clv_record r{index} WHERE {condition} ORDER BY {order} LIMIT %s) r"
        f" LEFT JOIN run ON run.id = r.run_id ORDER BY {order}",
        (*params, limit),
    )
    return [
        Written(Scores._make(scores), run_id, job_id, number or 0)
        for run_id, job_id, number, *scores in rows
    ]


def _singly() -> str:
    """SQLite would not choose this index by itself, and read all of the tenant's records."""
    return " INDEXED BY clv_record_computed_singly" if db.is_sqlite() else ""


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[: 2 * _ID_BYTES]
