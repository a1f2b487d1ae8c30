"""Sessions of the dashboard, as stored: of each the SHA-256 of its id, its key, and its end."""

from clv import db
from clv.db.clock import now_sql

_OF_KEY = "api_key_id = (SELECT id FROM api_key WHERE public = %s)"


def begin(public: str, sha256: str, lifetime_ms: int, most: int) -> None:
    """Store a session of the key with this public part, and delete those of the key that are over.

    :param most: sessions of a key; the oldest make room
    """
    newest = f"SELECT sha256 FROM session WHERE {_OF_KEY} ORDER BY ends_ms DESC LIMIT %s"
    with db.transaction():
        db.execute(
            f"DELETE FROM session WHERE {_OF_KEY}"
            f" AND (ends_ms <= {now_sql()} OR sha256 NOT IN ({newest}))",
            (public, public, most - 1),
        )
        db.execute(
            "INSERT INTO session (sha256, api_key_id, ends_ms)"
            f" SELECT %s, id, {now_sql()} + %s FROM api_key WHERE public = %s",
            (sha256, lifetime_ms, public),
        )


def end(sha256: str) -> None:
    """End a session."""
    db.execute("DELETE FROM session WHERE sha256 = %s", (sha256,))


def end_all(public: str) -> None:
    """End all sessions of the key with this public part."""
    db.execute(f"DELETE FROM session WHERE {_OF_KEY}", (public,))
