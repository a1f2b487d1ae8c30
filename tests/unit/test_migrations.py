"""The tables that the migrations make."""

import random
from collections.abc import Iterable
from datetime import datetime

import pytest
from peewee import IntegrityError
from playhouse.schema_diff import diff_models

from clv import db
from clv.config import Settings
from clv.db import models
from clv.db.schema import MIGRATIONS
from clv.store import runs
from tests.api.support import row

KEYS = {
    ("tenant", "name"),
    ("api_key", "public"),
    ("interaction_summary", "customer_id"),
    ("interaction_summary", "period_key"),
    ("interaction_summary", "offer_id"),
    ("interaction_summary", "creative_id"),
    ("interaction_summary", "channel_id"),
    ("clv_record", "customer_id"),
    ("clv_change", "customer_id"),
    ("run", "job_id"),
    ("shard", "cursor"),
    ("shard", "until_key"),
    ("run_error", "customer_id"),
    ("backtest", "backtest_id"),
    ("revenue_period", "period_key"),
}


@pytest.fixture
def scope(app):
    with db.scope():
        yield


def test_the_migrated_tables_are_those_of_the_models(scope):
    difference = diff_models(db.database.obj, models.TABLES)
    assert not difference, difference


def test_migrating_again_does_nothing(scope):
    before = db.rows("SELECT name FROM schema_migration ORDER BY name")
    assert db.migrate() == []
    assert db.pending_migrations() == []
    assert db.rows("SELECT name FROM schema_migration ORDER BY name") == before


def test_an_empty_database_is_migrated_once(app, tmp_path):
    place = tmp_path / "not yet" / "clv.db"
    db.configure(Settings(database_url=f"sqlite:///{place}"))
    with db.scope():
        applied = db.migrate()
        assert applied[0] == "0001_initial"
        assert db.pending_migrations() == []
        assert db.migrate() == []
        assert not diff_models(db.database.obj, models.TABLES)
    db.database.close_all()
    assert place.parent.stat().st_mode & 0o077 == 0


OLD_NAMES = (
    "0001_initial",
    "0002_lists_and_history",
    "0003_secret",
    "0004_key_use",
    "0004_run_tally",
    "0005_models",
)
# The migrations that never had another name.
SINCE = [
    "0007_time_zone_and_mappings",
    "0008_larger_amounts",
    "0009_sessions",
    "0010_removals",
    "0011_run_version",
    "0012_run_as_of",
    "0013_feed",
    "0014_model_changes",
    "0015_revenue",
    "0016_cohorts",
]


@pytest.fixture
def recorded(scope):
    """Records these migrations, and no others, as applied."""
    before = db.rows("SELECT name, applied FROM schema_migration")

    def record(names: Iterable[str]) -> None:
        db.execute("DELETE FROM schema_migration")
        at = datetime(2026, 1, 1)
        db.execute_many(
            "INSERT INTO schema_migration (name, applied) VALUES (%s, %s)",
            [(name, at.isoformat(" ")) for name in names],
        )

    yield record
    db.execute("DELETE FROM schema_migration")
    db.execute_many("INSERT INTO schema_migration (name, applied) VALUES (%s, %s)", before)


def test_each_migration_has_a_number_of_its_own():
    names = sorted(path.stem for path in MIGRATIONS.glob("*.py"))
    numbers = [int(name[:4]) for name in names]
    assert len(set(numbers)) == len(names), names


def test_a_database_migrated_under_the_old_names_lacks_nothing(recorded):
    recorded((*OLD_NAMES, *SINCE))
    before = db.rows("SELECT name, applied FROM schema_migration ORDER BY name")
    assert db.pending_migrations() == []
    assert db.migrate() == []
    assert db.rows("SELECT name, applied FROM schema_migration ORDER BY name") == before


def test_a_migrated_row_may_have_an_amount_of_10_to_the_12_and_no_more(load):
    load(row("a", 1, 1, 10**12), row("b", 1, 1, -(10**12)))
    beyond = "UPDATE interaction_summary SET total_value = total_value + 1 WHERE customer_id = 'a'"
    with db.scope():
        assert db.value("SELECT MAX(total_value) FROM interaction_summary") == 10**16
        with pytest.raises(IntegrityError):
            db.execute(beyond)


