"""Creates and updates the tables, waits for them, and copies the database."""

import errno
import logging
import os
import sqlite3
import sys
import time
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path

from playhouse.migrations import Runner

from clv import logs, private_files
from clv.config import VAR
from clv.db.connections import database, disconnect, is_sqlite, place
from clv.db.failures import ERRORS, NO_TABLES, cause, is_full, is_not_now
from clv.db.queries import translated_errors

MIGRATIONS = Path(__file__).parent / "migrations"
# The advisory lock of a migration: any number that nothing else in the database locks.
MIGRATION_LOCK = 2_147_001
# How long a process waits for the migration, and how often it looks.
MIGRATION_SECONDS = 300
MIGRATION_POLL_SECONDS = 1.0
# The status of a process that Ctrl-C ended, as in a shell.
STOPPED = 130
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
    return migration_state()[0]


def migration_state() -> tuple[list[str], list[str]]:
    """The names of the migrations that this version needs and the database lacks, and of those that
    a newer version applied to it."""
    statuses = _runner().status()
    pending = [migration.name for migration in statuses if migration.applied is None]
    return pending, [migration.name for migration in statuses if migration.path is None]


@cache
def schema_version() -> int:
    """The number of the last migration that this version has."""
    return max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.py"))


def wait_for_migration(serves_without: bool = False) -> None:
    """Wait until the database is migrated, which another process does. One that is down is waited
    for, as a running process would; one that nobody migrates ends the process with a line.

    :param serves_without: return when the database is down: the process has to answer
    """
    told, deadline = "", time.monotonic() + MIGRATION_SECONDS
    while reason := _what_is_missing():
        is_down = reason != NO_TABLES
        if is_down and serves_without:
            logs.event("database.failed", logging.WARNING, cause=reason)
            return
        if is_down and not is_sqlite():
            deadline = time.monotonic() + MIGRATION_SECONDS
        if time.monotonic() > deadline:
            sys.exit(f"{place()}: not migrated within {MIGRATION_SECONDS} s. Run flask migrate.")
        if reason != told:
            logs.event("migration.awaited", logging.WARNING, cause=reason)
            told = reason
        try:
            time.sleep(MIGRATION_POLL_SECONDS)
        except KeyboardInterrupt:
            sys.exit(STOPPED)


def backup(file: Path) -> None:
    """Copy the SQLite database to this file as of one moment, while others write.

    :raises OSError: when the file can't be written
    """
    try:
        with closing(sqlite3.connect(file)) as copy, translated_errors:
            # A copy that fails is deleted, and needs no journal, which would be left.
            copy.execute("PRAGMA journal_mode = off")
            database.connection().backup(copy)
    except ERRORS as error:
        # It is the copy that grows: the database is only read.
        if is_full(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        if "SQLITE_IOERR_WRITE" in cause(error):
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
        raise


def _create_folder(folder: Path) -> None:
    private_files.create_folder(folder)
    if folder == VAR:
        # The service's own, which holds nothing else.
        private_files.tighten(folder, private_files.FOLDER_MODE)


def _what_is_missing() -> str:
    """Why the database can't be used yet; empty if it can."""
    try:
        return NO_TABLES if pending_migrations() else ""
    except ERRORS as error:
        if not is_not_now(error):
            raise
        return cause(error)
    finally:
        # Whoever waits may fork, and holds no connection.
        disconnect()


class _Runner(Runner):
    """Peewee's runner, which also knows the former names of migrations."""

    def applied(self) -> dict[str, datetime]:
        recorded = super().applied()
        return {RENAMED_MIGRATIONS.get(name, name): at for name, at in recorded.items()}


def _runner() -> Runner:
    return _Runner(database.obj, str(MIGRATIONS))
