"""Sessions of the dashboard. Each is a row in the database and is read for each page, so that
signing out, revoking the key, and its expiry end all copies of a cookie at once, in every process.
"""

import hashlib

from clv.auth.principal import REFUSAL, Principal, principal_of
from clv.budgets import MAX_SESSIONS
from clv.domain.units import HOUR_MS
from clv.errors import Unauthenticated
from clv.store import api_keys, sessions

LIFETIME_MS = 12 * HOUR_MS


def begin(session_id: str, key: str) -> None:
    """Begin a session of the key with this public part.

    :param session_id: random
    """
    sessions.begin(key, _sha256(session_id), LIFETIME_MS, MAX_SESSIONS)


def resume(session_id: str) -> Principal:
    """Who signed in, as their key is now.

    :raises Unauthenticated: when the session is over, or its key revoked, expired or deleted
    """
    stored = api_keys.key_of_session(_sha256(session_id))
    if stored is None or not stored.key.is_active(stored.now_ms):
        raise Unauthenticated(REFUSAL)
    return principal_of(stored)


def end(session_id: str) -> None:
    """End a session, if there is one with this id."""
    sessions.end(_sha256(session_id))


def end_all(key: str) -> None:
    """End all sessions of the key with this public part."""
    sessions.end_all(key)


def _sha256(session_id: str) -> str:
    """What is stored instead of the id, so that a copy of the database opens no session."""
    return hashlib.sha256(session_id.encode()).hexdigest()
