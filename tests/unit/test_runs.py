"""The use cases of runs, without a server: start, watch, wait, cancel, and the nightly run."""

import pytest

from clv import db
from clv.errors import Conflict, NotFound, RunFailed, Unavailable
from clv.services import batch, loading, runs
from clv.services.job import job_of
from clv.store import runs as stored
from clv.store import tenants
from clv.store.summaries import Summary
from tests.api.support import poison

DAY = 86_400_000
AS_OF_MS = 1_700_000_000_000


@pytest.fixture
def start(acme, local_settings, queue):
    """Start a run of acme."""
    return lambda segment=None: runs.start(acme.id, segment, "a test", local_settings, queue)


def add_customers(tenant, *rows: tuple[str, int]) -> None:
    summaries = [
        Summary(name, "2026-01-01", "", "", "", 1, 1, value, AS_OF_MS - 9 * DAY, AS_OF_MS)
        for name, value in rows
    ]
    loading.add_summaries(tenant, "daily", summaries)


class Room:
    """Seats for who waits."""

    def __init__(self, seats: int) -> None:
        self.free = seats
        self.taken = 0

    def take(self) -> bool:
        if not self.free:
            return False
        self.free, self.taken = self.free - 1, self.taken + 1
        return True

    def leave(self) -> None:
        self.free += 1


def test_a_start_joins_the_run_that_is_queued(start, queue):
    first, second = start(), start()
    assert (first.status, first.segment, first.requested_by) == ("queued", "all", "a test")
    assert second.job_id == first.job_id
    assert queue.rung == [1, 1]


def test_a_joined_run_covers_everybody_when_the_segments_differ(start):
    assert [start("high").segment, start("high").segment, start("low").segment] == [
        "high",
        "high",
        "all",
    ]


def test_a_start_without_a_queue_closes_the_run_that_it_created(start, queue, acme):
    queue.is_reachable = False
    with pytest.raises(Unavailable):
        start()
    [job] = runs.page(acme.id, None, 9, queue)
    assert (job.status, job.message) == ("failed", "The queue could not be reached.")


def test_a_start_without_a_queue_leaves_the_run_that_it_joined(start, queue, acme):
    joined = start()
    queue.is_reachable = False
    with pytest.raises(Unavailable):
        start()
    assert [job.status for job in runs.page(acme.id, None, 9, queue)] == ["queued"]
    assert runs.watch(acme.id, joined.job_id, queue).status == "queued"


def test_without_a_worker_a_start_says_so(start, queue):
    assert start().message is None
    queue.workers = 0
    job = start()
    assert job.message == runs.waits_for(job, queue) == runs.NO_WORKER


def test_watching_a_run_rings_for_it_only_when_its_doorbell_is_lost(start, queue, acme):
    job = start()
    runs.watch(acme.id, job.job_id, queue)
    assert queue.rung == [acme.id]
    queue.rung.clear()
    runs.watch(acme.id, job.job_id, queue)
    assert queue.rung == [acme.id]


def test_who_waits_takes_a_seat_and_leaves_it(start, queue, acme):
    job, full, room = start(), Room(0), Room(1)
    assert runs.wait(job, 60, queue, full) is job
    assert runs.watch(acme.id, job.job_id, queue, 60, full).status == "queued"
    assert runs.wait(job, 0.01, queue, room).is_active
    assert runs.watch(acme.id, job.job_id, queue, 0.01, room).is_active
    assert (room.taken, room.free) == (2, 1)


def test_a_run_is_worked_off_and_its_errors_are_listed(start, queue, acme, local_settings):
    add_customers(acme, ("ann", 5_000), ("bob", 70_000), ("zoe", 9_000))
    poison("zoe")
    job = start()
    batch.work(job.id, queue, local_settings)
    done = runs.wait(job, 60, queue)
    runs.check_success(done)
    assert (done.success, done.percent) == (True, 100.0)
    assert (done.processed, done.computed, done.errors) == (3, 2, 1)
    [error] = runs.errors_page(acme.id, job.job_id, "", 9)
    assert error.customer_id == "zoe" and "negative" in error.message
    assert runs.errors_page(acme.id, job.job_id, "zoe", 9) == []


