"""API keys: create, list, revoke."""

from dataclasses import asdict, dataclass

from clv.auth import tokens
from clv.auth.authentication import forget_keys
from clv.auth.principal import Role
from clv.db.clock import now_ms
from clv.domain import values
from clv.domain.units import DAY_MS
from clv.errors import Conflict, Invalid, NotFound
from clv.store import api_keys, tenants
from clv.store.api_keys import ApiKey
from clv.store.tenants import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey(ApiKey):
    """A new key with its token."""

    token: str


def create_key_of_tenant(
    tenant: Tenant, role: str, label: str = "", expires_days: int | None = None
) -> CreatedKey:
    """A new key with its token, which is returned this once and stored nowhere.

    :param role: its name
    """
    token = create_key(tenant, Role.parse(role), label, expires_days)
    public = tokens.public_part(token)
    key = next(key for key in keys_of_tenant(tenant) if key.public == public)
    return CreatedKey(**asdict(key), token=token)


def create_key(tenant: Tenant, role: Role, label: str = "", expires_days: int | None = None) -> str:
    """Create a key and return its token, which is stored nowhere and shown only now."""
    try:
        values.plain_text(label)
    except ValueError as error:
        raise Invalid(f"The label: {error}") from None
    token = tokens.new()
    expires_ms = None if expires_days is None else now_ms() + expires_days * DAY_MS
    api_keys.create_key(
        tenant.id, token.public, token.secret_sha256, role.name.lower(), label, expires_ms
    )
    forget_keys()
    return str(token)


def keys_of_tenant(tenant: Tenant) -> list[ApiKey]:
    """The tenant's keys, oldest first, including revoked and expired ones."""
    return api_keys.keys_of_tenant(tenant.id)


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
    with tenants.locked(tenant.id):
        keys = api_keys.keys_of_tenant(tenant.id)
        if all(key.public != public for key in keys):
            raise NotFound("There is no key with this id.")
        now = now_ms()
        admins = [key.public for key in keys if key.role == "admin" and key.is_active(now)]
        if admins == [public]:
            raise Conflict("The last admin key can't be removed: create another one first.")
        api_keys.revoke_key(public)
    forget_keys()
