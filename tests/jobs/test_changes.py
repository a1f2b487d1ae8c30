"""The histories of scores: which rows writing a score adds, that each customer's rows form a chain
whoever writes, and that they go when the customer goes, or when they are old."""

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import pytest

from clv import db
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.scoring import SEGMENTS, Scores
from clv.domain.units import DAY_MS
from clv.errors import NotFound
from clv.services import loading
from clv.services.customers import erase_customer, recompute_clv
from clv.store import changes, merging, records, runs, shards, staging, tenants
from clv.store.shards import Chunk
from clv.store.summaries import Summary
from jobs.queue import connect
from tests.conftest import wait_until
from tests.jobs.support import (
    LEASE,
    Bell,
    InterruptedBell,
    add_customers,
    begin,
    complete,
    compute_first_chunk,
    planned,
    together,
)

CUSTOMERS = [f"c{n:05}" for n in range(1, 51)]
AT = 1_790_000_000_000

Write = Callable[[int, Sequence[Scores]], None]


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def customers(tenant):
    add_customers(tenant, len(CUSTOMERS))


@pytest.fixture(params=["singly", "by a run"])
def write(request, customers, bell) -> Write:
    """Write scores as single computations do, or as a chunk of a run does."""
    if request.param == "singly":
        return write_singly
    with db.scope():
        return chunk_writer(bell)


def write_singly(tenant_id: int, found: Sequence[Scores]) -> None:
    for each in found:
        assert records.save_if_customer_exists(tenant_id, each)


def chunk_writer(bell: Bell) -> Write:
    """Writes scores as a chunk of a run, again and again at the same cursor."""
    run_id = planned(bell)
    run, shard = runs.by_id(run_id), shards.claim_shard(run_id, LEASE)

    def write(tenant_id: int, found: Sequence[Scores]) -> None:
        assert shards.commit_chunk(run, shard, "", Chunk("", False, found, []))

    return write


def scores(
    score: float, segment: str = "medium", at: int = AT, customer_id: str = "c00001"
) -> Scores:
    return Scores(customer_id, score, 0, 0.1, 1, 1, 0, segment, at, 1)


