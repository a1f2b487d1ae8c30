"""API keys: who holds one, and what a role may do.

A key that was looked up is believed for 5 seconds: so long a request needs no query to know who is
asking, and so soon a revocation takes effect in every process (at once in the one that revokes).
Of the tenant only what never changes is kept with the key.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from enum import IntEnum

from clv import db, fields, tokens
from clv.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from clv.memory import ShortMemory
from clv.scoring import DAY_MS
from clv.store import now_ms, tenants
from clv.store import secret as secret_store
from clv.store.tenants import ApiKey, Tenant

BELIEVED_SECONDS = 5.0
# Keys that are in use at the same time; more of them cost queries.
MOST_BELIEVED = 1_000
# A key's last use is true to this.
USE_NOTED_EVERY_MS = 60_000

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
    tenant_id: int
    tenant_name: str

    @property
    def tenant(self) -> Tenant:
        """The tenant as it is now, read at each call: another process may have changed its
        settings or its data a moment ago.

        :raises Unauthenticated: when it was deleted, and the key with it
        """
        try:
            return tenants.tenant_by_id(self.tenant_id)
        except NotFound:
            raise Unauthenticated(_REFUSAL) from None


@dataclass(slots=True)
class Held:
    """A key as the process holds it.

    :param token_sha256: of the whole token, once it was found right
    :param use_is_due: whether its last use should be noted
    """

    principal: Principal
    secret_sha256: bytes
    use_is_due: bool
    token_sha256: bytes = b""


_ring: ShortMemory[Held] = ShortMemory(MOST_BELIEVED)
_existing: ShortMemory[frozenset[str]] = ShortMemory(1)


def create_key(tenant: Tenant, role: Role, label: str = "", expires_days: int | None = None) -> str:
    """A new key's token. It is returned this once and stored nowhere."""
    try:
        fields.plain_text(label)
    except ValueError as error:
        raise Invalid(f"The label: {error}") from None
    token = tokens.new()
    expires_ms = None if expires_days is None else now_ms() + expires_days * DAY_MS
    tenants.create_key(
        tenant.id, token.public, token.secret_sha256, role.name.lower(), label, expires_ms
    )
    forget()
    return str(token)


def recognise(header: str | None) -> Principal | None:
    """Who sent this ``Authorization`` header, if the key was found right within the last seconds:
    one digest and one look into a dict. None says nothing: :func:`authenticate` does."""
    text = _bearer(header)
    held = _ring.get(public_part(text))
    if held and hmac.compare_digest(hashlib.sha256(text.encode()).digest(), held.token_sha256):
        return held.principal
    return None


def authenticate(header: str | None, existing: bool = False) -> Principal:
    """Who sent this ``Authorization`` header.

    :param existing: look up no key that does not exist: their public parts are fetched at once,
        every 5 seconds at most, so that any number of made-up keys costs no query each
    :raises Unauthenticated: for every header that is not exactly right, with one message
    """
    text = _bearer(header)
    token = tokens.parse(text)
    if token is None:
        raise Unauthenticated(_REFUSAL)
    held = _ring.get(token.public)
    if held is None and not (existing and token.public not in _existing_keys()):
        held = _look_up(token.public)
    # Bytes: compare_digest raises on a text that is not ASCII.
    if held is None or not hmac.compare_digest(token.secret_sha256.encode(), held.secret_sha256):
        raise Unauthenticated(_REFUSAL)
    held.token_sha256 = hashlib.sha256(text.encode()).digest()
    return held.principal


def resume(public: str) -> Principal:
    """Who signed in with the key of this public part, as the key is now.

    :raises Unauthenticated: when the key was revoked, expired or deleted meanwhile
    """
    held = _look_up(public)
    if held is None:
        raise Unauthenticated(_REFUSAL)
    return held.principal


def authorize(principal: Principal, role: Role, tenant_header: str | None) -> None:
    """Check the tenant that the caller names, if any, and then the role.

    :raises Forbidden: naming what would be needed
    """
    if tenant_header is not None and tenant_header != principal.tenant_name:
        raise Forbidden("X-Tenant-Id must be the key's own tenant, or be left out.")
    if principal.role < role:
        raise Forbidden(f"This needs a key with the role {role.name.lower()} or higher.")


def use_is_due(principal: Principal) -> bool:
    """Whether the key's last use should be noted now; asked again, it says no."""
    held = _ring.get(principal.key)
    due = held is not None and held.use_is_due
    if held is not None:
        held.use_is_due = False
    return due


def note_use(principal: Principal) -> None:
    """Note that the key was used, if the database takes it at once: it is not worth waiting for a
    lock that a run holds, and less so an error. After 5 seconds the next request tries again."""
    try:
        with db.within(db.REQUEST_SECONDS):
            tenants.note_use(principal.key, USE_NOTED_EVERY_MS)
    except db.DOWN:
        pass


def shared_secret() -> str:
    """What the processes sign with where no setting says it: random, and kept in the database."""
    return secret_store.shared("session")


def keys(tenant: Tenant) -> list[ApiKey]:
    """The tenant's keys, oldest first, revoked and expired ones too."""
    return tenants.keys(tenant.id)


def public_part(token: str) -> str:
    """The part of a token that names its key."""
    return token[len("clv_") :][: tokens.PUBLIC_LENGTH]


def revoke_key(public: str) -> None:
    """Revoke a key of any tenant by its public part, or by its whole token.

    :raises NotFound: when there is no such key
    """
    token = tokens.parse(public)
    if token is not None:
        public = token.public
    elif not tokens.is_public_part(public):
        raise NotFound("There is no such key; `flask keys list` shows the public parts.")
    tenants.revoke_key(public)
    forget()


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
    forget()


def delete_tenant(tenant: Tenant) -> None:
    """Delete a tenant with its data and its keys, for good."""
    tenants.delete_tenant(tenant.id)
    forget()


def forget() -> None:
    """Ask the database again about every key: they have changed, or the database is another."""
    _ring.clear()
    _existing.clear()


def _bearer(header: str | None) -> str:
    scheme, _, text = (header or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _look_up(public: str) -> Held | None:
    epoch, began = _ring.epoch, time.monotonic()
    found = tenants.find_key(public)
    if found is None or not found.key.is_active(found.now_ms):
        return None
    key = found.key
    held = Held(
        Principal(key.public, Role.parse(key.role), found.tenant_id, found.tenant_name),
        key.secret_sha256.encode(),
        found.now_ms - (key.last_used_ms or 0) >= USE_NOTED_EVERY_MS,
    )
    seconds = BELIEVED_SECONDS
    if key.expires_ms is not None:
        seconds = min(seconds, (key.expires_ms - found.now_ms) / 1000)
    _ring.add(public, held, began + seconds, epoch)
    return held


def _existing_keys() -> frozenset[str]:
    """The public parts of all keys that open something, some 100 bytes each."""
    found = _existing.get("")
    if found is None:
        epoch, began = _existing.epoch, time.monotonic()
        found = frozenset(tenants.public_parts())
        _existing.add("", found, began + BELIEVED_SECONDS, epoch)
    return found
