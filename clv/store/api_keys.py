"""API keys as they are stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clv import db
from clv.db import models
from clv.db.clock import latest_sql, now_ms, now_sql
from clv.db.dialect import row_lock
from clv.errors import NotFound


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as stored. Times are in milliseconds since 1970, None where they don't apply."""

    id: int
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


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """How many keys a tenant has.

    :param active: valid now
    :param recent: created within a time that the caller names, valid or not
    :param until_next_ms: until the oldest of the recent ones is one no longer
    """

    active: int
    recent: int
    until_next_ms: int


_KEY = (
    "api_key.id, public, secret_sha256, role, label, api_key.created_ms, expires_ms, revoked_ms,"
    " last_used_ms"
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
    return _with_tenant("WHERE public = %s", public)


def key_of_session(sha256: str) -> KeyOfTenant | None:
    """Likewise, the key of the session whose id has this SHA-256, unless the session is over."""
    session = "JOIN session ON session.api_key_id = api_key.id"
    return _with_tenant(f"{session} WHERE sha256 = %s AND ends_ms > {now_sql()}", sha256)


def public_parts() -> list[str]:
    """The public parts of all keys that are valid now."""
    return [public for (public,) in db.rows(f"SELECT public FROM api_key WHERE {_is_active()}")]


def keys_of_tenant(tenant_id: int) -> list[ApiKey]:
    """A tenant's keys, oldest first."""
    rows = db.rows(f"SELECT {_KEY} FROM api_key WHERE tenant_id = %s ORDER BY id", (tenant_id,))
    return [ApiKey(*row) for row in rows]


def page(
    tenant_id: int, after_id: int | None, limit: int, active: bool | None = None
) -> list[ApiKey]:
    """The tenant's keys, oldest first.

    :param after_id: the last key of the previous page; None for the first page
    :param active: only keys that are valid now, or only others
    """
    condition = {None: "", True: f" AND {_is_active()}", False: f" AND NOT ({_is_active()})"}
    rows = db.rows(
        f"SELECT {_KEY} FROM api_key WHERE tenant_id = %s AND id > %s{condition[active]}"
        " ORDER BY id LIMIT %s",
        (tenant_id, after_id or 0, limit),
    )
    return [ApiKey(*row) for row in rows]


@contextmanager
def locked(tenant_id: int) -> Iterator[None]:
    """A transaction during which nobody else has the tenant's keys locked. It locks the valid keys
    instead of the tenant, which a large upload would keep locked for a long time."""
    with db.transaction():
        db.rows(
            f"SELECT id FROM api_key WHERE tenant_id = %s AND {_is_active()}"
            f" ORDER BY id{row_lock('NO KEY UPDATE')}",
            (tenant_id,),
        )
        yield


def counts(tenant_id: int, recent_ms: int) -> KeyCounts:
    """How many keys a tenant has.

    :param recent_ms: how long a key counts as recent
    """
    # A key from a time to come, when the clock was wrong, is not recent.
    is_recent = f"created_ms BETWEEN {now_sql()} - %s AND {now_sql()}"
    active, recent, until_next_ms = db.rows(
        f"SELECT COUNT(CASE WHEN {_is_active()} THEN 1 END),"
        f" COUNT(CASE WHEN {is_recent} THEN 1 END),"
        f" MIN(CASE WHEN {is_recent} THEN created_ms END) + %s - {now_sql()}"
        " FROM api_key WHERE tenant_id = %s",
        (recent_ms, recent_ms, recent_ms, tenant_id),
    )[0]
    return KeyCounts(active, recent, until_next_ms or 0)


def delete_ended(tenant_id: int, older_than_ms: int, most: int) -> None:
    """Delete keys of a tenant that are revoked or expired.

    :param older_than_ms: those that ended longer ago than this
    :param most: keep the newest of the others
    """
    ended = f"tenant_id = %s AND NOT ({_is_active()})"
    newest = f"SELECT id FROM api_key WHERE {ended} ORDER BY id DESC LIMIT %s"
    db.execute(
        f"DELETE FROM api_key WHERE {ended} AND (id NOT IN ({newest})"
        f" OR COALESCE(revoked_ms, expires_ms) < {now_sql()} - %s)",
        (tenant_id, tenant_id, most, older_than_ms),
    )


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


def _with_tenant(rest: str, param: str) -> KeyOfTenant | None:
    """The key that the rest of a query finds, with its tenant."""
    row = db.row(
        f"SELECT {_KEY}, tenant.id, tenant.name, {now_sql()}"
        f" FROM api_key JOIN tenant ON tenant.id = api_key.tenant_id {rest}",
        (param,),
    )
    return None if row is None else KeyOfTenant(ApiKey(*row[:-3]), *row[-3:])


def _is_active() -> str:
    """The condition that a key is valid now."""
    return f"revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > {now_sql()})"