def test_asking_for_pending_migrations_writes_nothing(recorded):
    recorded(OLD_NAMES[:5])
    before = db.rows("SELECT name, applied FROM schema_migration ORDER BY name")
    assert db.pending_migrations() == ["0006_models", *SINCE]
    assert db.rows("SELECT name, applied FROM schema_migration ORDER BY name") == before


@pytest.mark.parametrize(
    ("applied", "rest"),
    [
        (OLD_NAMES[:3], ["0004_key_use", "0005_run_tally", "0006_models", *SINCE]),
        (OLD_NAMES[:4], ["0005_run_tally", "0006_models", *SINCE]),
        (OLD_NAMES[:5], ["0006_models", *SINCE]),
        (OLD_NAMES, SINCE),
        # The run tally came a day before the use of keys.
        ((*OLD_NAMES[:3], "0004_run_tally"), ["0004_key_use", "0006_models", *SINCE]),
    ],
)
def test_a_database_that_stopped_at_an_old_name_applies_the_rest_once(recorded, applied, rest):
    with pytest.raises(_Undone), db.database.atomic():
        _undo(rest)
        recorded(applied)
        assert db.pending_migrations() == rest
        assert db.migrate() == rest
        assert db.migrate() == []
        assert db.pending_migrations() == []
        assert not diff_models(db.database.obj, models.TABLES)
        names = {name for (name,) in db.rows("SELECT name FROM schema_migration")}
        assert names == {*applied, *rest}
        raise _Undone


def test_ended_runs_keep_the_sums_of_their_shards_and_no_bounds(recorded, tenant):
    """The bounds of shards are ids of customers."""
    with pytest.raises(_Undone), db.database.atomic():
        since = SINCE[SINCE.index("0010_removals") :]
        _undo(since)
        recorded((*OLD_NAMES, *SINCE[: -len(since)]))
        run = "INSERT INTO run (id, job_id, tenant_id, status, requested_by, created_ms,"
        run += " deadline_ms, planned, plan_attempt, plan_lease_ms, erasures)"
        for run_id, status in ((1, "finished"), (2, "cancelled"), (3, "running")):
            values = (run_id, str(run_id), tenant.id, status, "test", 0, 0, True, 0, 0, 0)
            db.execute(f"{run} VALUES ({', '.join(['%s'] * 11)})", values)
            db.execute_many(
                "INSERT INTO shard (run_id, cursor, done, computed, errors, attempt, lease_ms,"
                " stuck) VALUES (%s, 'ann', %s, %s, 1, 0, 0, 0)",
                [(run_id, True, 10 * run_id), (run_id, False, 5)] if run_id != 2 else [],
            )
        assert db.migrate() == since
        sums = db.rows("SELECT id, computed, errors FROM run ORDER BY id")
        assert sums == [(1, 15, 2), (2, 0, 0), (3, None, None)]
        assert {one for (one,) in db.rows("SELECT run_id FROM shard")} == {3}
        assert [runs.by_id(one).computed for one in (1, 2, 3)] == [15, 0, 35]
        raise _Undone


class _Undone(Exception):
    """Rolls a test's changes of the tables back."""


def _undo(names: Iterable[str]) -> None:
    """Take back what these migrations added to the tables."""
    for name in names:
        for statement in _ADDED[name]:
            db.execute(statement)


