"""A newer version of the service, as far as one can tell today: the next migration, which leaves
room for this version, and a worker whose plans and ends say more than this version knows.

``python -m tests.support.newer`` is that worker.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from clv import db
from clv.domain import overview
from clv.store import snapshots
from jobs import worker

VERSION = db.schema_version() + 1
MIGRATION = f"{VERSION:04}_of_a_newer_version"
FIELD = "of_a_newer_version"
_GROWN = ("tenant", "api_key", "interaction_summary", "clv_record", "clv_change", "snapshot", "run")
_GROWN += ("shard", "run_error", "run_tally", "backtest", "leaders", "session", "file_mapping")
_GROWN += ("removal", "maintenance", "feed", "model_change", "revenue_period", "cohort_sums")


@contextmanager
def migrated() -> Iterator[None]:
    """The database as a newer version has migrated it: a column more in each table, and a table."""
    with db.scope():
        _execute_all(
            *(f"ALTER TABLE {table} ADD COLUMN {FIELD} TEXT" for table in _GROWN),
            f"CREATE TABLE {FIELD} (id INTEGER)",
            f"INSERT INTO schema_migration (name, applied) VALUES ('{MIGRATION}', '2026-01-01')",
        )
    try:
        yield
    finally:
        with db.scope():
            _execute_all(
                f"DELETE FROM schema_migration WHERE name = '{MIGRATION}'",
                f"DROP TABLE {FIELD}",
                *(f"ALTER TABLE {table} DROP COLUMN {FIELD}" for table in _GROWN),
            )


@contextmanager
def planning() -> Iterator[None]:
    """Plan and end runs as a newer version does."""
    before = db.schema_version, snapshots.asdict, overview.asdict
    _become_newer()
    try:
        yield
    finally:
        db.schema_version, snapshots.asdict, overview.asdict = before


def _execute_all(*statements: str) -> None:
    for statement in statements:
        db.execute(statement)


def _become_newer() -> None:
    db.schema_version = lambda: VERSION  # type: ignore[assignment]
    snapshots.asdict = overview.asdict = _with_more  # type: ignore[assignment]


def _with_more(values: Any) -> dict[str, Any]:
    return {**asdict(values), FIELD: ["something"]}


if __name__ == "__main__":
    _become_newer()
    worker.main()
