"""Who sent a request, by its API key.

A key that was looked up is cached for 5 seconds. For so long its requests need no query, and a
revocation may take so long to reach every process (the one that revokes knows at once). Of the
tenant only what never changes is cached with the key.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

from clv import db
from clv.auth import tokens
from clv.auth.principal import REFUSAL, Principal, principal_of
from clv.auth.tokens import public_part
from clv.auth.ttl_cache import TTLCache
from clv.errors import Unauthenticated
from clv.store import api_keys
from clv.store import secret as secret_store

CACHE_SECONDS = 5.0
# Keys in use at the same time; more than this cost queries.
MAX_CACHED_KEYS = 1_000
# A key's last use is stored at most this often.
USE_NOTED_EVERY_MS = 60_000


@dataclass(slots=True)
class CachedKey:
    """A key as the process remembers it.

    :param use_is_due: whether its last use should be noted
    :param token_sha256: of the whole token; empty until one was valid
    """

    principal: Principal
    secret_sha256: bytes
    use_is_due: bool
    token_sha256: bytes = b""


_cached_keys: TTLCache[CachedKey] = TTLCache(MAX_CACHED_KEYS)
_existing: TTLCache[frozenset[str]] = TTLCache(1)


def recognise(header: str | None) -> Principal | None:
    """Who sent this ``Authorization`` header, if the same token was valid a moment ago.

    Costs a digest and a dictionary lookup. None does not mean refused: ask :func:`authenticate`.
    """
    text = _bearer(header)
    cached = _cached_keys.get(public_part(text))
    if cached and hmac.compare_digest(hashlib.sha256(text.encode()).digest(), cached.token_sha256):
        return cached.principal
    return None


def authenticate(header: str | None, existing: bool = False) -> Principal:
    """Who sent this ``Authorization`` header.

    :param existing: look up no key that does not exist. The public parts of all keys are fetched
        together, at most every 5 seconds, so that made-up keys don't cost a query each
    :raises Unauthenticated: for every header that is not exactly right, with one message
    """
    text = _bearer(header)
    token = tokens.parse(text)
    if token is None:
        raise Unauthenticated(REFUSAL)
    key = _cached_keys.get(token.public)
    if key is None and not (existing and token.public not in _existing_keys()):
        key = _look_up(token.public)
    # Bytes: compare_digest raises on a text that is not ASCII.
    if key is None or not hmac.compare_digest(token.secret_sha256.encode(), key.secret_sha256):
        raise Unauthenticated(REFUSAL)
    key.token_sha256 = hashlib.sha256(text.encode()).digest()
    return key.principal


def key_named_in(header: str | None) -> tuple[str, str]:
    """The tenant and the public part of the key that a refused header names, for the log. Empty
    where there is no such key, or nothing that has the form of one."""
    token = tokens.parse(_bearer(header))
    if token is None:
        return "", ""
    stored = api_keys.find_key(token.public)
    return "" if stored is None else stored.tenant_name, token.public


def use_is_due(principal: Principal) -> bool:
    """Whether the key's last use should be noted now. True for one caller only."""
    key = _cached_keys.get(principal.key)
    due = key is not None and key.use_is_due
    if key is not None:
        key.use_is_due = False
    return due


def note_use(principal: Principal) -> None:
    """Note that the key was used, if the database can do so at once. It is worth neither an error
    nor a wait for a lock that a run holds: after 5 seconds the next request tries again."""
    with db.tolerated(), db.within(db.REQUEST_SECONDS):
        api_keys.note_use(principal.key, USE_NOTED_EVERY_MS)


def shared_secret() -> str:
    """What all processes sign with if SECRET_KEY is not set: random, and kept in the database."""
    return secret_store.shared("session")


def forget_keys() -> None:
    """Empty the caches, after keys or the database have changed."""
    _cached_keys.clear()
    _existing.clear()


def _bearer(header: str | None) -> str:
    scheme, _, text = (header or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _look_up(public: str) -> CachedKey | None:
    epoch, began = _cached_keys.epoch, time.monotonic()
    stored = api_keys.find_key(public)
    if stored is None or not stored.key.is_active(stored.now_ms):
        return None
    key = stored.key
    cached = CachedKey(
        principal_of(stored),
        key.secret_sha256.encode(),
        # Either way: it was noted ahead if the database's clock was.
        abs(stored.now_ms - (key.last_used_ms or 0)) >= USE_NOTED_EVERY_MS,
    )
    seconds = CACHE_SECONDS
    if key.expires_ms is not None:
        seconds = min(seconds, (key.expires_ms - stored.now_ms) / 1000)
    _cached_keys.add(public, cached, began + seconds, epoch)
    return cached


def _existing_keys() -> frozenset[str]:
    """The public parts of all active keys, about 100 bytes each."""
    public_parts = _existing.get("")
    if public_parts is None:
        epoch, began = _existing.epoch, time.monotonic()
        public_parts = frozenset(api_keys.public_parts())
        _existing.add("", public_parts, began + CACHE_SECONDS, epoch)
    return public_parts
