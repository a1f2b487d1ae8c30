"""A run ends with its cohorts, whatever happens to the worker that ends it."""

from contextlib import suppress

import pytest

from clv import db
from clv.domain.cohorts import from_json
from clv.services import batch
from clv.store import cohorts, runs, tenants
from tests.api.cohorts.support import bought
from tests.jobs.support import LEASE, Bell, Killed, begin, complete, end_pauses


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


def killed(*args) -> None:
    raise Killed


def stored() -> list[str]:
    return db.rows("SELECT granularity FROM cohort_sums ORDER BY granularity")


@pytest.mark.parametrize("step", ["stream", "replace"])
def test_a_worker_killed_at_the_end_leaves_the_run_to_the_next(load, bell, monkeypatch, step):
    load(bought("ann", "2025-01-05", 5))
    with db.scope():
        run_id = begin()
        with monkeypatch.context() as dying, suppress(Killed):
            dying.setattr(cohorts, step, killed)
            complete(run_id, bell)
        run = runs.by_id(run_id)
        assert (run.status, run.computed) == ("running", 1)
        assert stored() == []
        end_pauses()
        assert batch.finish(run_id, bell, LEASE) is True
        assert runs.by_id(run_id).status == "finished"
        [one] = from_json(cohorts.sums(run.tenant_id, "month")).cohorts
        assert (one.customers, one.revenue) == (1, 50_000)


def test_a_run_that_was_cancelled_at_its_end_stores_nothing(load, bell, monkeypatch):
    load(bought("ann", "2025-01-05", 5))
    stream = cohorts.stream
    with db.scope():
        run_id = begin()

        def cancelled(tenant_id: int):
            runs.close(run_id, "cancelled", "Somebody wanted so.")
            return stream(tenant_id)

        monkeypatch.setattr(cohorts, "stream", cancelled)
        complete(run_id, bell)
        assert runs.by_id(run_id).status == "cancelled"
        assert stored() == []


def test_the_sums_go_with_their_tenant(load, bell, tenant):
    load(bought("ann", "2025-01-05", 5))
    with db.scope():
        complete(begin(), bell)
        assert stored() == [("month",), ("quarter",)]
        tenants.delete_tenant(tenant.id)
        assert stored() == []
