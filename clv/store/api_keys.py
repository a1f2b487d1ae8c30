"""API keys as they are stored."""

from dataclasses import dataclass

from clv import db
from clv.db import models
from clv.db.clock import latest_sql, now_ms, now_sql
from clv.errors import NotFound


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as stored. Times are in milliseconds since 1970, None where they don't apply."""

    public: str
    secret_sha256: str
    role: str
    label: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    last_used_ms: int | None

    def is_active(self, now: int) -> bool:
        """Whether the key is valid at this time."""
        return self.revoked_ms is None and (self.expires_ms is None or self.expires_ms > now)


@dataclass(frozen=True, slots=True)
class KeyOfTenant:
    """A key with its tenant, and the time of the database's clock when it was read."""

    key: ApiKey
    tenant_id: int
    tenant_name: str
    now_ms: int


_KEY = (
    "public, secret_sha256, role, label, api_key.created_ms, expires_ms, revoked_ms, last_used_ms"
)


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


def find_key(public: str) -> KeyOfTenant | None:
    """The key with this public part and its tenant, if there is one; it may be revoked or
    expired."""
    row = db.row(
        f"SELECT {_KEY}, tenant.id, tenant.name, {now_sql()}"
        " FROM api_key JOIN tenant ON tenant.id = api_key.tenant_id WHERE public = %s",
        (public,),
    )
    return None if row is None else KeyOfTenant(ApiKey(*row[:-3]), *row[-3:])


def public_parts() -> list[str]:
    """The public parts of all keys that are valid now."""
    rows = db.rows(
        "SELECT public FROM api_key WHERE revoked_ms IS NULL"
        f" AND (expires_ms IS NULL OR expires_ms > {now_sql()})"
    )
    return [public for (public,) in rows]


def keys_of_tenant(tenant_id: int) -> list[ApiKey]:
    """A tenant's keys, oldest first."""
    rows = db.rows(f"SELECT {_KEY} FROM api_key WHERE tenant_id = %s ORDER BY id", (tenant_id,))
    return [ApiKey(*row) for row in rows]


def note_use(public: str, every_ms: int) -> None:
    """Store that a key is used now, unless that was done within the last ``every_ms``. Fails at
    once instead of waiting for a lock."""
    with db.without_waiting():
        db.execute(
            f"UPDATE api_key SET last_used_ms = {now_sql()}"
            f" WHERE public = %s AND (COALESCE(last_used_ms, 0) <= {now_sql()} - %s"
            f" OR last_used_ms > {latest_sql()})",
            (public, every_ms),
        )


def revoke_key(public: str) -> None:
    """Revoke a key for good. Revoking it again changes nothing.

    :raises NotFound: when there is no such key
    """
    with db.transaction():
        if models.ApiKey.get_or_none(models.ApiKey.public == public) is None:
            raise NotFound(f"There is no key {public!r}.")
        models.ApiKey.update(revoked_ms=now_ms()).where(
            (models.ApiKey.public == public) & models.ApiKey.revoked_ms.is_null()
        ).execute()
