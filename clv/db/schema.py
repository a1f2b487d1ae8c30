"""Creates and updates the tables, and copies the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

from playhouse.migrations import Runner

from clv.db.connections import database, is_sqlite
from clv.db.queries import _translated

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 2_147_001


def migrate() -> list[str]:
    """Apply the pending migrations and return their names."""
    path = _sqlite_path()
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_sqlite():
        return _runner().up()
    with database.atomic():
        # Several release processes may migrate at once.
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        return _runner().up()


def backup(file: Path) -> None:
    """Copy the SQLite database into this file, as of one moment, while others write."""
    with closing(sqlite3.connect(file)) as copy, _translated:
        database.connection().backup(copy)


def pending_migrations() -> list[str]:
    """The names of migrations that this version needs and the database lacks."""
    return [m.name for m in _runner().status() if m.applied is None]


def _sqlite_path() -> Path | None:
    return Path(database.database) if is_sqlite() else None


def _runner() -> Runner:
    return Runner(database.obj, str(MIGRATIONS))
