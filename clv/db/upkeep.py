"""Gives room back, and overwrites what was deleted."""

import time

import peewee

from clv.db.connections import is_sqlite
from clv.db.models import TABLES
from clv.db.queries import execute, rows

# Readers keep SQLite from emptying its log. Each try waits 5 s for them.
CHECKPOINTS = 4
PAUSE_SECONDS = 0.5


def vacuum() -> bool:
    """Vacuum the database: outside of a transaction, and beside everything else.

    SQLite writes its whole file anew and empties its log; its own ``secure_delete`` leaves some of
    what was deleted on pages that it has rearranged. Others read meanwhile, and their writes wait.

    :returns: False if others kept SQLite from it
    """
    if not is_sqlite():
        names = ", ".join(table._meta.table_name for table in TABLES)
        # Past those that somebody else vacuums at this moment.
        execute(f"VACUUM (SKIP_LOCKED) {names}")
        return True
    try:
        execute("VACUUM")
    except peewee.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return any(_emptied_log() for _ in range(CHECKPOINTS))


def _emptied_log() -> bool:
    [(is_busy, *_)] = rows("PRAGMA wal_checkpoint(TRUNCATE)")
    if is_busy:
        time.sleep(PAUSE_SECONDS)
    return not is_busy
