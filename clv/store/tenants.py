"""Tenants and their API keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from peewee import IntegrityError

from clv import db, models
from clv.errors import Conflict, NotFound
from clv.scoring import ScoreSettings
from clv.store import clock, now_ms, row_lock, tally

DELETED_AT_ONCE = 5_000
_TENANT = "id, name, currency, period_type, customers, data_updated_ms"
_SETTINGS_AT = len(_TENANT.split(", "))
_TENANTS = f"SELECT {_TENANT}, {', '.join(asdict(ScoreSettings()))} FROM tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant; ``customers`` is the number of its customers with summaries,
    ``data_updated_ms`` when these changed last."""

    id: int
    name: str
    currency: str
    period_type: str | None
    customers: int
    data_updated_ms: int | None
    settings: ScoreSettings = field(default_factory=ScoreSettings)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as stored; times in milliseconds since 1970, null where they don't apply."""

    public: str
    secret_sha256: str
    role: str
    label: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    last_used_ms: int | None

    def is_active(self, now: int) -> bool:
        """Whether the key opens anything at this time."""
        return self.revoked_ms is None and (self.expires_ms is None or self.expires_ms > now)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key with its tenant, at a time of the database's clock."""

    key: ApiKey
    tenant_id: int
    tenant_name: str
    now_ms: int


_KEY = (
    "public, secret_sha256, role, label, api_key.created_ms, expires_ms, revoked_ms, last_used_ms"
)


def create_tenant(name: str) -> Tenant:
    """A new tenant with the default settings.

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
    """
    :raises NotFound: when there is none
    """
    found = db.row(f"{_TENANTS} WHERE name = %s", (name,))
    if found is None:
        raise NotFound(f"There is no tenant {name!r}.")
    return _tenant(*found)


def tenant_by_id(tenant_id: int) -> Tenant:
    """
    :raises NotFound: when it was deleted meanwhile
    """
    found = db.quick_row(f"{_TENANTS} WHERE id = %s", (tenant_id,))
    if found is None:
        raise NotFound("The tenant does not exist any more.")
    return _tenant(*found)


def tenants() -> list[Tenant]:
    """All tenants by name."""
    return [_tenant(*found) for found in db.rows(f"{_TENANTS} ORDER BY name")]


def lock_tenant(tenant_id: int) -> tuple[str | None, int]:
    """Inside a transaction, keep others from changing the tenant's data until its end; returns
    the period type and the number of customers.

    :raises NotFound: when the tenant was deleted meanwhile
    """
    found = db.row(
        f"SELECT period_type, customers FROM tenant WHERE id = %s{row_lock('NO KEY UPDATE')}",
        (tenant_id,),
    )
    if found is None:
        raise NotFound("The tenant does not exist any more.")
    return found


def keep_count(tenant_id: int, period_type: str | None, customers: int, changed: bool) -> None:
    """Note the number of customers with summaries, and when something changed; without any
    customer, the period type is free again. With the period type the snapshot goes: what it knows
    about days of conversions says nothing about other periods."""
    kept_type = period_type if customers else None
    updated = f", data_updated_ms = {clock()}" if changed else ""
    db.execute(
        "UPDATE tenant SET customers = %s, period_type = %s,"
        f" snapshot_id = CASE WHEN period_type = %s THEN snapshot_id END{updated} WHERE id = %s",
        (customers, kept_type, kept_type, tenant_id),
    )


@contextmanager
def locked(tenant_id: int) -> Iterator[None]:
    """A transaction in which nobody else changes the tenant."""
    with db.transaction():
        lock_tenant(tenant_id)
        yield


def delete_tenant(tenant_id: int) -> None:
    """Delete a tenant with all that it has.

    First its keys and active runs, so that nothing new begins; then its rows in portions, so that
    other tenants' writers need not wait long; at last the tenant, and what was written meanwhile.
    """
    with db.transaction():
        lock_tenant(tenant_id)
        cancelled = db.rows(
            f"UPDATE run SET status = 'cancelled', finished_ms = {clock()},"
            " message = 'The tenant was deleted.'"
            " WHERE tenant_id = %s AND status IN ('queued', 'running') RETURNING id",
            (tenant_id,),
        )
        for (run_id,) in cancelled:
            tally.add(run_id)
        db.execute("DELETE FROM api_key WHERE tenant_id = %s", (tenant_id,))
    for table in ("interaction_summary", "clv_record", "clv_change"):
        portion = f"tenant_id = %s AND customer_id <= (SELECT customer_id FROM {table}"
        portion += " WHERE tenant_id = %s ORDER BY customer_id LIMIT 1 OFFSET %s)"
        while db.execute(
            f"DELETE FROM {table} WHERE {portion}", (tenant_id, tenant_id, DELETED_AT_ONCE)
        ):
            pass
    with db.transaction():
        lock_tenant(tenant_id)
        # The tenant first: that waits for whoever has locked its runs, and writes for them.
        db.execute("DELETE FROM tenant WHERE id = %s", (tenant_id,))
        for table in ("interaction_summary", "clv_record", "clv_change", "leaders"):
            db.execute(f"DELETE FROM {table} WHERE tenant_id = %s", (tenant_id,))


def save_settings(tenant_id: int, settings: ScoreSettings, currency: str) -> None:
    """Replace a tenant's settings."""
    models.Tenant.update(currency=currency, **asdict(settings)).where(
        models.Tenant.id == tenant_id
    ).execute()


