"""What becomes of a run when the database has no room."""

import pytest

from clv import db
from clv.errors import DISK_FULL
from clv.store import runs
from tests import outages
from tests.jobs.support import Bell, add_customers, begin, complete


@pytest.fixture
def bell(app):
    return Bell(app.extensions["queue"].redis)


def test_a_full_disk_fails_a_run_with_that_reason_and_the_next_one_goes_through(tenant, bell):
    add_customers(tenant, 2_000)
    with db.scope():
        with outages.full_disk():
            run_id = begin()
            complete(run_id, bell)
            run = runs.by_id(run_id)
        assert (run.status, run.message) == ("failed", DISK_FULL)
        # No record without its chunk's counters, no counter without its record.
        assert db.value("SELECT COUNT(*) FROM clv_record") == run.computed < 2_000
        again = begin()
        complete(again, bell)
        assert (runs.by_id(again).status, runs.by_id(again).computed) == ("finished", 2_000)
