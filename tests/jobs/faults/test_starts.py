"""Twenty starts at once."""

from contextlib import nullcontext

from clv import db
from clv.store import runs
from tests.jobs.faults.support import TRIALS
from tests.jobs.support import (
    together,
)

UNIQUE_INDEXES = ("run_one_queued", "run_one_running")


def start_twenty_at_once() -> int:
    """How many runs twenty requests at the same time make."""
    wrong = together(*[lambda: runs.join_or_create(1, None, "test", 10**9)] * 20)
    assert wrong == []
    return db.value("SELECT COUNT(*) FROM run")


def test_twenty_starts_at_once_make_one_run(tenant):
    for _ in range(TRIALS):
        with db.scope():
            assert start_twenty_at_once() == 1
            db.execute("DELETE FROM run")


def test_without_the_unique_index_twenty_starts_make_more(tenant, monkeypatch):
    # SQLite's immediate transactions would serialise them even so.
    monkeypatch.setattr(db, "transaction", nullcontext)
    with db.scope():
        for name in UNIQUE_INDEXES:
            db.execute(f"DROP INDEX {name}")
        try:
            made = 0
            for _ in range(100):
                made = max(made, start_twenty_at_once())
                db.execute("DELETE FROM run")
                if made > 1:
                    break
        finally:
            db.execute("DELETE FROM run")
            for name in UNIQUE_INDEXES:
                status = name.rpartition("_")[2]
                db.execute(
                    f"CREATE UNIQUE INDEX {name} ON run (tenant_id) WHERE status = '{status}'"
                )
    assert made > 1
