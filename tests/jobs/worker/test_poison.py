"""Customers that can't be computed."""

from clv import db
from clv.db.clock import now_ms
from clv.store import runs, shards
from clv.store.shards import Chunk
from tests.jobs.support import LEASE, Bell, add_customers, begin, complete, planned


def test_poisoned_customers_are_left_out_named_and_counted(tenant, app):
    bell = Bell(app.extensions["clv"].queue.redis)
    add_customers(tenant, 120)
    with db.scope():
        now = now_ms()
        with_checks_off(now)
        run_id = begin()
        complete(run_id, bell)
        run = runs.by_id(run_id)
        assert (run.status, run.computed, run.errors) == ("finished", 118, 2)
        assert dict(runs.errors_page(run_id, "", 9)) == {
            "c00007": "A count in the interaction summaries is negative.",
            "c00009": "The sum of the interaction summaries is too large.",
        }
        found = db.value("SELECT customers FROM snapshot")
        assert found == 118


def with_checks_off(now: int) -> None:
    """A negative count and an overflowing sum, behind the API's back."""
    huge = 2**63 - 1
    rows = [
        ("c00007", "2026-01-02", -5, 0),
        *(("c00009", f"2026-01-{d:02}", 1, huge) for d in (3, 4)),
    ]
    insert = (
        f"INSERT INTO interaction_summary VALUES (1, %s, %s, '', '', '', %s, 0, %s, {now}, {now})"
    )
    if db.is_sqlite():
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute_many(insert, rows)
        db.execute("PRAGMA ignore_check_constraints = 0")
        return
    for column in ("impressions", "total_value"):
        name = f"interaction_summary_{column}_check"
        db.execute(f"ALTER TABLE interaction_summary DROP CONSTRAINT IF EXISTS {name}")
    db.execute_many(insert, rows)
    limits = {
        "impressions": "0 AND 1000000000",
        "total_value": "-10000000000000000 AND 10000000000000000",
    }
    for column, between in limits.items():
        db.execute(
            f"ALTER TABLE interaction_summary ADD CONSTRAINT interaction_summary_{column}_check"
            f" CHECK ({column} BETWEEN {between}) NOT VALID"
        )


def test_a_chunk_of_errors_alone_is_committed(tenant, app):
    with db.scope():
        add_customers(tenant, 3)
        run_id = planned(Bell(app.extensions["clv"].queue.redis))
        shard = shards.claim_shard(run_id, LEASE)
        reasons = [("c00001", "a reason"), ("c00002", "another")]
        assert shards.commit_chunk(
            runs.by_id(run_id), shard, "", Chunk("c00002", False, [], reasons)
        )
        assert runs.errors_page(run_id, "", 9) == reasons
