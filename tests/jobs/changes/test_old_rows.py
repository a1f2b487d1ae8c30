"""Old rows are deleted."""

import threading

from clv import db
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.store import changes
from tests.jobs.changes.support import AT, CUSTOMERS, rows, scores, write_series, write_singly
from tests.jobs.support import begin, complete, together


def test_old_rows_are_deleted_but_for_each_customers_latest_one(write, tenant):
    with db.scope():
        write_series(write, (50, "medium"), (60, "medium"), (70, "high"))
        write(1, [scores(10, "low", AT, "c00002"), scores(5, "low", AT, "c00003")])
        write(1, [scores(5, "at_risk", AT + 120_000, "c00003")])
        assert changes.prune(tenant.id, AT + 60_000) == 2
        assert rows() == [(1, 60, "medium", "medium"), (2, 70, "high", "medium")]
        assert rows("c00002") == [(0, 10, "low", None)]
        assert rows("c00003") == [(2, 5, "at_risk", "low")]
        assert changes.prune(tenant.id, AT + 10**9) == 1
        assert [len(rows(customer)) for customer in CUSTOMERS[:3]] == [1, 1, 1]
        assert changes.prune(tenant.id, AT + 10**9) == 0


def test_many_old_rows_are_deleted_in_parts(customers, tenant, monkeypatch):
    monkeypatch.setattr(changes, "PRUNED_AT_ONCE", 7)
    with db.scope():
        for minute in range(4):
            at = AT + minute * 60_000
            write_singly(1, [scores(minute * 20, at=at, customer_id=c) for c in CUSTOMERS])
        assert changes.prune(tenant.id, AT + 60_000) == len(CUSTOMERS)
        assert changes.prune(tenant.id, AT + 10**9) == 2 * len(CUSTOMERS)
        assert all(len(rows(customer)) == 1 for customer in CUSTOMERS)


def test_a_row_that_somebody_else_is_deleting_is_left_to_them(customers, tenant):
    with db.scope():
        write_series(write_singly, (50, "medium"), (70, "medium"))
        write_singly(1, [scores(20, at=AT, customer_id="c00002")])
        write_singly(1, [scores(90, at=AT + 60_000, customer_id="c00002")])
        if db.is_sqlite():
            return
        pruned: list[list[Exception]] = []
        prune = threading.Thread(
            target=lambda: pruned.append(together(lambda: changes.prune(tenant.id, AT + 1)))
        )
        with db.transaction():
            db.execute("DELETE FROM clv_change WHERE customer_id = 'c00001'")
            prune.start()
            # It would wait for ever if it waited.
            prune.join()
        assert pruned == [[]]
        assert rows() == [] and len(rows("c00002")) == 1


def ages_in_days(customer_id: str) -> list[int]:
    found = changes.of_customer(1, customer_id, 2**63 - 1, 10**6)
    return [(now_ms() - row.at_ms) // DAY_MS for row in found]


def test_the_end_of_a_run_deletes_what_is_older_than_400_days(tenant, customers, bell):
    with db.scope():
        complete(begin(), bell)
        for days in (399, 401):
            db.execute(
                "INSERT INTO clv_change (tenant_id, customer_id, at_ms, score, segment)"
                " SELECT tenant_id, customer_id, at_ms - %s, score, segment FROM clv_change"
                " WHERE customer_id = 'c00001' AND at_ms > %s",
                (days * DAY_MS, now_ms() - DAY_MS),
            )
        for table, column in (("clv_change", "at_ms"), ("clv_record", "noted_ms")):
            db.execute(
                f"UPDATE {table} SET {column} = {column} - %s WHERE customer_id = 'c00002'",
                (401 * DAY_MS,),
            )
        assert ages_in_days("c00001") == [0, 399, 401]
        complete(begin(), bell)
        assert ages_in_days("c00001") == [0, 399]
        # The latest one stays, however old: it says since when the customer is there.
        assert ages_in_days("c00002") == [401]
