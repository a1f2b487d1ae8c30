"""What RQ Dashboard shows of the doorbells of a run."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from clv import db
from clv.services import batch
from clv.services import runs as runs_service
from clv.services.job import job_of
from clv.store import runs, tenants
from jobs import display
from jobs.job import RESULT_TTL_SECONDS, OwnJob
from tests.jobs.support import Killed, add_customers, begin

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def drain(alone, queue, monkeypatch) -> Callable[[int], OwnJob]:
    """Ring for a tenant, and do in this process what a work-horse does with the doorbell."""
    monkeypatch.setenv("DATABASE_URL", alone.database_url)
    monkeypatch.setenv("REDIS_URL", alone.redis_url)

    def work(tenant_id: int) -> OwnJob:
        queue.ring(tenant_id)
        job = OwnJob.fetch(queue.redis.lpop("rq:queue:clv").decode(), queue.redis)
        try:
            job.perform()
        except Killed:
            pass
        return job

    return work


def stored(job: OwnJob) -> OwnJob:
    """The job as RQ Dashboard reads it."""
    return OwnJob.fetch(job.id, job.connection)


def test_the_only_doorbell_of_a_small_run_says_what_came_of_it(tenant, queue, drain):
    add_customers(tenant, 60)
    with db.scope():
        job_id = runs.by_id(begin()).job_id
    job = drain(tenant.id)
    assert (job.description, job.meta) == (stored(job).description, stored(job).meta)
    assert job.description == f"acme, all: 0 to 60 of 60 (100 %), finished, job {job_id}"
    assert job.meta == {
        "job_id": job_id,
        "tenant": "acme",
        "segment": "all",
        "start": {"status": "queued", "processed": 0, "total": None, "percent": 0.0},
        "end": {"status": "finished", "processed": 60, "total": 60, "percent": 100.0},
    }
    assert job._result == {
        "job_id": job_id,
        "status": "finished",
        "computed": 60,
        "errors": 0,
    }
    assert job.id.startswith(f"tenant-{tenant.id}-")
    assert job.result_ttl == display.ENDED_TTL_SECONDS


def test_each_doorbell_of_a_larger_run_says_how_far_it_came(tenant, queue, drain, monkeypatch):
    # Each doorbell computes one page of customers, of which some are empty.
    monkeypatch.setattr(batch, "DRAIN_SECONDS", 1)
    monkeypatch.setattr(batch, "chunks", partial(slowly, batch.chunks))
    add_customers(tenant, 2_500)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        batch.plan(run_id, queue, 1_000, 20_000)
        job_id = runs.by_id(run_id).job_id
    jobs = []
    while not jobs or jobs[-1]._result is None:
        jobs.append(drain(tenant.id))
    lines = [job.description for job in jobs]
    assert [line for line in lines if " to " in line][:2] == [
        f"acme, all: 0 to 1,000 of 2,500 (40 %), job {job_id}",
        f"acme, all: 1,000 to 2,000 of 2,500 (80 %), job {job_id}",
    ]
    assert lines[-1].endswith(f"2,500 of 2,500 (100 %), finished, job {job_id}")
    assert [job._result for job in jobs[:-1]] == [None] * (len(jobs) - 1)
    assert jobs[0].result_ttl == RESULT_TTL_SECONDS


def slowly(chunks: Callable, *arguments: object) -> list:
    time.sleep(batch.DRAIN_SECONDS)
    return chunks(*arguments)


def test_a_doorbell_that_fails_keeps_what_it_said_at_its_beginning(
    tenant, queue, drain, monkeypatch
):
    def fail(*arguments: object) -> None:
        raise Killed

    monkeypatch.setattr(batch, "chunks", fail)
    add_customers(tenant, 60)
    with db.scope():
        run_id = begin()
        runs.start(run_id)
        batch.plan(run_id, queue, 1_000, 20_000)
        job_id = runs.by_id(run_id).job_id
    job = drain(tenant.id)
    assert stored(job).description == f"acme, all: 0 of 60 (0 %), job {job_id}"
    assert "end" not in stored(job).meta


def test_a_doorbell_that_comes_too_late_has_nothing_to_say(tenant, drain):
    job = drain(tenant.id)
    assert (job.description, job.meta) == ("Compute customer lifetime values", {})
    assert job._result is None


def test_a_run_that_waits_or_was_cancelled_or_deleted_is_shown_as_it_is(tenant):
    with db.scope():
        run = runs.by_id(begin("high"))
        job = job_of(run, 0)
        assert display.describe(tenant, job) == f"acme, high: not planned yet, job {run.job_id}"
        runs.close(run.id, "cancelled", f"Cancelled by {MARKUP}.")
        after = runs_service.as_stored(run.id)
        assert display.describe(tenant, replace(after, total=9), job) == (
            f"acme, high: 0 of 9 (0 %), cancelled, job {run.job_id}"
        )
        tenants.delete_tenant(tenant.id)
        assert runs_service.active_of_tenant(tenant.id) is None


def test_a_tenants_name_that_the_service_did_not_give_is_not_shown(tenant, queue, drain):
    add_customers(tenant, 60)
    with db.scope():
        db.execute("UPDATE tenant SET name = %s", (MARKUP,))
        begin()
    job = drain(tenant.id)
    assert job.description.startswith(f"tenant number {tenant.id}, all: 0 to 60 of 60")
    assert "<" not in str(queue.redis.hgetall(job.key))


def test_no_customers_id_is_in_what_a_doorbell_says(tenant, queue, drain):
    add_customers(tenant, 60)
    with db.scope():
        begin()
    job = drain(tenant.id)
    fields = queue.redis.hgetall(job.key)
    assert b"c000" not in fields[b"meta"] + fields[b"description"]
    assert "c000" not in str(job._result)
    assert len(fields[b"meta"]) + len(fields[b"description"]) < 500
