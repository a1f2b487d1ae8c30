"""What maintenance deletes and keeps, and when it is done by itself."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from clv import db
from clv.db.clock import now_ms
from clv.services import insights, maintenance
from clv.services.customers import erase_customer, recompute_clv
from clv.services.runs import last_due_ms
from clv.services.snapshots import current_snapshot
from clv.store import rankings, runs, tenants
from jobs import cron
from tests.conftest import start_worker, wait_until
from tests.jobs.support import DAY, Bell, add_customers, begin, complete, planned, together

OLD = 91


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


def aged(days: int, run_id: int) -> int:
    """Let a run be so many days older."""
    shift = ", ".join(f"{at} = {at} - {days * DAY}" for at in ("started_ms", "finished_ms"))
    db.execute(f"UPDATE run SET {shift} WHERE id = %s", (run_id,))
    return run_id


def ended(bell: Bell, days: int, segment: str | None = None) -> int:
    """A run that finished so many days ago."""
    run_id = begin(segment)
    complete(run_id, bell)
    return aged(days, run_id)


def cancelled(bell: Bell, days: int) -> int:
    run_id = planned(bell)
    runs.close(run_id, "cancelled", "for the test")
    return aged(days, run_id)


def run_ids() -> list[int]:
    return [run_id for (run_id,) in db.rows("SELECT id FROM run ORDER BY id")]


def test_old_runs_go_but_for_points_of_the_history_and_the_latest(settings, tenant, bell):
    add_customers(tenant, 30)
    with db.scope():
        ancient = ended(bell, 401)
        point = ended(bell, 300)
        segment = ended(bell, OLD, "high")
        stopped = cancelled(bell, OLD)
        recent = cancelled(bell, 89)
        latest_full, latest = ended(bell, 500), ended(bell, 499, "high")
        before = insights.latest_overview(tenants.tenant_by_id(tenant.id))
        tallied = db.rows("SELECT * FROM run_tally ORDER BY status")
        assert maintenance.maintain(settings).deleted["runs"] == 3
        assert run_ids() == [point, recent, latest_full, latest]
        assert not {ancient, segment, stopped} & set(run_ids())
        assert insights.latest_overview(tenants.tenant_by_id(tenant.id)) == before
        assert [p.run.id for p in insights.history(tenant, None, 9)] == [latest_full, point]
        assert db.rows("SELECT * FROM run_tally ORDER BY status") == tallied
        assert not any(maintenance.maintain(settings).deleted.values())


def test_the_run_that_started_last_stays_for_rankings_are_not_of_an_older_one(
    settings, tenant, bell, monkeypatch
):
    monkeypatch.setattr(rankings.leaders, "__defaults__", (0, rankings.LEADERS))
    add_customers(tenant, 30)
    with db.scope():
        first, last = ended(bell, 200), cancelled(bell, OLD)
        maintenance.maintain(settings)
        assert run_ids() == [first, last]


def test_errors_go_before_the_points_whose_runs_had_them(settings, tenant, bell):
    add_customers(tenant, 30)
    with db.scope():
        for days in (OLD, 89):
            run_id = ended(bell, days)
            db.execute("INSERT INTO run_error VALUES (%s, 'c00001', 'a reason')", (run_id,))
        assert maintenance.maintain(settings).deleted["errors"] == 1
        assert db.rows("SELECT run_id FROM run_error") == [(run_id,)]


def test_removals_sessions_and_remembered_choices_go_in_their_time(settings, tenant):
    add_customers(tenant, 3)
    with db.scope():
        erase_customer(tenant, "c00001")
        erase_customer(tenant, "c00002")
        db.execute("UPDATE removal SET at_ms = at_ms - %s WHERE number = 1", (31 * DAY,))
        old, new = now_ms() - 401 * DAY, now_ms()
        for name, used_ms in (("old", old), ("new", new)):
            db.execute("INSERT INTO file_mapping VALUES (1, %s, '{}', %s)", (name, used_ms))
        deleted = maintenance.maintain(settings).deleted
        assert (deleted["removals"], deleted["mappings"]) == (1, 1)
        assert db.rows("SELECT number FROM removal") == [(2,)]


def test_a_distribution_is_made_anew_after_an_erasure_and_only_then(settings, tenant, bell):
    add_customers(tenant, 30)
    with db.scope():
        ended(bell, 0)
        tenant = tenants.tenant_by_id(tenant.id)
        first = current_snapshot(tenant)
        assert maintenance.maintain(settings).rebuilt == 0
        assert current_snapshot(tenant).id == first.id
        erase_customer(tenant, "c00007")
        assert maintenance.maintain(settings).rebuilt == 1
        rebuilt = current_snapshot(tenant)
        assert (rebuilt.id, rebuilt.distribution.customers) != (first.id, 30)
        assert rebuilt.settings == first.settings
        assert db.value("SELECT COUNT(*) FROM snapshot") == 1
        assert maintenance.maintain(settings).rebuilt == 0


def test_without_customers_no_distribution_is_left(settings, tenant, bell):
    add_customers(tenant, 1)
    with db.scope():
        ended(bell, 0)
        erase_customer(tenant, "c00001")
        maintenance.maintain(settings)
        assert db.rows("SELECT 1 FROM snapshot") == []


def test_an_erased_leader_is_in_no_ranking_also_when_ranked_meanwhile(
    settings, tenant, bell, monkeypatch
):
    monkeypatch.setattr(rankings.leaders, "__defaults__", (0, 10))
    add_customers(tenant, 30)

    def ranked() -> dict[str, list[str]]:
        rows = db.rows("SELECT ranking, customer_ids FROM leaders")
        return {ranking: json.loads(ids) for ranking, ids in rows}

    with db.scope():
        run = runs.by_id(ended(bell, 0))
        first, *_, last = ranked()["-score"]
        for victim in (first, last):
            erase_customer(tenant, victim)
            assert not any(victim in ids for ids in ranked().values())
        found = rankings.leaders(tenant.id)
        late = json.loads(found[0].customer_ids)[-1]
        erase_customer(tenant, late)
        assert rankings.save_leaders(tenant.id, run.id, found, 2)
        assert len(ranked()) == len(found)
        assert not any(late in ids for ids in ranked().values())


def test_a_night_is_begun_once_and_after_its_runs(settings, tenant, queue):
    now = now_ms()
    due = last_due_ms(settings.nightly_at, now)
    rung = lambda: queue._doorbells("maintenance-")  # noqa: E731
    with db.scope():
        maintenance.ring_if_due(settings, queue, now)
        assert rung() == [], "a new service waits for the next night"
        tomorrow = due + DAY
        begin()
        maintenance.ring_if_due(settings, queue, tomorrow + 1)
        assert rung() == [], "a run is going on"
        maintenance.ring_if_due(settings, queue, tomorrow + 3 * 3_600_000)
        maintenance.ring_if_due(settings, queue, tomorrow + 3 * 3_600_000)
        assert len(rung()) == 1
    begun: list[bool] = []
    take = lambda: begun.append(maintenance.maintenance.begin(due + 1))  # noqa: E731
    assert together(take, take, take) == []
    assert sorted(begun) == [False, False, True]


def test_a_worker_does_the_maintenance_that_cron_rings_for(tenant, alone, queue):
    add_customers(tenant, 30)
    with db.scope():
        erase_customer(tenant, "c00001")
        db.execute("UPDATE removal SET at_ms = 0")
        db.execute("INSERT INTO maintenance (id, begun_ms) VALUES (1, 0)")
    process = start_worker(alone)
    cron.look(alone, queue)

    def is_done() -> bool:
        with db.scope():
            return db.rows("SELECT 1 FROM removal") == []

    wait_until(is_done, "the maintenance")
    process.terminate()
    process.wait()


def test_a_night_that_others_kept_from_vacuuming_is_tried_again(settings, tenant, monkeypatch):
    add_customers(tenant, 3)
    vacuums: list[bool] = []

    def vacuum() -> bool:
        vacuums.append(True)
        return len(vacuums) > 1

    monkeypatch.setattr(db, "vacuum", vacuum)
    with db.scope():
        due = last_due_ms(settings.nightly_at, now_ms())
        db.execute("INSERT INTO maintenance (id, begun_ms) VALUES (1, 1)")
        erase_customer(tenant, "c00001")
        db.execute("UPDATE removal SET at_ms = %s", (due - 1,))
        for night in (due, due, due, due + DAY):
            maintenance.maintain_if_due(settings, night)
        # Once in vain, once well, and again at the next night where that costs nobody anything.
        assert len(vacuums) == (2 if db.is_sqlite() else 3)


def test_a_vacuum_gives_up_for_a_writer_and_empties_the_log_after_it(settings, tenant):
    with db.scope():
        if not db.is_sqlite():
            pytest.skip("PostgreSQL vacuums beside writers")
        writing, done = threading.Barrier(2), threading.Event()

        def write() -> None:
            with db.transaction():
                writing.wait()
                done.wait()

        def vacuum() -> None:
            writing.wait()
            db.execute("PRAGMA busy_timeout = 50")
            try:
                assert not db.vacuum()
            finally:
                done.set()

        assert together(write, vacuum) == []
        assert db.vacuum()
        assert Path(f"{db.database.database}-wal").stat().st_size == 0


def test_it_goes_beside_runs_files_and_itself(settings, tenant, bell):
    add_customers(tenant, 300)
    stop = threading.Event()

    def repeated(action: Callable[[], None]) -> Callable[[], None]:
        def repeat() -> None:
            while not stop.is_set():
                action()

        return repeat

    def maintain() -> None:
        try:
            for _ in range(5):
                maintenance.maintain(settings)
        finally:
            stop.set()

    def erase_and_load() -> None:
        erase_customer(tenant, "c00007")
        add_customers(tenant, 300)

    wrong = together(
        maintain,
        repeated(lambda: maintenance.maintain(settings)),
        repeated(lambda: complete(begin(), bell, 100)),
        repeated(erase_and_load),
        repeated(lambda: recompute_clv(tenant, "c00009")),
    )
    assert wrong == []
