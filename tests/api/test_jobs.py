"""Waiting for a run, cancelling it, erasing a customer, deleting a tenant."""

import threading
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.services import batch
from clv.store import runs, tenants
from tests.api.support import row
from tests.conftest import unreachable_redis, wait_until
from tests.jobs.support import begin, compute_first_chunk, planned

URL = "/api/v1/clv/jobs"


@pytest.fixture
def idle(app, settings):
    """An application whose Redis no worker listens on."""
    return create_app(replace(settings, redis_url=settings.redis_url[:-1] + "7"))


def job_url(run_id: int) -> str:
    with db.scope():
        return f"{URL}/{runs.by_id(run_id).job_id}"


def queued() -> int:
    with db.scope():
        return begin()


def test_a_wait_is_answered_when_the_run_ends(idle, headers, load):
    load(row("a", 1))
    run_id, key, answers = queued(), headers("viewer"), []
    url = f"{job_url(run_id)}?wait=25"
    waiting = threading.Thread(
        target=lambda: answers.append(idle.test_client().get(url, headers=key))
    )
    waiting.start()
    with db.scope():
        batch.work(run_id, idle.extensions["clv"].queue, idle.extensions["clv"].settings)
    waiting.join()
    assert answers[0].json["status"] == "finished"


def test_a_wait_that_is_over_shows_the_run_as_it_is(idle, headers, load):
    load(row("a", 1))
    answer = idle.test_client().get(f"{job_url(queued())}?wait=0.1", headers=headers("viewer"))
    assert (answer.status_code, answer.json["status"]) == (200, "queued")


@pytest.mark.parametrize("wait", ["26", "-1", "x", "nan"])
def test_a_wait_must_be_sane(client, headers, tenant, wait):
    answer = client.get(f"{job_url(queued())}?wait={wait}", headers=headers())
    assert answer.status_code == 400
    assert "wait" in answer.json["errors"]["query"]


def test_at_most_half_of_the_threads_wait_and_the_others_are_answered_at_once(
    settings, app, headers, load
):
    load(row("a", 1))
    narrow = replace(settings, redis_url=settings.redis_url[:-1] + "7", web_threads=2)
    client, key = create_app(narrow).test_client, headers("viewer")
    run_id, answers = queued(), []
    url = f"{job_url(run_id)}?wait=25"

    def wait() -> None:
        answers.append(client().get(url, headers=key).json["status"])

    waiting = threading.Thread(target=wait)
    waiting.start()
    room = client().application.extensions["clv"].waiting_room
    wait_until(lambda: room.taken == 1, "the only seat is taken")
    # It would wait for ever if it waited: nobody works on the run.
    assert client().get(url, headers=key).json["status"] == "queued"
    with db.scope():
        runs.close(run_id, "cancelled", "for the test")
    waiting.join()
    assert answers == ["cancelled"]


def test_a_read_of_a_job_rings_for_it_once(idle, headers, load):
    load(row("a", 1))
    queue = idle.extensions["clv"].queue
    queue.redis.delete("rq:queue:clv")
    run_id, key = queued(), headers("viewer")
    for _ in range(50):
        assert idle.test_client().get(job_url(run_id), headers=key).status_code == 200
    assert queue.waiting(1) == 1


def test_a_job_is_readable_without_redis(settings, app, headers, load):
    load(row("a", 1))
    client = create_app(unreachable_redis(settings)).test_client()
    answer = client.get(job_url(queued()), headers=headers("viewer"))
    assert (answer.status_code, answer.json["status"]) == (200, "queued")


def test_cancelling_a_run_stops_it_and_lets_the_next_one_start(idle, headers, load):
    load(*(row(f"c{n}", 1) for n in range(120)))
    client, queue, key = idle.test_client(), idle.extensions["clv"].queue, headers()
    queue.redis.delete("rq:queue:clv")
    with db.scope():
        first = planned(queue)
        compute_first_chunk(first, queue)
        second = begin()
    answer = client.delete(job_url(first), headers=key)
    assert answer.status_code == 202
    assert (answer.json["status"], answer.json["computed"]) == ("cancelled", 50)
    assert answer.json["message"].startswith("Cancelled by key ")
    assert queue.waiting(1) == 1
    with db.scope():
        batch.work(first, queue, idle.extensions["clv"].settings)
        assert runs.by_id(first).computed == 50
        batch.work(second, queue, idle.extensions["clv"].settings)
        assert runs.by_id(second).status == "finished"
    ended = client.delete(job_url(first), headers=key)
    assert ended.status_code == 409 and "cancelled" in ended.json["message"]


def test_only_an_admin_of_the_tenant_cancels(idle, headers, load):
    url = job_url(queued())
    client = idle.test_client()
    assert client.delete(url, headers=headers("editor")).status_code == 403
    assert client.delete(url, headers=headers("admin", "other")).status_code == 404
    assert client.get(url, headers=headers("viewer")).json["status"] == "queued"


def test_an_erased_customer_is_gone_with_all_traces(client, headers, load):
    load(row("a", 1), row("a", 2), row("b", 1))
    key = headers()
    client.get("/api/v1/customers/a/clv", headers=key)
    with db.scope():
        run_id = begin()
        db.execute("INSERT INTO run_error VALUES (%s, 'a', 'a reason')", (run_id,))
    assert client.delete("/api/v1/customers/a", headers=headers("editor")).status_code == 403
    foreign = headers("admin", "other")
    assert client.delete("/api/v1/customers/a", headers=foreign).status_code == 404
    answer = client.delete("/api/v1/customers/a", headers=key)
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/api/v1/customers/a/clv", headers=key).status_code == 404
    assert client.delete("/api/v1/customers/a", headers=key).status_code == 404
    with db.scope():
        for table in ("interaction_summary", "clv_record", "run_error"):
            assert not db.rows(f"SELECT 1 FROM {table} WHERE customer_id = 'a'")
        assert tenants.tenant_by_name("acme").customers == 1


def test_a_deleted_tenant_leaves_nothing_behind_and_others_alone(app, client, headers, load):
    load(*(row(f"c{n}", 1) for n in range(300)))
    key, other = headers(), headers("admin", "other")
    client.get("/api/v1/customers/c1/clv", headers=key)
    with db.scope():
        run_id = planned(app.extensions["clv"].queue)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["tenants", "delete", "acme"], input="n\n").exit_code == 1
    assert client.get(URL, headers=key).status_code == 200
    assert runner.invoke(args=["tenants", "delete", "acme", "--yes"]).exit_code == 0
    assert client.get(URL, headers=key).status_code == 401
    assert client.get(URL, headers=other).status_code == 200
    with db.scope():
        batch.work(run_id, app.extensions["clv"].queue, app.extensions["clv"].settings)
        for table in ("interaction_summary", "clv_record", "snapshot", "run", "shard"):
            assert db.value(f"SELECT COUNT(*) FROM {table}") == 0, table
        assert [tenant.name for tenant in tenants.all_tenants()] == ["other"]
