"""Tenants, their settings, and the lock under which a tenant's data is changed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from peewee import IntegrityError

from clv import db
from clv.db import models
from clv.db.clock import now_ms, now_sql
from clv.db.dialect import row_lock
from clv.domain.settings import ScoreSettings
from clv.errors import Conflict, NotFound
from clv.store import runs
from clv.store.runs import IS_ACTIVE

# Rows deleted in one statement: other writers wait no longer than that takes.
DELETED_AT_ONCE = 5_000
# The large tables, without a foreign key, and what their rows are sorted by within a tenant.
_LARGE_TABLES = {
    "interaction_summary": "customer_id",
    "clv_record": "customer_id",
    "clv_change": "customer_id",
    "removal": "number",
}
_TENANT = "id, name, currency, period_type, customers, data_updated_ms, days_time_zone,"
_TENANT += " gross_margin, acquisition_cost"
_SETTINGS_AT = len(_TENANT.split(", "))
_TENANTS = f"SELECT {_TENANT}, {', '.join(asdict(ScoreSettings()))} FROM tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as stored.

    :param customers: the number of its customers with summaries
    :param data_updated_ms: when its summaries last changed, in milliseconds since 1970
    :param days_time_zone: the zone of the days of the stored summaries
    :param gross_margin: the share of the revenue that is margin
    :param acquisition_cost: of a new customer, in 1/10,000; None if it is not known
    """

    id: int
    name: str
    currency: str
    period_type: str | None
    customers: int
    data_updated_ms: int | None
    days_time_zone: str
    gross_margin: float
    acquisition_cost: int | None
    settings: ScoreSettings = field(default_factory=ScoreSettings)


def create_tenant(name: str) -> Tenant:
    """Create a tenant with the default settings.

    :raises Conflict: when the name is taken
    """
    try:
        with db.transaction():
            now = now_ms()
            models.Tenant.create(
                name=name,
                created_ms=now,
                nightly_ms=now,
                currency="USD",
                **asdict(ScoreSettings()),
            )
    except IntegrityError:
        raise Conflict(f"There is already a tenant {name!r}.") from None
    return tenant_by_name(name)


def tenant_by_name(name: str) -> Tenant:
    """The tenant with this name.

    :raises NotFound: when there is none
    """
    row = db.row(f"{_TENANTS} WHERE name = %s", (name,))
    if row is None:
        raise NotFound(f"There is no tenant {name!r}.")
    return _tenant(row)


def tenant_by_id(tenant_id: int) -> Tenant:
    """The tenant with this id.

    :raises NotFound: when it was deleted meanwhile
    """
    row = db.quick_row(f"{_TENANTS} WHERE id = %s", (tenant_id,))
    if row is None:
        raise NotFound("The tenant does not exist any more.")
    return _tenant(row)


def all_tenants() -> list[Tenant]:
    """All tenants, sorted by name."""
    return [_tenant(row) for row in db.rows(f"{_TENANTS} ORDER BY name")]


def lock_tenant(tenant_id: int) -> tuple[str | None, int]:
    """Keep others from changing the tenant's data until the end of the caller's transaction, and
    return its period type and number of customers.

    :raises NotFound: when the tenant was deleted meanwhile
    """
    row = db.row(
        f"SELECT period_type, customers FROM tenant WHERE id = %s{row_lock('NO KEY UPDATE')}",
        (tenant_id,),
    )
    if row is None:
        raise NotFound("The tenant does not exist any more.")
    return row


def keep_count(tenant_id: int, period_type: str | None, customers: int, changed: bool) -> None:
    """Store the number of customers with summaries, and the time if any summary has changed.

    A tenant without customers has no period type. When the type changes, the current snapshot is
    dropped: what it knows about days of conversions says nothing about other periods.
    """
    kept_type = period_type if customers else None
    updated = f", data_updated_ms = {now_sql()}" if changed else ""
    db.execute(
        "UPDATE tenant SET customers = %s, period_type = %s,"
        f" snapshot_id = CASE WHEN period_type = %s THEN snapshot_id END{updated} WHERE id = %s",
        (customers, kept_type, kept_type, tenant_id),
    )


def begin_data(tenant_id: int, currency: str | None) -> None:
    """Take what is about to be the only data of a locked tenant: its days are of the tenant's time
    zone as it is now.

    :param currency: of the data; None: the tenant's, whichever it is
    """
    db.execute(
        "UPDATE tenant SET days_time_zone = time_zone, currency = COALESCE(%s, currency)"
        " WHERE id = %s",
        (currency, tenant_id),
    )


def check_currency(tenant_id: int, currency: str) -> None:
    """Check that amounts can be added to the data of a locked tenant.

    :raises Conflict: when these are in another currency
    """
    stored = db.value("SELECT currency FROM tenant WHERE id = %s", (tenant_id,))
    if stored != currency:
        raise Conflict(
            f"The tenant's amounts are in {stored}; amounts in {currency} can't be added."
        )


@contextmanager
def locked(tenant_id: int) -> Iterator[None]:
    """A transaction during which nobody else changes the tenant's data."""
    with db.transaction():
        lock_tenant(tenant_id)
        yield


def delete_tenant(tenant_id: int) -> None:
    """Delete a tenant with everything that belongs to it.

    First go its keys and active runs, so that nothing new begins; then its rows in portions, so
    that other tenants' writers don't wait long; last the tenant, and rows written since.

    :raises NotFound: when it was deleted meanwhile
    """
    with db.transaction():
        lock_tenant(tenant_id)
        _cancel_runs(tenant_id)
        db.execute("DELETE FROM api_key WHERE tenant_id = %s", (tenant_id,))
    for table, key in _LARGE_TABLES.items():
        _delete_in_portions(table, key, tenant_id)
    with db.transaction():
        lock_tenant(tenant_id)
        # The tenant first: this waits for chunks that have locked its runs and are being written.
        db.execute("DELETE FROM tenant WHERE id = %s", (tenant_id,))
        for table in (*_LARGE_TABLES, "leaders", "cohort_sums"):
            db.execute(f"DELETE FROM {table} WHERE tenant_id = %s", (tenant_id,))


def save_settings(tenant_id: int, settings: ScoreSettings, **others: Any) -> None:
    """Replace the settings of a tenant's scores, and others of its settings."""
    models.Tenant.update(**others, **asdict(settings)).where(
        models.Tenant.id == tenant_id
    ).execute()


def _tenant(row: Sequence[Any]) -> Tenant:
    return Tenant(*(*row[:_SETTINGS_AT], ScoreSettings(*row[_SETTINGS_AT:])))


def _cancel_runs(tenant_id: int) -> None:
    cancelled = db.rows(
        f"UPDATE run SET status = 'cancelled', finished_ms = {now_sql()},"
        " message = 'The tenant was deleted.'"
        f" WHERE tenant_id = %s AND {IS_ACTIVE} RETURNING id",
        (tenant_id,),
    )
    for (run_id,) in cancelled:
        runs.settle(run_id)


def _delete_in_portions(table: str, key: str, tenant_id: int) -> None:
    """Delete a tenant's rows but for the last ones, in their order."""
    portion = f"tenant_id = %s AND {key} <= (SELECT {key} FROM {table}"
    portion += f" WHERE tenant_id = %s ORDER BY {key} LIMIT 1 OFFSET %s)"
    while db.execute(
        f"DELETE FROM {table} WHERE {portion}", (tenant_id, tenant_id, DELETED_AT_ONCE)
    ):
        pass
