"""What the pages show of workers and jobs."""

import json
from dataclasses import replace

from app import create_app
from clv import db
from jobs import queue
from tests.api.queue_dashboard.support import (
    DESCRIPTION,
    JOBS,
    OWN_PAGE,
    RIGHT,
    guarded,
    working_on,
)
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.conftest import ON_ONE_DATABASE, unreachable_redis, wait_until


@ON_ONE_DATABASE
def test_pages_and_files_open_with_the_password(operator):
    views = ("queues", "jobs", "workers", "jobs/clv/failed/8/dsc/1")
    for path in ("/rq/", "/rq/0/", *(f"/rq/0/view/{view}" for view in views)):
        answer = operator.get(path, headers=RIGHT)
        assert answer.status_code == 200 and "RQ dashboard" in answer.text, answer.text
        assert "redis://" not in answer.text
    assert operator.get("/rq", headers=RIGHT, follow_redirects=True).status_code == 200
    for path in ("/rq/static/css/main.css", "/rq/static/favicon.ico", "/rq/favicon.ico"):
        with operator.get(path, headers=RIGHT) as file:
            assert file.status_code == 200


def test_a_real_worker_and_its_job_are_shown(operator, redis, headers, load, worker):
    # Jobs of other tests may vanish at any time.
    redis.delete("rq:finished:clv")
    load(row("a", 1))
    started = operator.post("/api/v1/clv/compute", headers=headers("admin"))
    assert started.status_code in (200, 202), started.text

    def finished() -> list[dict]:
        return operator.get(JOBS.format("clv/finished"), headers=RIGHT).json["jobs"]

    wait_until(finished, "the job is listed as finished")
    listed = finished()[0]
    description = listed["description"]
    with db.scope():
        job_id = db.value("SELECT job_id FROM run")
    assert description == f"acme, all: 0 to 1 of 1 (100 %), finished, job {job_id}"
    info = operator.get(f"/rq/0/data/job/{listed['id']}.json", headers=RIGHT).json
    assert (info["description"], info["origin"], info["status"]) == (description, "clv", "finished")
    assert info["result"] == {"job_id": job_id, "status": "finished", "computed": 1, "errors": 0}
    assert json.loads(info["metadata"])["job_id"] == job_id
    assert operator.get(f"/rq/0/view/job/{info['id']}", headers=RIGHT).status_code == 200

    def workers() -> list[dict]:
        return operator.get("/rq/0/data/workers.json", headers=RIGHT).json["workers"]

    wait_until(lambda: "idle" in [one["current_job"] for one in workers()], "the worker is idle")
    assert {tuple(one["queues"]) for one in workers()} == {("clv",)}
    queues = operator.get("/rq/0/data/queues.json", headers=RIGHT).json["queues"]
    assert "clv" in [one["name"] for one in queues]


@ON_ONE_DATABASE
def test_jobs_in_the_menu_opens_our_queue_and_what_is_worked_on(operator, redis, put):
    page = operator.get("/rq/0/view/jobs", headers=RIGHT).text
    assert "the started jobs on queue <strong>clv</strong>" in page
    assert 'api.getJobs("clv", "started", "8", "dsc", "1"' in page
    other = operator.get("/rq/0/view/jobs/clv/failed/8/asc/1", headers=RIGHT).text
    assert "the failed jobs on queue <strong>clv</strong>" in other


@ON_ONE_DATABASE
def test_a_busy_worker_and_its_job_are_shown(operator, redis, put):
    job = put()
    with working_on(job, redis) as worker:
        answer = operator.get("/rq/0/data/workers.json", headers=RIGHT)
        assert answer.status_code == 200, answer.text
        (shown,) = [one for one in answer.json["workers"] if one["name"] == worker.name]
        assert shown["state"] == "busy"
        assert shown["current_job"]["job_id"] == job.id
        assert shown["current_job"]["description"] == DESCRIPTION
        assert operator.get("/rq/0/view/workers", headers=RIGHT).status_code == 200
        started = operator.get(JOBS.format("clv/started"), headers=RIGHT).json["jobs"]
        assert DESCRIPTION in [one["description"] for one in started if one["id"] == job.id]


@ON_ONE_DATABASE
def test_looking_leaves_the_services_connection_as_it_is(dashboard, operator, redis, put):
    pool = dashboard.extensions["clv"].queue.redis.connection_pool
    with working_on(put(), redis):
        for path in ("/rq/0/view/workers", "/rq/0/data/workers.json", "/rq/0/data/queues.json"):
            assert operator.get(path, headers=RIGHT).status_code == 200
    assert dashboard.redis_conn.connection_pool is pool
    assert pool.connection_kwargs["socket_timeout"] == queue.ANSWER_TIMEOUT_SECONDS
    assert len(pool._connections) == 1


@ON_ONE_DATABASE
def test_a_tls_address_reaches_the_dashboard_as_the_service_reads_it(settings):
    tls = replace(guarded(settings), redis_url="rediss://:secret@127.0.0.1:1/0?ssl_cert_reqs=none")
    application = create_app(tls)
    assert application.redis_conn is application.extensions["clv"].queue.redis
    answer = application.test_client().get("/rq/", headers=RIGHT)
    assert_is_an_error(answer, 503)
    assert "secret" not in answer.text


@ON_ONE_DATABASE
def test_without_redis_it_is_a_503(app, settings):
    client = create_app(guarded(unreachable_redis(settings))).test_client()
    views = [f"/rq/0/view/{view}" for view in ("queues", "jobs", "workers", "job/none")]
    data = ["/rq/0/data/queues.json", "/rq/0/data/workers.json", JOBS.format("shelf/failed")]
    for path in ("/rq/", *views, *data):
        body = assert_is_an_error(client.get(path, headers=RIGHT), 503)
        assert "Redis" in body["message"]
    assert_is_an_error(client.post("/rq/requeue/shelf", headers=OWN_PAGE), 503)
    assert_is_an_error(client.get("/rq/"), 401)
