"""Who sent a request, and what their role allows."""

from dataclasses import dataclass
from enum import IntEnum

from clv.errors import Forbidden, Invalid, NotFound, Unauthenticated
from clv.store import tenants
from clv.store.api_keys import KeyOfTenant
from clv.store.tenants import Tenant

REFUSAL = "A valid API key is required: Authorization: Bearer clv_…"


class Role(IntEnum):
    """What a key allows. Each role includes the one before it."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3

    @classmethod
    def parse(cls, name: str) -> "Role":
        """The role of this lower-case name."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise Invalid(f"The role must be one of: {', '.join(ROLES)}.") from None


# The names, as keys are stored and created with them.
ROLES = ("admin", "editor", "viewer")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request: a key's public part, its role and its tenant."""

    key: str
    role: Role
    tenant_id: int
    tenant_name: str

    @property
    def name(self) -> str:
        """How runs and backtests name who asked for them."""
        return f"key {self.key}"

    @property
    def tenant(self) -> Tenant:
        """The tenant as it is now. It is read at each call, because another process may have just
        changed its settings or data.

        :raises Unauthenticated: when it was deleted, and its keys with it
        """
        try:
            return tenants.tenant_by_id(self.tenant_id)
        except NotFound:
            raise Unauthenticated(REFUSAL) from None


def principal_of(stored: KeyOfTenant) -> Principal:
    """Who sends requests with this key."""
    key = stored.key
    return Principal(key.public, Role.parse(key.role), stored.tenant_id, stored.tenant_name)


def authorize(principal: Principal, role: Role, tenant_header: str | None) -> None:
    """Check the tenant that the request names, if any, and then the role.

    :raises Forbidden: naming what is needed
    """
    if tenant_header is not None and tenant_header != principal.tenant_name:
        raise Forbidden("X-Tenant-Id must be the key's own tenant, or be left out.")
    if principal.role < role:
        raise Forbidden(f"This needs a key with the role {role.name.lower()} or higher.")