def test_a_run_that_has_ended_can_not_be_cancelled(start, queue, acme):
    job = start()
    assert runs.cancel(acme.id, job.job_id, "ann", queue).status == "cancelled"
    with pytest.raises(Conflict, match="it is cancelled"):
        runs.cancel(acme.id, job.job_id, "bob", queue)
    with pytest.raises(Conflict, match="cancelled meanwhile"):
        runs.check_success(runs.wait(job, 60, queue))
    assert runs.watch(acme.id, job.job_id, queue).message == "Cancelled by ann."


def test_the_end_of_a_run_rings_for_the_next_one(start, queue, acme):
    first = start()
    assert stored.start(first.id)
    following = start()
    queue.rung.clear()
    runs.cancel(acme.id, first.job_id, "ann", queue)
    assert following.is_active and queue.rung == [acme.id]


def test_a_cancelled_run_stays_cancelled_when_the_queue_is_gone(start, queue, acme):
    first = start()
    assert stored.start(first.id)
    start()
    queue.is_reachable = False
    assert runs.cancel(acme.id, first.job_id, "ann", queue).status == "cancelled"


def test_the_sweep_fails_what_is_past_its_deadline(start, queue, acme):
    job = start()
    db.execute("UPDATE run SET deadline_ms = 0 WHERE id = %s", (job.id,))
    runs.sweep(queue)
    failed = runs.watch(acme.id, job.job_id, queue)
    assert (failed.status, failed.success) == ("failed", False)
    with pytest.raises(RunFailed, match="before its deadline"):
        runs.check_success(failed)


@pytest.mark.parametrize("job_id", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_run_is_not_found_whatever_is_asked_of_it(queue, acme, job_id):
    for ask in (
        lambda: runs.watch(acme.id, job_id, queue),
        lambda: runs.cancel(acme.id, job_id, "ann", queue),
        lambda: runs.errors_page(acme.id, job_id, "", 9),
    ):
        with pytest.raises(NotFound):
            ask()


def test_another_tenants_run_is_not_found(start, queue):
    other = tenants.create_tenant("other")
    with pytest.raises(NotFound):
        runs.watch(other.id, start().job_id, queue)


def test_the_nightly_run_starts_once_a_night(acme, queue, local_settings):
    created_ms = db.value("SELECT nightly_ms FROM tenant WHERE id = %s", (acme.id,))
    tomorrow = runs.last_due_ms(local_settings.nightly_at, created_ms) + DAY
    assert runs.start_nightly(local_settings, queue, tomorrow - 1) == 0
    assert runs.start_nightly(local_settings, queue, tomorrow) == 1
    assert runs.start_nightly(local_settings, queue, tomorrow + DAY - 1) == 0
    [job] = runs.page(acme.id, None, 9, queue)
    assert (job.requested_by, queue.rung) == ("schedule", [acme.id])


def test_progress_is_that_of_the_queue_while_a_run_goes_on(start):
    job = start()
    assert stored.start(job.id)
    db.execute("UPDATE run SET total = 200, started_ms = %s WHERE id = %s", (AS_OF_MS, job.id))
    run, live = stored.by_id(job.id), {"computed": 49, "errors": 1}
    shown = job_of(run, AS_OF_MS + 5_000, live)
    assert (shown.processed, shown.percent) == (50, 25.0)
    assert (shown.customers_per_second, shown.eta_seconds) == (10.0, 15.0)
    # The total is an estimate: only the end is 100 percent.
    assert job_of(run, AS_OF_MS, {"computed": 200, "errors": 0}).percent == 99.9
    assert job_of(run, AS_OF_MS).processed == 0
    stored.close(job.id, "failed", "For a test.")
    assert job_of(stored.by_id(job.id), AS_OF_MS, live).processed == 0
