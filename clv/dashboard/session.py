"""What a browser keeps of its session: a signed text, and the token of its forms.

The text has the session's id and names an API key by its public part; the key itself is kept
nowhere. Whether the session still opens something is up to :mod:`clv.auth.sessions`.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer

from clv.auth.sessions import LIFETIME_MS

# How much the clocks of the machines that share the sessions may differ.
SKEW_MS = 60_000
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Session:
    """One browser, from a sign-in to the next.

    :param key: the public part of the key, empty before the sign-in
    :param opened_ms: when it began, in milliseconds since 1970
    :param id: random, and new at each sign-in and sign-out
    """

    key: str
    opened_ms: int
    id: str


def open_session(key: str, now_ms: int) -> Session:
    """A new session."""
    return Session(key, now_ms, secrets.token_urlsafe(_ID_BYTES))


def seal(session: Session, secret: str) -> str:
    """The session as a signed text."""
    return _serializer(secret).dumps([session.key, session.opened_ms, session.id])


def unseal(text: str, secret: str, now_ms: int) -> Session | None:
    """The inverse of :func:`seal`; None for a text that is not ours, or is too old."""
    try:
        session = Session(*_serializer(secret).loads(text))
    except BadSignature:
        return None
    return session if -SKEW_MS <= now_ms - session.opened_ms < LIFETIME_MS else None


def form_token(session: Session, secret: str) -> str:
    """The token that each form of the session carries. No other site can know it."""
    return hmac.new(secret.encode(), f"form:{session.id}".encode(), hashlib.sha256).hexdigest()


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt="clv.dashboard.session",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
