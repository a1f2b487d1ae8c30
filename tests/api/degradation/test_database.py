"""A database that is down, locked, slow or silent."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clv import db
from tests.api.degradation.support import (
    CLV,
    ROWS,
    THREADS,
    clients,
    is_retryable,
    locked,
    waiting_for_locks,
)
from tests.api.support import row
from tests.conftest import wait_until


def test_a_database_that_is_stopped_and_started_needs_no_restart(web, own):
    own.stop()
    try:
        for method in ("GET", "POST"):
            assert is_retryable(web.send(method, CLV))
        assert is_retryable(web.send("POST", ROWS, {"data": [row("z", 1)]}))
        assert web.web.get("/healthz").status == 200 and web.web.get("/readyz").status == 503
    finally:
        own.start()
    web.recovers()


def test_connections_that_are_cut_in_mid_request_cost_that_request(web, own, there):
    with locked(own), ThreadPoolExecutor() as pool:
        answers = [pool.submit(web.send, "GET", CLV) for _ in range(2)]
        wait_until(lambda: waiting_for_locks(there) == 2, "they are in mid-request")
        there.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        assert all(is_retryable(answer.result()) for answer in answers)
    web.recovers()


def test_what_waits_for_a_locked_table_gives_up_in_time(web, own):
    with locked(own):
        assert all(is_retryable(answer) for answer in web.at_once(THREADS, "GET", CLV))
    web.recovers()


def test_a_slow_statement_of_a_request_is_ended(web, there):
    there.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(100); RETURN NEW; END'"
    )
    there.execute(
        "CREATE TRIGGER slow BEFORE INSERT ON clv_record FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    try:
        assert all(is_retryable(answer) for answer in web.at_once(THREADS, "POST", CLV))
        assert web.send("GET", CLV).status == 200
    finally:
        there.execute("DROP FUNCTION slow CASCADE")
    web.recovers()


def test_a_database_that_falls_silent_keeps_no_thread(web, own):
    own.pause()
    try:
        answers = web.at_once(3 * THREADS, "GET", CLV)
        assert all(is_retryable(answer) for answer in answers)
        # It is known by now, and requests that need no database find a thread at once.
        with clients(web, 2 * THREADS) as failed:
            for _ in range(20):
                assert web.web.get("/healthz").status == 200
            wait_until(lambda: len(failed) > 10 * THREADS, "requests fail at once")
    finally:
        own.resume()
    web.recovers()


def test_what_takes_long_by_its_nature_may(app):
    if db.is_sqlite():
        pytest.skip("SQLite's statements depend on nobody else")
    with db.within(1):
        with pytest.raises(db.ERRORS):
            db.rows("SELECT pg_sleep(60)")
        assert db.value("SELECT 1") == 1, "the connection is as good as before"
    with db.within(db.LONG_SECONDS):
        assert db.rows("SELECT pg_sleep(1.2)")