def rows(customer_id: str = "c00001") -> list[tuple]:
    """The customer's rows, the oldest first: minutes since AT, score, segments after and before."""
    found = changes.of_customer(1, customer_id, 2**63 - 1, 10**6)
    return [
        ((row.at_ms - AT) // 60_000, row.score, row.segment, row.previous_segment)
        for row in reversed(found)
    ]


def write_series(write: Write, *series: tuple[float, str]) -> None:
    """Scores and segments of one customer, a minute apart."""
    for minute, (score, segment) in enumerate(series):
        write(1, [scores(score, segment, AT + minute * 60_000)])


def test_the_first_scores_are_a_row(write):
    with db.scope():
        write(1, [scores(50, "high"), scores(0, "low", customer_id="c00002")])
        assert rows() == [(0, 50, "high", None)]
        assert rows("c00002") == [(0, 0, "low", None)]


def test_a_change_of_segment_is_a_row_however_small_the_move(write):
    with db.scope():
        write_series(write, (50, "medium"), (50, "at_risk"), (50.1, "at_risk"), (50.1, "low"))
        assert rows() == [
            (0, 50, "medium", None),
            (1, 50, "at_risk", "medium"),
            (3, 50.1, "low", "at_risk"),
        ]


def test_a_move_of_the_score_counts_from_the_last_row_not_from_the_last_computation(write):
    with db.scope():
        up = [(50.0 + 2 * step, "medium") for step in range(6)]
        down = [(58, "medium"), (54, "medium"), (51, "medium"), (50.99, "medium")]
        write_series(write, *up, *down)
        assert rows() == [
            (0, 50, "medium", None),
            # 52 and 54 are none: the third move of 2 is the one.
            (3, 56, "medium", "medium"),
            # 58 and 60 are none, nor is 54; 51 is 5 away.
            (8, 51, "medium", "medium"),
        ]


def test_a_move_is_noted_from_where_a_change_of_segment_left_off(write):
    with db.scope():
        write_series(write, (50, "medium"), (54, "high"), (58, "high"), (59, "high"))
        assert rows() == [
            (0, 50, "medium", None),
            (1, 54, "high", "medium"),
            (3, 59, "high", "high"),
        ]


def test_a_record_that_is_older_than_the_stored_one_adds_no_row(write):
    with db.scope():
        write(1, [scores(50, "medium", AT)])
        write(1, [scores(90, "high", AT - 1), scores(7, "low", AT - 1, "c00002")])
        assert rows() == [(0, 50, "medium", None)]
        assert rows("c00002") == [(-1, 7, "low", None)]
        assert broken_links(1) == []


def test_the_same_scores_again_add_no_row(write):
    with db.scope():
        for _ in range(3):
            write(1, [scores(50), scores(20, "low", customer_id="c00002")])
        assert rows() == [(0, 50, "medium", None)]
        assert rows("c00002") == [(0, 20, "low", None)]


def test_other_scores_of_the_same_millisecond_replace_the_row(write):
    with db.scope():
        write_series(write, (50, "medium"), (50, "low"))
        again = AT + 60_000
        # Little moved: the row stays as it was noted.
        write(1, [scores(51, "low", again)])
        assert rows() == [(0, 50, "medium", None), (1, 50, "low", "medium")]
        assert broken_links(1) == []
        write(1, [scores(51, "high", again)])
        assert rows() == [(0, 50, "medium", None), (1, 51, "high", "medium")]
        write(1, [scores(70, "medium", again)])
        assert rows() == [(0, 50, "medium", None), (1, 70, "medium", "medium")]
        assert broken_links(1) == []


def test_a_record_from_before_there_were_histories_tells_where_its_first_row_began(write):
    with db.scope():
        write(1, [scores(50, "medium")])
        db.execute("DELETE FROM clv_change")
        db.execute("UPDATE clv_record SET noted_score = NULL, noted_ms = NULL, noted_from = NULL")
        write(1, [scores(50, "medium", AT + 60_000)])
        assert rows() == [(1, 50, "medium", "medium")]


def test_a_chunk_that_is_computed_again_adds_no_row(customers, bell):
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        before = db.rows("SELECT * FROM clv_change ORDER BY customer_id")
        assert len(before) == len(CUSTOMERS)
        # As if the database had lost the chunk's cursor, and not its records.
        db.execute("UPDATE shard SET cursor = '', done = %s", (False,))
        complete(run_id, bell)
        assert db.rows("SELECT * FROM clv_change ORDER BY customer_id") == before


def broken_links(tenant_id: int) -> list[str]:
    """Where customers' rows are no chain: each begins in the segment in which the one before ended,
    and the record remembers the last one, and is in its segment."""
    stored = db.rows(
        "SELECT customer_id, segment, noted_score, noted_ms FROM clv_record WHERE tenant_id = %s",
        (tenant_id,),
    )
    found = []
    for customer_id, *record in stored:
        chain = changes.of_customer(tenant_id, customer_id, 2**63 - 1, 10**6)[::-1]
        segments = [None, *(row.segment for row in chain)]
        if [row.previous_segment for row in chain] != segments[:-1]:
            found.append(f"{customer_id}: a row does not begin where the one before ended")
        if record != [chain[-1].segment, chain[-1].score, chain[-1].at_ms]:
            found.append(f"{customer_id}: the record is not where its last row ended")
    return found


def write_all_at_once(tenant_id: int, bell: Bell, rounds: int) -> list[Exception]:
    """A run and five single computations move the same customers between the segments."""
    by_run = chunk_writer(bell)
    db.release()

    def mover(write: Write, seed: int) -> Callable[[], None]:
        chance = random.Random(seed)

        def move() -> None:
            for _ in range(rounds):
                at = now_ms()
                write(
                    tenant_id,
                    [
                        scores(chance.uniform(0, 100), chance.choice(SEGMENTS), at, customer)
                        for customer in CUSTOMERS
                    ],
                )

        return move

    return together(mover(by_run, 9), *(mover(write_singly, seed) for seed in range(5)))


def test_rows_form_a_chain_whoever_writes_at_the_same_time(tenant, customers, bell):
    with db.scope():
        assert write_all_at_once(tenant.id, bell, rounds=40) == []
        assert broken_links(tenant.id) == []
        assert db.value("SELECT COUNT(*) FROM clv_change") > 10 * len(CUSTOMERS)


def write_while_another_holds_the_record(tenant, write_chunk: Write) -> None:
    """A chunk begins to be written when a single computation has written the same record and not
    committed yet: the chunk's statement began before, and goes on after the commit."""
    write_chunk(tenant.id, [scores(50, "medium")])
    wrong: list[list[Exception]] = []
    chunk = threading.Thread(
        target=lambda: wrong.append(
            together(lambda: write_chunk(tenant.id, [scores(50, "low", AT + 120_000)]))
        )
    )
    with db.transaction():
        records.upsert_each(tenant.id, None, [scores(50, "high", AT + 60_000)])
        chunk.start()
        if not db.is_sqlite():
            waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: db.value(waits), "the chunk waits for the record")
    chunk.join()
    assert wrong == [[]]


def test_a_chunk_that_waited_for_a_single_computation_goes_on_from_its_row(tenant, customers, bell):
    with db.scope():
        write_while_another_holds_the_record(tenant, chunk_writer(bell))
        assert rows() == [
            (0, 50, "medium", None),
            (1, 50, "high", "medium"),
            (2, 50, "low", "high"),
        ]


