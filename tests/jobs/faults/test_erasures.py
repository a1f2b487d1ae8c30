"""Customers erased between reading and writing."""

import random
from contextlib import closing

from clv.config import Settings
from clv.services.customers import erase_customer
from clv.store import records, runs, shards
from jobs.queue import connect
from tests.jobs.faults.support import CHUNKS, CUSTOMERS, TRIALS
from tests.jobs.support import (
    InterruptedBell,
    add_customers,
    begin,
    complete,
    planned,
    together,
)


def erase_between_reading_and_writing(tenant, settings: Settings, trial: int) -> str:
    """Erase a customer who was read ahead; the customer's id."""
    chance = random.Random(trial)
    chunk = chance.randint(1, CHUNKS - 1)
    victim = f"c{chance.randint(chunk * 50 + 1, CUSTOMERS):05}"
    erase = lambda: erase_customer(tenant, victim)  # noqa: E731
    with closing(connect(settings.redis_url)) as redis:
        bell = InterruptedBell(redis, chunk, erase)
        complete(planned(bell), bell)
    return victim


def test_who_is_erased_after_being_read_does_not_come_back(settings, tenant, customers, log):
    for trial in range(TRIALS):
        victim = erase_between_reading_and_writing(tenant, settings, trial)
        assert records.record(tenant.id, victim) is None
        add_customers(tenant, CUSTOMERS)


def test_without_the_count_of_erasures_the_erased_comes_back(
    settings, tenant, customers, log, monkeypatch
):
    for name in ("_UNCHANGED_RUN", "_COMMIT"):
        blind = getattr(shards, name).replace("erasures = %s", "(erasures = %s OR 1 = 1)")
        assert blind != getattr(shards, name)
        monkeypatch.setattr(shards, name, blind)
    victim = erase_between_reading_and_writing(tenant, settings, 1)
    assert records.record(tenant.id, victim) is not None


def test_erasures_at_the_same_time_as_a_run_leave_no_record(tenant, customers, bell, log):
    for trial in range(TRIALS):
        victims = [f"c{n:05}" for n in random.Random(trial).sample(range(1, CUSTOMERS), 20)]
        run_id = begin()

        def erase(victims=victims) -> None:
            for victim in victims:
                erase_customer(tenant, victim)

        assert together(lambda run_id=run_id: complete(run_id, bell), erase) == []
        assert [v for v in victims if records.record(tenant.id, v)] == []
        assert runs.by_id(run_id).status == "finished"
        add_customers(tenant, CUSTOMERS)
