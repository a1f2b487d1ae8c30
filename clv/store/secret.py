"""Random secrets, as stored: all processes of the service share them."""

import secrets

from clv import db

SECRET_BYTES = 32


def shared(name: str) -> str:
    """The secret with this name, created by the first call."""
    # Read first: the database may be read-only.
    if (stored := _stored(name)) is not None:
        return stored
    db.execute(
        "INSERT INTO secret (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
        (name, secrets.token_hex(SECRET_BYTES)),
    )
    return _stored(name) or ""


def _stored(name: str) -> str | None:
    row = db.row("SELECT value FROM secret WHERE name = %s", (name,))
    return row[0] if row else None