_ADDED = {
    "0004_key_use": ["ALTER TABLE api_key DROP COLUMN last_used_ms"],
    "0005_run_tally": ["DROP TABLE run_tally"],
    "0006_models": [
        "DROP TABLE backtest",
        "ALTER TABLE tenant DROP COLUMN model",
        "ALTER TABLE tenant DROP COLUMN churn_horizon_days",
        "ALTER TABLE snapshot DROP COLUMN calibration",
        "ALTER TABLE clv_record DROP COLUMN model",
    ],
    "0007_time_zone_and_mappings": [
        "DROP TABLE file_mapping",
        "ALTER TABLE tenant DROP COLUMN time_zone",
        "ALTER TABLE tenant DROP COLUMN days_time_zone",
    ],
    # Doing it again changes nothing.
    "0008_larger_amounts": [],
    "0009_sessions": ["DROP TABLE session"],
    "0010_removals": [
        "DROP TABLE removal",
        "DROP TABLE maintenance",
        "ALTER TABLE tenant DROP COLUMN removals",
        "ALTER TABLE tenant DROP COLUMN removal_key",
        "ALTER TABLE snapshot DROP COLUMN removals",
        "ALTER TABLE run DROP COLUMN computed",
        "ALTER TABLE run DROP COLUMN errors",
    ],
    "0011_run_version": ["ALTER TABLE run DROP COLUMN version"],
    "0012_run_as_of": ["ALTER TABLE run DROP COLUMN as_of_ms"],
    "0013_feed": [
        "DROP TABLE feed",
        "DROP INDEX run_feed",
        "DROP INDEX clv_record_computed_singly",
        "ALTER TABLE run DROP COLUMN feed_number",
        "ALTER TABLE clv_record DROP COLUMN feed_number",
        "CREATE INDEX clv_record_computed_singly ON clv_record (tenant_id, customer_id)"
        " WHERE run_id IS NULL",
    ],
    "0014_model_changes": ["DROP TABLE model_change"],
    "0015_revenue": ["DROP TABLE revenue_period", "ALTER TABLE tenant DROP COLUMN revenue_ms"],
    "0016_cohorts": [
        "DROP TABLE cohort_sums",
        "ALTER TABLE tenant DROP COLUMN gross_margin",
        "ALTER TABLE tenant DROP COLUMN acquisition_cost",
    ],
}


def test_the_physical_lay_out_is_what_each_database_needs(scope):
    check_clustered_tables() if db.is_sqlite() else check_keys_of_postgresql()


def check_clustered_tables() -> None:
    without_rowid = db.rows("SELECT name FROM pragma_table_list WHERE wr = 1 AND type = 'table'")
    clustered = {name for (name,) in without_rowid}
    assert {
        "interaction_summary",
        "clv_record",
        "clv_change",
        "removal",
        "revenue_period",
    } <= clustered


def check_keys_of_postgresql() -> None:
    collations = db.rows(
        "SELECT t.relname, a.attname, c.collname FROM pg_attribute a"
        " JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r'"
        " JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()"
        " JOIN pg_collation c ON c.oid = a.attcollation WHERE a.attnum > 0"
    )
    found = {(table, column): collation for table, column, collation in collations}
    assert {found[key] for key in KEYS} == {"C"}
    names = {column for _, column in KEYS if column != "name"}
    assert {key for key in found if key[1] in names} == KEYS - {("tenant", "name")}
    [(definition,)] = db.rows(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'interaction_summary'"
    )
    assert definition.endswith(
        "(tenant_id, customer_id, period_key, offer_id, creative_id, channel_id)"
        " INCLUDE (impressions, total_value, first_contact_ms, last_contact_ms, converts)"
    )


def test_ids_sort_alike_in_python_and_in_the_database(load):
    ids = ["Z", "a", "B", "b", "ä", "z", "0", "10", "9", "-", "~", "é", "e\u0301", "A b", "A-b"]
    ids += ["客户", "\uff5e", "\U0001f600", "ß", "ss", "İ", "i", "_", "a.b", "a%b", "a'b", 'a"b']
    random.Random(1).shuffle(ids)
    load(*(row(customer_id, 1) for customer_id in ids))
    with db.scope():
        found = [
            customer_id
            for (customer_id,) in db.rows(
                "SELECT customer_id FROM interaction_summary ORDER BY customer_id"
            )
        ]
        above = db.value(
            "SELECT COUNT(*) FROM interaction_summary WHERE customer_id > %s", ("\uff5e",)
        )
    assert found == sorted(ids)
    assert above == 1
