"""Backtests: who works on one is decided here, by compare-and-set, as it is for runs.

Each function is one transaction. ``attempt`` is the fencing token: a worker that was thought dead
can't end what another took over.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from clv import db
from clv.db.clock import now_ms, now_sql
from clv.errors import Conflict, NotFound

# Attempts without an end; then the backtest fails.
MAX_ATTEMPTS = 3
# A step reads all customers, or fits a model to them, some 100 a millisecond; a slow machine gets
# eight times as long.
CUSTOMERS_PER_MS = 12
LAST_ID = 2**63 - 1
NO_SUCH_BACKTEST = "There is no backtest with this id."

_BACKTEST = (
    "id, backtest_id, tenant_id, status, holdout_days, requested_by, created_ms, started_ms,"
    " finished_ms, attempt, message, result"
)
_IS_ACTIVE = "status IN ('queued', 'running')"


@dataclass(frozen=True, slots=True)
class Backtest:
    """A backtest as stored.

    :param holdout_days: as asked for, None for the default; of one that has finished, as it was
    :param result: JSON, None until it has finished
    """

    id: int
    backtest_id: str
    tenant_id: int
    status: str
    holdout_days: int | None
    requested_by: str
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    attempt: int
    message: str | None
    result: str | None

    @property
    def is_active(self) -> bool:
        """Whether the backtest has not ended yet."""
        return self.status in ("queued", "running")


def create(
    tenant_id: int, holdout_days: int | None, requested_by: str, deadline_ms: int
) -> Backtest:
    """A new queued backtest.

    :raises Conflict: while another one of the tenant is active
    """
    now = now_ms()
    created = db.row(
        "INSERT INTO backtest (backtest_id, tenant_id, status, holdout_days, requested_by,"
        " created_ms, deadline_ms, attempt, lease_ms) VALUES (%s, %s, 'queued', %s, %s, %s, %s, 0,"
        " 0) ON CONFLICT DO NOTHING RETURNING id",
        (str(uuid.uuid4()), tenant_id, holdout_days, requested_by, now, now + deadline_ms),
    )
    if created is None:
        raise Conflict("A backtest of this tenant is going on already. Wait until it has ended.")
    return by_id(created[0])


def by_id(internal_id: int) -> Backtest:
    """
    :raises NotFound: when it was deleted meanwhile
    """
    found = db.row(f"SELECT {_BACKTEST} FROM backtest WHERE id = %s", (internal_id,))
    if found is None:
        raise NotFound(NO_SUCH_BACKTEST)
    return Backtest(*found)


def by_backtest_id(tenant_id: int, backtest_id: str) -> Backtest:
    """
    :raises NotFound: when the tenant has no such backtest
    """
    found = db.row(
        f"SELECT {_BACKTEST} FROM backtest WHERE backtest_id = %s AND tenant_id = %s",
        (backtest_id, tenant_id),
    )
    if found is None:
        raise NotFound(NO_SUCH_BACKTEST)
    return Backtest(*found)


def page(
    tenant_id: int, before_id: int | None, limit: int, status: str | None = None
) -> list[Backtest]:
    """The tenant's backtests, newest first.

    :param status: only those in it
    """
    condition, params = "tenant_id = %s AND id < %s", list[Any]([tenant_id, before_id or LAST_ID])
    if status is not None:
        condition += " AND status = %s"
        params.append(status)
    found = db.rows(
        f"SELECT {_BACKTEST} FROM backtest WHERE {condition} ORDER BY id DESC LIMIT %s",
        (*params, limit),
    )
    return [Backtest(*row) for row in found]


def claim(internal_id: int, lease_ms: int) -> int | None:
    """Become the one who works on an active backtest: the fencing token, or None if there is
    nothing to do, or another one does it. The lease is longer the more customers there are."""
    claimed = db.row(
        "UPDATE backtest SET status = 'running', attempt = attempt + 1,"
        f" started_ms = COALESCE(started_ms, {now_sql()}), lease_ms = {_until()}"
        f" WHERE id = %s AND {_IS_ACTIVE} AND lease_ms < {now_sql()} RETURNING attempt",
        (lease_ms, CUSTOMERS_PER_MS, internal_id),
    )
    return claimed[0] if claimed else None


def renew(internal_id: int, attempt: int, lease_ms: int) -> bool:
    """Keep a claim for another step; False when it is lost."""
    renewed = db.execute(
        f"UPDATE backtest SET lease_ms = {_until()}"
        " WHERE id = %s AND status = 'running' AND attempt = %s",
        (lease_ms, CUSTOMERS_PER_MS, internal_id, attempt),
    )
    return renewed == 1


def leave(internal_id: int, attempt: int) -> None:
    """Free a claimed backtest for others at once."""
    db.execute(
        "UPDATE backtest SET lease_ms = 0 WHERE id = %s AND attempt = %s", (internal_id, attempt)
    )


def finish(internal_id: int, attempt: int, holdout_days: int, result: str) -> bool:
    """End a backtest with its result; False when the claim is lost."""
    finished = db.execute(
        f"UPDATE backtest SET status = 'finished', finished_ms = {now_sql()}, holdout_days = %s,"
        " result = %s WHERE id = %s AND status = 'running' AND attempt = %s",
        (holdout_days, result, internal_id, attempt),
    )
    return finished == 1


def fail(internal_id: int, message: str) -> bool:
    """End an active backtest as failed; False when it had ended already."""
    failed = db.execute(
        f"UPDATE backtest SET status = 'failed', finished_ms = {now_sql()}, message = %s"
        f" WHERE id = %s AND {_IS_ACTIVE}",
        (message, internal_id),
    )
    return failed == 1


def needing_work(internal_id: int | None = None) -> list[int]:
    """The active backtests (or this one, if it is among them) that nobody works on."""
    return _active(f"lease_ms < {now_sql()}", internal_id)


def overdue(internal_id: int | None = None) -> list[int]:
    """The active backtests (or this one, if it is among them) that are past their deadlines."""
    return _active(f"deadline_ms < {now_sql()}", internal_id)


def _active(condition: str, internal_id: int | None) -> list[int]:
    sql = f"SELECT id FROM backtest WHERE {_IS_ACTIVE} AND {condition}"
    if internal_id is None:
        return [found[0] for found in db.rows(f"{sql} ORDER BY id")]
    return [found[0] for found in db.rows(f"{sql} AND id = %s", (internal_id,))]


def _until() -> str:
    customers = "(SELECT customers / %s FROM tenant WHERE tenant.id = backtest.tenant_id)"
    return f"{now_sql()} + %s + {customers}"
