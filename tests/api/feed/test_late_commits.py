"""What commits late, while others read: several connections at once."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from clv import db
from clv.errors import NotFound
from clv.services.customers import erase_customer, recompute_clv
from clv.store import feed, records, runs, summaries, tenants
from tests.api.feed.replica import Replica
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete, compute_first_chunk, planned, together

ON_POSTGRESQL = pytest.mark.parametrize("settings", ["postgresql"], indirect=True, scope="session")
CUSTOMERS = [f"c{n}" for n in range(1, 9)]


@pytest.fixture
def acme(tenant, load):
    load(*(row(one, n, n, n * 10) for n, one in enumerate(CUSTOMERS, 1)))
    with db.scope():
        for one in CUSTOMERS:
            recompute_clv(tenants.tenant_by_id(tenant.id), one)
        return tenants.tenant_by_id(tenant.id)


def while_uncommitted(action: Callable[[], object], meanwhile: Callable[[], object]) -> None:
    """Do something else before another connection commits what it did."""
    done, seen = threading.Event(), threading.Event()

    def act() -> None:
        with db.transaction():
            action()
            done.set()
            assert seen.wait(60)

    def look() -> None:
        assert done.wait(60)
        try:
            meanwhile()
        finally:
            seen.set()

    assert together(act, look) == []


def ids(entries: list[dict]) -> list[str]:
    return [entry.get("customerId", "removed") for entry in entries]


@ON_POSTGRESQL
def test_a_computation_that_commits_after_a_later_one_was_read_comes(replica, acme, listed):
    replica.catch_up()

    def meanwhile() -> None:
        recompute_clv(acme, "c2")
        assert ids(replica.catch_up()) == ["c2"]

    while_uncommitted(lambda: recompute_clv(acme, "c1"), meanwhile)
    assert ids(replica.catch_up()) == ["c1"]
    assert replica.records == listed()


@ON_POSTGRESQL
def test_an_erasure_that_commits_after_a_later_computation_was_read_comes(replica, acme, listed):
    replica.catch_up()

    def meanwhile() -> None:
        recompute_clv(acme, "c2")
        assert ids(replica.catch_up()) == ["c2"]

    while_uncommitted(lambda: erase_customer(acme, "c1"), meanwhile)
    assert ids(replica.catch_up()) == ["removed"]
    assert replica.records == listed()


@ON_POSTGRESQL
def test_a_run_whose_end_commits_late_comes_whole(replica, acme, bell, listed):
    replica.catch_up()
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)

    def meanwhile() -> None:
        recompute_clv(acme, "c2")
        assert ids(replica.catch_up()) == ["c2"]

    while_uncommitted(lambda: runs.close(run_id, "cancelled", "for the test"), meanwhile)
    assert ids(replica.catch_up()) == [one for one in CUSTOMERS if one != "c2"]
    assert replica.records == listed()


@ON_POSTGRESQL
def test_a_computation_waits_for_no_reader_and_no_merge(replica, acme):
    """Neither a reader that gives numbers nor who holds the tenant keeps it waiting."""
    replica.catch_up()
    recompute_clv(acme, "c1")
    for held in (lambda: feed.number(acme.id), lambda: tenants.lock_tenant(acme.id)):
        while_uncommitted(held, lambda: recompute_clv(acme, "c2"))
    assert ids(replica.catch_up()) == ["c1", "c2"]


@ON_POSTGRESQL
def test_readers_wait_for_nobody_who_writes(replica, acme):
    replica.catch_up()
    recompute_clv(acme, "c1")
    recompute_clv(acme, "c2")
    while_uncommitted(
        lambda: db.execute("UPDATE clv_record SET score = 1 WHERE customer_id = 'c1'"),
        lambda: ids(replica.catch_up()) == ["c2"],
    )
    assert ids(replica.catch_up())[-1] == "c1"


@ON_POSTGRESQL
def test_who_comes_back_while_numbers_are_given_comes_after_the_removal(
    replica, acme, load, monkeypatch, listed
):
    replica.catch_up()
    number_singles = feed._number_singles

    def later(*args: int) -> int:
        monkeypatch.setattr(feed, "_number_singles", number_singles)

        def come_back() -> None:
            erase_customer(acme, "c1")
            load(row("c1", 1))
            recompute_clv(acme, "c1")

        assert together(come_back) == []
        return number_singles(*args)

    monkeypatch.setattr(feed, "_number_singles", later)
    recompute_clv(acme, "c2")
    assert ids(replica.catch_up()) == ["removed", "c1", "c2"]
    assert replica.catch_up() == []
    assert replica.records == listed()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_commits_when_all_readers_end_with_the_same_records(
    app, headers, acme, load, bell, listed, monkeypatch, seed
):
    rng = random.Random(seed)
    for room, name in ((records, "save_if_customer_exists"), (summaries, "erase_customers")):
        monkeypatch.setattr(room, name, committed_late(getattr(room, name), rng))
    readers = [Replica(app.test_client(), headers("viewer")) for _ in range(2)]
    closing = threading.Event()

    def read(reader: Replica, chance: random.Random) -> Callable[[], None]:
        def act() -> None:
            while not closing.is_set():
                # Others number meanwhile, and this one stops anywhere.
                with db.scope():
                    (reader.stream if chance.random() < 0.3 else reader.page)(chance.randint(1, 5))

        return act

    def write(chance: random.Random) -> Callable[[], None]:
        def act() -> None:
            for _ in range(40):
                one = chance.choice(CUSTOMERS)
                change(acme, load, one, chance)

        return act

    def write_and_run() -> None:
        try:
            writers = [write(random.Random(rng.random())) for _ in range(2)]
            assert together(lambda: end_runs(bell, rng), *writers) == []
        finally:
            closing.set()

    actions = [read(reader, random.Random(rng.random())) for reader in readers]
    assert together(write_and_run, *actions) == []
    for reader in readers:
        reader.catch_up()
        assert versions(reader.records) == versions(listed())


def versions(records: dict[str, dict]) -> dict[str, tuple]:
    """What is the same in pages and in streams, which are unrounded."""
    names = ("clvScore", "rfmFrequency", "segment", "computedAt", "jobId")
    return {one: tuple(record[name] for name in names) for one, record in records.items()}


def change(acme: tenants.Tenant, load: Callable, one: str, chance: random.Random) -> None:
    """Compute or erase a customer, or give it a row."""
    what = chance.random()
    if what < 0.3:
        load(row(one, chance.randint(1, 9), chance.randint(0, 2)))
        return
    with suppress(NotFound):
        (recompute_clv if what < 0.8 else erase_customer)(acme, one)


def committed_late(write: Callable[..., bool], chance: random.Random) -> Callable[..., bool]:
    """The same function, which sometimes waits before it commits."""

    def late(*args: Any) -> bool:
        with db.transaction():
            written = write(*args)
            time.sleep(chance.choice((0, 0, 0.002, 0.02)))
        return written

    return late


def end_runs(bell: Bell, chance: random.Random) -> None:
    """Runs that go to their ends, or are cancelled half-way."""
    for _ in range(6):
        if chance.random() < 0.5:
            complete(begin(), bell)
        else:
            run_id = planned(bell)
            compute_first_chunk(run_id, bell)
            runs.close(run_id, "cancelled", "for the test")
