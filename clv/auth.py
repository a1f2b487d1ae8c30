"""API keys: their tokens, who holds one, and what a role may do.

A token is ``clv_<public>_<secret><checksum>``: the public part finds the key, of the secret only
the SHA-256 is stored (it is random, so a slow hash would add nothing), and the checksum lets a
secret scanner and a typing error be recognised without asking the database.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from enum import IntEnum

from clv import fields
from clv.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from clv.scoring import DAY_MS
from clv.store import now_ms, tenants
from clv.store import secret as secret_store
from clv.store.tenants import ApiKey, Tenant

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_LENGTH = 12
# 33 characters of 62 are 196 bits.
SECRET_LENGTH = 33
CHECKSUM_LENGTH = 6

_TOKEN = re.compile(
    rf"clv_([0-9A-Za-z]{{{PUBLIC_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})"
    rf"([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_REFUSAL = "A valid API key is required: Authorization: Bearer clv_…"


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
    tenant: Tenant


def create_key(tenant: Tenant, role: Role, label: str = "", expires_days: int | None = None) -> str:
    """A new key's token. It is returned this once and stored nowhere."""
    try:
        fields.plain_text(label)
    except ValueError as error:
        raise Invalid(f"The label: {error}") from None
    public, secret = _random(PUBLIC_LENGTH), _random(SECRET_LENGTH)
    expires_ms = None if expires_days is None else now_ms() + expires_days * DAY_MS
    tenants.create_key(tenant.id, public, _digest(secret), role.name.lower(), label, expires_ms)
    return f"clv_{public}_{secret}{_checksum(public, secret)}"


def authenticate(header: str | None) -> Principal:
    """Who sent this ``Authorization`` header.

    :raises Unauthenticated: for every header that is not exactly right, with one message
    """
    scheme, _, token = (header or "").partition(" ")
    match = _TOKEN.fullmatch(token.strip())
    if scheme.lower() != "bearer" or not match:
        raise Unauthenticated(_REFUSAL)
    public, secret, checksum = match.groups()
    if checksum != _checksum(public, secret):
        raise Unauthenticated(_REFUSAL)
    found = tenants.find_key(public)
    if found is None:
        raise Unauthenticated(_REFUSAL)
    key, tenant = found
    # Bytes: compare_digest raises on a text that is not ASCII.
    if not hmac.compare_digest(_digest(secret).encode(), key.secret_sha256.encode()):
        raise Unauthenticated(_REFUSAL)
    if not key.is_active(now_ms()):
        raise Unauthenticated(_REFUSAL)
    return Principal(key.public, Role.parse(key.role), tenant)


def resume(public: str) -> Principal:
    """Who signed in with the key of this public part, as the key and its tenant are now.

    :raises Unauthenticated: when the key was revoked, expired or deleted meanwhile
    """
    found = tenants.find_key(public)
    if found is None or not found[0].is_active(now_ms()):
        raise Unauthenticated(_REFUSAL)
    key, tenant = found
    return Principal(key.public, Role.parse(key.role), tenant)


def authorize(principal: Principal, role: Role, tenant_header: str | None) -> None:
    """Check the tenant that the caller names, if any, and then the role.

    :raises Forbidden: naming what would be needed
    """
    if tenant_header is not None and tenant_header != principal.tenant.name:
        raise Forbidden("X-Tenant-Id must be the key's own tenant, or be left out.")
    if principal.role < role:
        raise Forbidden(f"This needs a key with the role {role.name.lower()} or higher.")


def shared_secret() -> str:
    """What the processes sign with where no setting says it: random, and kept in the database."""
    return secret_store.shared("session")


def keys(tenant: Tenant) -> list[ApiKey]:
    """The tenant's keys, oldest first, revoked and expired ones too."""
    return tenants.keys(tenant.id)


def public_part(token: str) -> str:
    """The part of a token that names its key."""
    return token[len("clv_") :][:PUBLIC_LENGTH]


def revoke_key(public: str) -> None:
    """Revoke a key of any tenant by its public part, or by its whole token.

    :raises NotFound: when there is no such key
    """
    if _TOKEN.fullmatch(public):
        public = public_part(public)
    elif not re.fullmatch(rf"[0-9A-Za-z]{{{PUBLIC_LENGTH}}}", public):
        raise NotFound("There is no such key; `flask keys list` shows the public parts.")
    tenants.revoke_key(public)


def revoke_key_of_tenant(tenant: Tenant, public: str) -> None:
    """Revoke a key of the tenant, unless nobody could create keys afterwards.

    :raises NotFound: when the tenant has no such key
    :raises Conflict: when it is the tenant's last admin key
    """
    with tenants.locked(tenant.id):
        found = {key.public: key for key in tenants.keys(tenant.id)}
        if public not in found:
            raise NotFound("There is no key with this id.")
        now = now_ms()
        admins = [
            key.public for key in found.values() if key.role == "admin" and key.is_active(now)
        ]
        if admins == [public]:
            raise Conflict("The last admin key can't be removed: create another one first.")
        tenants.revoke_key(public)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(public: str, secret: str) -> str:
    number = zlib.crc32(f"{public}_{secret}".encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
