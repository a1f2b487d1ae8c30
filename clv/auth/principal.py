"""Who is asking, and what a role may do."""

from dataclasses import dataclass
from enum import IntEnum

from clv.errors import Forbidden, Invalid, NotFound, Unauthenticated
from clv.store import tenants
from clv.store.tenants import Tenant

REFUSAL = "A valid API key is required: Authorization: Bearer clv_…"


class Role(IntEnum):
    """What a key may do; each role may do what the one before it may."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3

    @classmethod
    def parse(cls, name: str) -> "Role":
        """The role of this lower-case name."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise Invalid("The role must be one of: admin, editor, viewer.") from None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a key's public part, its role and its tenant."""

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
        """The tenant as it is now, read at each call: another process may have changed its
        settings or its data a moment ago.

        :raises Unauthenticated: when it was deleted, and the key with it
        """
        try:
            return tenants.tenant_by_id(self.tenant_id)
        except NotFound:
            raise Unauthenticated(REFUSAL) from None


def authorize(principal: Principal, role: Role, tenant_header: str | None) -> None:
    """Check the tenant that the caller names, if any, and then the role.

    :raises Forbidden: naming what would be needed
    """
    if tenant_header is not None and tenant_header != principal.tenant_name:
        raise Forbidden("X-Tenant-Id must be the key's own tenant, or be left out.")
    if principal.role < role:
        raise Forbidden(f"This needs a key with the role {role.name.lower()} or higher.")
