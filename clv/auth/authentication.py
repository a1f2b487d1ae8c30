"""API keys: who holds one, and what a role may do.

A key that was looked up is believed for 5 seconds: so long a request needs no query to know who is
asking, and so soon a revocation takes effect in every process (at once in the one that revokes).
Of the tenant only what never changes is kept with the key.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

from clv import db
from clv.auth import tokens
from clv.auth.principal import REFUSAL, Principal, Role
from clv.auth.tokens import public_part
from clv.auth.ttl_cache import TTLCache
from clv.errors import Unauthenticated
from clv.store import api_keys
from clv.store import secret as secret_store

BELIEVED_SECONDS = 5.0
# Keys that are in use at the same time; more of them cost queries.
MOST_BELIEVED = 1_000
# A key's last use is true to this.
USE_NOTED_EVERY_MS = 60_000


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


_ring: TTLCache[Held] = TTLCache(MOST_BELIEVED)
_existing: TTLCache[frozenset[str]] = TTLCache(1)


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
        raise Unauthenticated(REFUSAL)
    held = _ring.get(token.public)
    if held is None and not (existing and token.public not in _existing_keys()):
        held = _look_up(token.public)
    # Bytes: compare_digest raises on a text that is not ASCII.
    if held is None or not hmac.compare_digest(token.secret_sha256.encode(), held.secret_sha256):
        raise Unauthenticated(REFUSAL)
    held.token_sha256 = hashlib.sha256(text.encode()).digest()
    return held.principal


def resume(public: str) -> Principal:
    """Who signed in with the key of this public part, as the key is now.

    :raises Unauthenticated: when the key was revoked, expired or deleted meanwhile
    """
    held = _look_up(public)
    if held is None:
        raise Unauthenticated(REFUSAL)
    return held.principal


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
            api_keys.note_use(principal.key, USE_NOTED_EVERY_MS)
    except db.DOWN:
        pass


def shared_secret() -> str:
    """What the processes sign with where no setting says it: random, and kept in the database."""
    return secret_store.shared("session")


def forget() -> None:
    """Ask the database again about every key: they have changed, or the database is another."""
    _ring.clear()
    _existing.clear()


def _bearer(header: str | None) -> str:
    scheme, _, text = (header or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _look_up(public: str) -> Held | None:
    epoch, began = _ring.epoch, time.monotonic()
    found = api_keys.find_key(public)
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
        found = frozenset(api_keys.public_parts())
        _existing.add("", found, began + BELIEVED_SECONDS, epoch)
    return found
