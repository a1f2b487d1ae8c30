"""Requests with a key, and keys that can't be read."""

from collections.abc import Iterator
from contextlib import contextmanager

from clv import db

CLV, SETTINGS, KEYS = "/api/v1/customers/a/clv", "/api/v1/settings", "/api/v1/api-keys"


def bearer(token: object) -> dict[str, str]:
    """The header with this token."""
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def unreadable_keys() -> Iterator[None]:
    """The keys can't be read meanwhile: whoever looks one up gets a 500 or a 503."""
    with db.scope():
        db.execute("ALTER TABLE api_key RENAME TO api_key_away")
    try:
        yield
    finally:
        with db.scope():
            db.execute("ALTER TABLE api_key_away RENAME TO api_key")
