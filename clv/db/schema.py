"""Creates and updates the tables, and copies the database."""

import sqlite3
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path

from playhouse.migrations import Runner

from clv import private_files
from clv.config import VAR
from clv.db.connections import database, is_sqlite
from clv.db.queries import translated_errors

MIGRATIONS = Path(__file__).parent / "migrations"
# The advisory lock of a migration: any number that nothing else in the database locks.
MIGRATION_LOCK = 2_147_001
# Migrations that were renumbered because two had the number 4. A database keeps the name under
# which it applied a migration, so that a process of the old version finds nothing pending either.
RENAMED_MIGRATIONS = {"0004_run_tally": "0005_run_tally", "0005_models": "0006_models"}


def migrate() -> list[str]:
    """Apply the pending migrations and return their names."""
    if is_sqlite():
        _create_folder(Path(database.database).parent)
        return _runner().up()
    with database.atomic():
        # Several release processes may migrate at once.
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        return _runner().up()


def pending_migrations() -> list[str]:
    """The names of the migrations that this version needs and the database lacks."""
    return [migration.name for migration in _runner().status() if migration.applied is None]


def unknown_migrations() -> list[str]:
    """The names of the migrations that a newer version applied to the database."""
    return [migration.name for migration in _runner().status() if migration.path is None]


@cache
def schema_version() -> int:
    """The number of the last migration that this version has."""
    return max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.py"))


def backup(file: Path) -> None:
    """Copy the SQLite database to this file as of one moment, while others write."""
    with closing(sqlite3.connect(file)) as copy, translated_errors:
        database.connection().backup(copy)


def _create_folder(folder: Path) -> None:
    private_files.create_folder(folder)
    if folder == VAR:
        # The service's own, which holds nothing else.
        private_files.tighten(folder, private_files.FOLDER_MODE)


class _Runner(Runner):
    """Peewee's runner, which also knows the former names of migrations."""

    def applied(self) -> dict[str, datetime]:
        recorded = super().applied()
        return {RENAMED_MIGRATIONS.get(name, name): at for name, at in recorded.items()}


def _runner() -> Runner:
    return _Runner(database.obj, str(MIGRATIONS))
