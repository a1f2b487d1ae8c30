"""Stored summaries that are looked up one by one, however many there are."""

from clv import db


def looked_up(condition: str, columns: str = "ctid AS place, *") -> str:
    """The join with the stored rows ``t`` of each row on its left, looked up by key whatever the
    statistics say: CROSS JOIN keeps SQLite from scanning all of the tenant's rows first, and
    OFFSET 0 keeps PostgreSQL from it.

    :param columns: that PostgreSQL takes of the stored rows. An index has all but their places
    """
    if db.is_sqlite():
        return f"CROSS JOIN interaction_summary t WHERE {condition}"
    stored = f"SELECT {columns} FROM interaction_summary t WHERE {condition} OFFSET 0"
    return f"CROSS JOIN LATERAL ({stored}) t"
