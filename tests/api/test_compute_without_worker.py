"""POST /clv/compute without a worker or a queue, wrong requests, and the list of jobs."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app import create_app
from clv import db
from clv.services import batch, runs
from clv.store import runs as stored
from tests.api.support import row
from tests.conftest import unreachable_redis, wait_until
from tests.jobs.support import Bell, together

URL = "/api/v1/clv/compute"


def test_twenty_starts_at_once_make_one_run(app, settings, tenant):
    bell = Bell(app.extensions["clv"].queue.redis)
    found: list[int] = []

    def start() -> None:
        found.append(runs.start(tenant.id, None, "test", settings, bell).id)

    assert together(*[start] * 20) == []
    assert len(set(found)) == 1
    assert len(found) == len(bell.rung) == 20


def test_without_a_worker_the_answer_says_so(settings, app, headers, load):
    load(row("a", 1))
    # A Redis database that no worker listens on.
    idle = replace(settings, redis_url=settings.redis_url[:-1] + "9")
    answer = create_app(idle).test_client().post(URL, headers=headers())
    assert answer.status_code == 202
    assert answer.json["message"] == runs.NO_WORKER


def test_without_a_queue_it_is_a_503_and_its_run_is_closed(settings, app, headers, load):
    load(row("a", 1))
    key = headers()
    client = create_app(unreachable_redis(settings)).test_client()
    answer = client.post(URL, headers=key)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    job = client.get("/api/v1/clv/jobs", headers=key).json["data"][0]
    assert (job["status"], job["message"]) == ("failed", "The queue could not be reached.")
    # The doorbell that arrives late does nothing.
    with db.scope():
        run = stored.by_job_id(1, job["jobId"])
        batch.work(run.id, app.extensions["clv"].queue, settings)
        assert stored.by_id(run.id).status == "failed"


def test_without_a_queue_a_run_that_was_joined_stays(settings, app, headers, load):
    load(row("a", 1))
    with db.scope():
        run, _ = stored.join_or_create(1, None, "test", 10**9)
    client = create_app(unreachable_redis(settings)).test_client()
    assert client.post(URL, headers=headers()).status_code == 503
    with db.scope():
        assert stored.by_id(run.id).status == "queued"


@pytest.mark.parametrize(("status", "code"), [("failed", 500), ("cancelled", 409)])
def test_a_run_that_ends_otherwise_while_a_request_waits(
    app, headers, load, settings, status, code
):
    load(row("a", 1))
    key, answers = headers(), []
    idle = create_app(replace(settings, redis_url=settings.redis_url[:-1] + "8"))
    # A worker that was heard of just now, but takes nothing.
    idle.extensions["clv"].queue.redis.sadd("rq:workers", "rq:worker:silent")
    idle.extensions["clv"].queue.redis.hset(
        "rq:worker:silent", "last_heartbeat", datetime.now(UTC).isoformat()
    )

    def ask() -> None:
        answers.append(idle.test_client().post(URL, headers=key))

    thread = threading.Thread(target=ask)
    thread.start()

    def queued() -> int | None:
        with db.scope():
            return stored.queued_of_tenant(1)

    wait_until(queued, "the run is queued")
    with db.scope():
        run_id = stored.queued_of_tenant(1)
        job_id = stored.by_id(run_id).job_id
        stored.close(run_id, status, "A reason.")
    thread.join()
    assert answers[0].status_code == code
    assert job_id in answers[0].json["message"]


@pytest.mark.parametrize(
    ("request_body", "status"),
    [
        ({"json": {"segment": "vip"}}, 400),
        ({"json": {"segment": 5}}, 400),
        ({"json": {"segment": ""}}, 400),
        ({"json": {"segments": "high"}}, 400),
        ({"json": []}, 400),
        ({"data": "null", "content_type": "application/json"}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "{}", "content_type": "text/plain"}, 415),
        ({"data": "{}"}, 415),
        ({"data": '{"segment":"high"}', "content_type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_body_that_is_not_right_is_refused(client, headers, tenant, request_body, status):
    answer = client.post(URL, headers=headers(), **request_body)
    assert answer.status_code == status, answer.text
    assert answer.json["message"]
    with db.scope():
        assert not stored.page(1, None, 5)


def test_a_wrong_segment_is_answered_with_the_four(client, headers, tenant):
    answer = client.post(URL, headers=headers(), json={"segment": "vip"})
    assert answer.json == {
        "code": 400,
        "status": "Bad Request",
        "message": "The request is not valid. segment: Must be one of: high, medium, low, at_risk.",
        "errors": {"json": {"segment": ["Must be one of: high, medium, low, at_risk."]}},
    }


def test_jobs_are_listed_newest_first_in_pages(client, headers, tenant):
    key = headers("viewer")
    with db.scope():
        ids = []
        for _ in range(5):
            run, _ = stored.join_or_create(1, None, "test", 10**9)
            stored.close(run.id, "cancelled", "for the test")
            ids.append(run.job_id)
    seen, cursor = [], ""
    while cursor is not None:
        url = f"/api/v1/clv/jobs?limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = client.get(url, headers=key).json
        seen += [job["jobId"] for job in page["data"]]
        cursor = page["pagination"]["cursor"]
        assert page["pagination"]["hasMore"] == (cursor is not None)
    assert seen == ids[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=%21", "page=2"])
def test_a_wrong_query_names_its_parameter(client, headers, tenant, query):
    answer = client.get(f"/api/v1/clv/jobs?{query}", headers=headers())
    assert answer.status_code == 400
    name = query.split("=")[0]
    assert name in answer.json["errors"]["query"] and name in answer.json["message"]
