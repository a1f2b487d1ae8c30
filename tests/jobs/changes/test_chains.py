"""Each customer's rows form a chain, whoever writes at the same time."""

import random
import threading
from collections.abc import Callable

from clv import db
from clv.db.clock import now_ms
from clv.domain.scoring import SEGMENTS
from clv.store import records, shards
from tests.conftest import wait_until
from tests.jobs.changes.support import (
    AT,
    CUSTOMERS,
    Write,
    broken_links,
    chunk_writer,
    rows,
    scores,
    write_singly,
)
from tests.jobs.support import Bell, together


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