def test_a_look_at_the_rows_instead_of_the_record_breaks_the_chain_on_postgresql(
    tenant, customers, bell, monkeypatch
):
    last_row = (
        "(SELECT c.segment FROM clv_change c WHERE c.tenant_id = r.tenant_id"
        " AND c.customer_id = r.customer_id ORDER BY c.at_ms DESC LIMIT 1)"
    )
    looking = shards._COMMIT.replace("r.noted_from", last_row)
    assert looking != shards._COMMIT
    monkeypatch.setattr(shards, "_COMMIT", looking)
    with db.scope():
        write_while_another_holds_the_record(tenant, chunk_writer(bell))
        assert bool(broken_links(tenant.id)) != db.is_sqlite()


def has_rows(customer_id: str, tenant_id: int = 1) -> bool:
    return bool(changes.of_customer(tenant_id, customer_id, 2**63 - 1, 1))


def zero(customer_id: str) -> Summary:
    return Summary(customer_id, "2026-01-01", "", "", "", 0, 0, 0, 0, 0)


def erase(tenant, customer_id: str) -> None:
    erase_customer(tenant, customer_id)


def remove_the_last_summary(tenant, customer_id: str) -> None:
    loading.add_summaries(tenant, "daily", [zero(customer_id)])


def replace_all_others(tenant, customer_id: str) -> None:
    kept = [Summary(c, "2026-01-01", "", "", "", 1, 1, 1, 1, 1) for c in CUSTOMERS]
    staging.stage_summaries([row for row in kept if row.customer_id != customer_id])
    merging.merge(tenant.id, "daily", replace=True)


REMOVALS = [erase, remove_the_last_summary, replace_all_others]


@pytest.mark.parametrize("remove", REMOVALS)
def test_a_customers_rows_go_with_the_customer_and_no_other_tenants(
    tenant, customers, bell, remove
):
    with db.scope():
        other = tenants.create_tenant("other")
        complete(begin(), bell)
        loading.add_summaries(other, "daily", [zero("c00007")._replace(impressions=1)])
        recompute_clv(tenants.tenant_by_id(other.id), "c00007")
        remove(tenant, "c00007")
        assert not has_rows("c00007") and has_rows("c00008")
        assert has_rows("c00007", other.id)


def remove_between_reading_and_writing(tenant, settings: Settings, remove: Callable) -> str:
    """Remove a customer who was read ahead by a run that goes on; the customer's id."""
    add_customers(tenant, 200)
    victim = "c00150"
    with closing(connect(settings.redis_url)) as redis:
        bell = InterruptedBell(redis, 1, lambda: remove(tenant, victim))
        complete(planned(bell), bell)
    return victim


@pytest.mark.parametrize("remove", REMOVALS[:2])
def test_who_is_removed_during_a_run_has_no_row_after_it(settings, tenant, remove):
    with db.scope():
        victim = remove_between_reading_and_writing(tenant, settings, remove)
        assert not has_rows(victim) and has_rows("c00149") and has_rows("c00151")


def test_without_the_count_of_erasures_the_erased_has_rows_again(settings, tenant, monkeypatch):
    for name in ("_UNCHANGED_RUN", "_COMMIT"):
        blind = getattr(shards, name).replace("erasures = %s", "(erasures = %s OR 1 = 1)")
        assert blind != getattr(shards, name)
        monkeypatch.setattr(shards, name, blind)
    with db.scope():
        assert has_rows(remove_between_reading_and_writing(tenant, settings, erase))


def test_erasures_at_the_same_time_as_computations_leave_no_row(tenant, customers, bell):
    victims = CUSTOMERS[::3]

    def erase_all() -> None:
        for victim in victims:
            erase_customer(tenant, victim)

    def recompute_all() -> None:
        for customer in CUSTOMERS:
            with suppress(NotFound):
                recompute_clv(tenant, customer)

    with db.scope():
        complete(begin(), bell)
        run_id = begin()
        db.release()
        wrong = together(lambda: complete(run_id, bell), erase_all, recompute_all)
        assert wrong == []
        assert [victim for victim in victims if has_rows(victim)] == []
        left = sorted(set(CUSTOMERS) - set(victims))
        found = db.rows("SELECT DISTINCT customer_id FROM clv_change ORDER BY customer_id")
        assert [customer for (customer,) in found] == left
        assert broken_links(tenant.id) == []


def test_a_deleted_tenants_rows_go_with_it(tenant, customers, bell):
    with db.scope():
        complete(begin(), bell)
        other = tenants.create_tenant("other")
        loading.add_summaries(other, "daily", [zero("c00007")._replace(impressions=1)])
        recompute_clv(tenants.tenant_by_id(other.id), "c00007")
        tenants.delete_tenant(tenant.id)
        assert db.rows("SELECT tenant_id, customer_id FROM clv_change") == [(other.id, "c00007")]


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
