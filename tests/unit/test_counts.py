"""Counts in memory that processes share."""

import os
import signal
import threading

import pytest

from clv.http import counters
from clv.http.counters import BOUNDS, REST, Counters

READ = ("GET", "/api/v1/customers/<customerId>/clv", 200)
MISSED = ("GET", "/api/v1/customers/<customerId>/clv", 404)


def number(found: Counters, key) -> float:
    """How often this was counted."""
    return sum(found.totals()[key][1:])


def in_a_process(work) -> int:
    """Do something in a forked process; returns how it ended."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_key_has_the_sum_of_its_durations_and_their_classes():
    found = Counters()
    for seconds in (0.0, BOUNDS[0], 0.02, 31.0):
        found.add(READ, seconds)
    found.add(MISSED, 0.5)
    total, *classes = found.totals()[READ]
    assert total == pytest.approx(31.0205)
    assert classes[0] == 2, "a bound is within its class"
    assert classes[BOUNDS.index(0.025)] == classes[-1] == 1 and sum(classes) == 4
    assert found.totals()[MISSED][0] == 0.5
    assert set(found.totals()) == {READ, MISSED}


def test_each_process_sees_what_all_have_counted():
    found = Counters(slots=3)

    def count_in(slot):
        def work():
            found.use(slot)
            for _ in range(1_000):
                found.add(READ)
            found.add(("GET", f"/{slot}", 200))

        return work

    for slot in (1, 2):
        assert in_a_process(count_in(slot)) == 0
    found.add(MISSED)
    assert number(found, READ) == 2_000
    assert set(found.totals()) == {READ, MISSED, ("GET", "/1", 200), ("GET", "/2", 200)}


def test_who_gets_the_slot_of_a_killed_process_goes_on_counting():
    found = Counters(slots=2)

    def work_and_die():
        found.use(1)
        for _ in range(500):
            found.add(READ)
        os.kill(os.getpid(), signal.SIGKILL)

    for _ in range(2):
        assert in_a_process(work_and_die) == -signal.SIGKILL
    assert number(found, READ) == 1_000


def test_threads_lose_nothing():
    found = Counters()

    def work():
        for n in range(5_000):
            found.add(("GET", f"/{n % 7}", 200), 0.25)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = found.totals().values()
    assert len(rows) == 7
    assert sum(sum(row[1:]) for row in rows) == 20_000 and sum(row[0] for row in rows) == 5_000


def test_what_does_not_fit_is_counted_together():
    found = Counters()
    for n in range(counters.ROWS + 10):
        found.add(("GET", f"/{n}", 200))
    found.add(("GET", "/" + "x" * counters.KEY_BYTES, 200))
    assert len(found.totals()) == counters.ROWS
    assert number(found, REST) == 12


def test_the_route_of_every_request_fits_and_needs_no_escaping(app):
    for rule in app.url_map.iter_rules():
        key = f'["OPTIONS","{rule.rule}",200]'
        assert len(key.encode()) <= counters.KEY_BYTES and rule.rule.isascii()
        assert not set(rule.rule) & set('"\\\n'), "neither in JSON nor in a label"