def create_key(
    tenant_id: int, public: str, secret_sha256: str, role: str, label: str, expires_ms: int | None
) -> None:
    """Store a new key."""
    models.ApiKey.create(
        tenant=tenant_id,
        public=public,
        secret_sha256=secret_sha256,
        role=role,
        label=label,
        created_ms=now_ms(),
        expires_ms=expires_ms,
    )


def find_key(public: str) -> FoundKey | None:
    """The key with this public part and its tenant, revoked and expired ones too."""
    found = db.row(
        f"SELECT {_KEY}, tenant.id, tenant.name, {clock()}"
        " FROM api_key JOIN tenant ON tenant.id = api_key.tenant_id WHERE public = %s",
        (public,),
    )
    return None if found is None else FoundKey(ApiKey(*found[:-3]), *found[-3:])


def public_parts() -> list[str]:
    """The public parts of all keys that open something now."""
    found = db.rows(
        "SELECT public FROM api_key WHERE revoked_ms IS NULL"
        f" AND (expires_ms IS NULL OR expires_ms > {clock()})"
    )
    return [public for (public,) in found]


def keys(tenant_id: int) -> list[ApiKey]:
    """A tenant's keys, oldest first."""
    found = db.rows(f"SELECT {_KEY} FROM api_key WHERE tenant_id = %s ORDER BY id", (tenant_id,))
    return [ApiKey(*key) for key in found]


def note_use(public: str, every_ms: int) -> None:
    """Note that a key is used now, unless that was noted within the last ``every_ms``; gives up at
    once where it would have to wait for somebody's lock."""
    with db.without_waiting():
        db.execute(
            f"UPDATE api_key SET last_used_ms = {clock()}"
            f" WHERE public = %s AND COALESCE(last_used_ms, 0) <= {clock()} - %s",
            (public, every_ms),
        )


def revoke_key(public: str) -> None:
    """Revoke a key for good; doing it again changes nothing.

    :raises NotFound: when there is no such key
    """
    with db.transaction():
        if models.ApiKey.get_or_none(models.ApiKey.public == public) is None:
            raise NotFound(f"There is no key {public!r}.")
        models.ApiKey.update(revoked_ms=now_ms()).where(
            (models.ApiKey.public == public) & models.ApiKey.revoked_ms.is_null()
        ).execute()


def _tenant(*found: Any) -> Tenant:
    return Tenant(*(*found[:_SETTINGS_AT], ScoreSettings(*found[_SETTINGS_AT:])))
