"""Random secrets, as stored: all processes of the service share them."""

import secrets

from clv import db

SECRET_BYTES = 32


def shared(name: str) -> str:
    """The secret with this name, created by the first call."""
    db.execute(
        "INSERT INTO secret (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
        (name, secrets.token_hex(SECRET_BYTES)),
    )
    return db.value("SELECT value FROM secret WHERE name = %s", (name,))
