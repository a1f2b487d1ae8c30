"""Backtests, from queued to ended. As with runs, each step is a compare-and-set.

Each function is one transaction. ``attempt`` is the fencing token: it keeps a worker that was taken
for dead from ending a backtest that another one took over.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from clv import db
from clv.db.clock import latest_sql, now_ms, now_sql
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import Conflict, NotFound
from clv.store import attempts
from clv.store.due import active_ids
from clv.store.runs import ACTIVE, IS_ACTIVE

# A backtest fails after this many attempts that did not end it.
MAX_ATTEMPTS = 3
# The speed that leases assume: each step reads all customers or fits a model to them. About 100 is
# usual; a machine may be eight times slower.
CUSTOMERS_PER_MS = 12
NO_SUCH_BACKTEST = "There is no backtest with this id."

_BACKTEST = (
    "id, backtest_id, tenant_id, status, holdout_days, requested_by, created_ms, started_ms,"
    " finished_ms, attempt, message, result"
)


@dataclass(frozen=True, slots=True)
class Backtest:
    """A backtest as stored.

    :param holdout_days: as requested, None for the default; as used, once it has finished
    :param result: JSON; None until it has finished
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
        return self.status in ACTIVE


def create(
    tenant_id: int, holdout_days: int | None, requested_by: str, deadline_ms: int
) -> Backtest:
    """Queue a backtest.

    :raises Conflict: when another one of the tenant is active
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
    """The backtest with this internal id.

    :raises NotFound: when it was deleted meanwhile
    """
    row = db.row(f"SELECT {_BACKTEST} FROM backtest WHERE id = %s", (internal_id,))
    if row is None:
        raise NotFound(NO_SUCH_BACKTEST)
    return Backtest(*row)


def by_backtest_id(tenant_id: int, backtest_id: str) -> Backtest:
    """The tenant's backtest with this public id.

    :raises NotFound: when the tenant has no such backtest
    """
    row = db.row(
        f"SELECT {_BACKTEST} FROM backtest WHERE backtest_id = %s AND tenant_id = %s",
        (backtest_id, tenant_id),
    )
    if row is None:
        raise NotFound(NO_SUCH_BACKTEST)
    return Backtest(*row)


def page(
    tenant_id: int, before_id: int | None, limit: int, status: str | None = None
) -> list[Backtest]:
    """The tenant's backtests, newest first.

    :param before_id: the last backtest of the previous page; None for the first page
    :param status: only backtests with this status
    """
    condition = "tenant_id = %s AND id < %s"
    params: list[Any] = [tenant_id, MAX_STORED_INTEGER if before_id is None else before_id]
    if status is not None:
        condition += " AND status = %s"
        params.append(status)
    rows = db.rows(
        f"SELECT {_BACKTEST} FROM backtest WHERE {condition} ORDER BY id DESC LIMIT %s",
        (*params, limit),
    )
    return [Backtest(*row) for row in rows]


def claim(internal_id: int, lease_ms: int) -> int | None:
    """Claim an active backtest: the fencing token, or None if it has ended or another worker has
    it. The lease grows with the number of customers."""
    claimed = db.row(
        "UPDATE backtest SET status = 'running', attempt = attempt + 1,"
        f" started_ms = COALESCE(started_ms, {now_sql()}),"
        f" lease_ms = {_until(attempts.claim_sql('attempt + 1', lease_ms))}"
        f" WHERE id = %s AND {IS_ACTIVE} AND lease_ms < {now_sql()} RETURNING attempt",
        (CUSTOMERS_PER_MS, internal_id),
    )
    return claimed[0] if claimed else None


def renew(internal_id: int, attempt: int, lease_ms: int) -> bool:
    """Renew a claim for the next step; False if it is lost."""
    renewed = db.execute(
        f"UPDATE backtest SET lease_ms = {_until('%s')}"
        " WHERE id = %s AND status = 'running' AND attempt = %s",
        (lease_ms, CUSTOMERS_PER_MS, internal_id, attempt),
    )
    return renewed == 1


def leave(internal_id: int, attempt: int) -> None:
    """Give a claimed backtest up; others may claim it after a pause."""
    db.execute(
        f"UPDATE backtest SET lease_ms = {now_sql()} + {attempts.pause_sql('attempt')}"
        " WHERE id = %s AND attempt = %s",
        (internal_id, attempt),
    )


def finish(internal_id: int, attempt: int, holdout_days: int, result: str) -> bool:
    """End a backtest with its result; False if the claim is lost."""
    finished = db.execute(
        f"UPDATE backtest SET status = 'finished', finished_ms = {now_sql()}, holdout_days = %s,"
        " result = %s WHERE id = %s AND status = 'running' AND attempt = %s",
        (holdout_days, result, internal_id, attempt),
    )
    return finished == 1


def fail(internal_id: int, message: str) -> bool:
    """End an active backtest as failed; False if it had ended already."""
    failed = db.execute(
        f"UPDATE backtest SET status = 'failed', finished_ms = {now_sql()}, message = %s"
        f" WHERE id = %s AND {IS_ACTIVE}",
        (message, internal_id),
    )
    return failed == 1


def needing_work(internal_id: int | None = None) -> list[int]:
    """The active backtests that nobody works on.

    :param internal_id: ask only about this one
    """
    return active_ids("backtest", f"lease_ms < {now_sql()}", internal_id)


def overdue(internal_id: int | None = None) -> list[int]:
    """The active backtests that are past their deadlines, or were created while the clock was
    ahead: their deadlines would be as far ahead.

    :param internal_id: ask only about this one
    """
    condition = f"(deadline_ms < {now_sql()} OR created_ms > {latest_sql()})"
    return active_ids("backtest", condition, internal_id)


def _until(lease: str) -> str:
    """The end of a lease that begins now, in SQL whose last parameter is CUSTOMERS_PER_MS.

    :param lease: SQL: how many milliseconds it lasts without any customers
    """
    customers = "(SELECT customers / %s FROM tenant WHERE tenant.id = backtest.tenant_id)"
    return f"{now_sql()} + {lease} + {customers}"
