"""API keys: create, list, revoke."""

import math
from dataclasses import asdict, dataclass

from clv.auth import tokens
from clv.auth.authentication import forget_keys
from clv.auth.principal import Role
from clv.db.clock import now_ms
from clv.domain import values
from clv.domain.units import DAY_MS, HOUR_MS
from clv.errors import Conflict, Invalid, NotFound, TooMany
from clv.store import api_keys
from clv.store.api_keys import ApiKey
from clv.store.tenants import Tenant

# How long a key is listed after it was revoked or has expired, and how many of them: this many
# times those that may be valid.
ENDED_DAYS = 90
ENDED_FACTOR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey(ApiKey):
    """A new key with its token."""

    token: str


def create_key_of_tenant(
    tenant: Tenant, role: str, label: str = "", expires_days: int | None = None, *, most: int
) -> CreatedKey:
    """A new key with its token, which is returned this once and stored nowhere.

    :param role: its name
    :param most: keys that a tenant may have at a time, and may create within an hour
    :raises Conflict: when it has as many
    :raises TooMany: when it has created as many
    """
    with api_keys.locked(tenant.id):
        api_keys.delete_ended(tenant.id, ENDED_DAYS * DAY_MS, ENDED_FACTOR * most)
        _check_number(tenant.id, most)
        token = _store_new_key(tenant, Role.parse(role), label, expires_days)
        stored = api_keys.find_key(token.public)
    forget_keys()
    if stored is None:
        raise NotFound("The tenant does not exist any more.")
    return CreatedKey(**asdict(stored.key), token=str(token))


def create_key(tenant: Tenant, role: Role, label: str = "", expires_days: int | None = None) -> str:
    """Create a key, however many there are, and return its token, which is stored nowhere and
    shown only now. For whoever runs the service: tenants call :func:`create_key_of_tenant`."""
    token = _store_new_key(tenant, role, label, expires_days)
    forget_keys()
    return str(token)


def keys_of_tenant(tenant: Tenant) -> list[ApiKey]:
    """The tenant's keys, oldest first, including revoked and expired ones."""
    return api_keys.keys_of_tenant(tenant.id)


def page(
    tenant_id: int, after_id: int | None, limit: int, active: bool | None = None
) -> list[ApiKey]:
    """The tenant's keys, oldest first.

    :param after_id: the last key of the previous page; None for the first page
    :param active: only keys that are valid now, or only revoked and expired ones
    """
    return api_keys.page(tenant_id, after_id, limit, active)


def revoke_key(public: str) -> None:
    """Revoke a key of any tenant by its public part or its whole token.

    :raises NotFound: when there is no such key
    """
    token = tokens.parse(public)
    if token is not None:
        public = token.public
    elif not tokens.is_public_part(public):
        raise NotFound("There is no such key; `flask keys list` shows the public parts.")
    api_keys.revoke_key(public)
    forget_keys()


def revoke_key_of_tenant(tenant: Tenant, public: str) -> None:
    """Revoke a key of the tenant, but not the last one that can create keys.

    :raises NotFound: when the tenant has no such key
    :raises Conflict: when it is the tenant's last admin key
    """
    with api_keys.locked(tenant.id):
        keys = api_keys.keys_of_tenant(tenant.id)
        if all(key.public != public for key in keys):
            raise NotFound("There is no key with this id.")
        now = now_ms()
        admins = [key.public for key in keys if key.role == "admin" and key.is_active(now)]
        if admins == [public]:
            raise Conflict("The last admin key can't be removed: create another one first.")
        api_keys.revoke_key(public)
    forget_keys()


def _check_number(tenant_id: int, most: int) -> None:
    counts = api_keys.counts(tenant_id, HOUR_MS)
    if counts.active >= most:
        raise Conflict(
            f"A tenant may have {most:,} valid keys at a time, and this one has"
            f" {counts.active:,}: revoke one that nobody needs."
        )
    if counts.recent >= most:
        seconds = max(1, math.ceil(counts.until_next_ms / 1000))
        raise TooMany(f"A tenant may create {most:,} keys within an hour.", seconds)


def _store_new_key(
    tenant: Tenant, role: Role, label: str, expires_days: int | None
) -> tokens.Token:
    try:
        values.plain_text(label)
    except ValueError as error:
        raise Invalid(f"The label: {error}") from None
    token = tokens.new()
    expires_ms = None if expires_days is None else now_ms() + expires_days * DAY_MS
    api_keys.create_key(
        tenant.id, token.public, token.secret_sha256, role.name.lower(), label, expires_ms
    )
    return token
