"""RQ Dashboard at /rq: who gets in, what it may change, and that nothing runs in its pages."""

import base64
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from werkzeug.test import TestResponse

from app import create_app
from clv.config import ROOT, Settings
from jobs import queue
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.api.web import served
from tests.conftest import ON_ONE_DATABASE, started_anew, unreachable_redis, wait_until
from tests.support import chromium

USER, PASSWORD = "operator", "geheim:ß"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DESCRIPTION = "Compute customer lifetime values"
JOBS = "/rq/0/data/jobs/{}/8/asc/1.json"
PROBE = "<script>window.injected = 1</script><img src=x onerror='window.injected = 1'>"

# Resolves to the directive that the policy's refusal names.
INJECT = """
html => new Promise(done => {
    document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
    document.querySelector("#job-data").innerHTML = html;
})
"""


def basic(credentials: str | bytes) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    raw = credentials if isinstance(credentials, bytes) else credentials.encode()
    return {"Authorization": f"Basic {base64.b64encode(raw).decode()}"}


RIGHT = basic(f"{USER}:{PASSWORD}")
OWN_PAGE = {**RIGHT, "Origin": "http://localhost"}


def guarded(settings: Settings) -> Settings:
    """The same settings with credentials for the dashboard, and no limit on wrong ones."""
    return replace(
        settings, rq_dashboard_user=USER, rq_dashboard_password=PASSWORD, attempts_limit=""
    )


@pytest.fixture
def dashboard(app, settings) -> Iterator:
    """An application with the dashboard."""
    with started_anew(guarded(settings)) as application:
        # It looks through the connection that the application has at its start.
        application.redis_conn = application.extensions["clv"].queue.redis
        yield application


@pytest.fixture
def operator(dashboard):
    """A client of it that compares nothing with the document."""
    return FlaskClient(dashboard, TestResponse)


@pytest.fixture
def redis(settings) -> Iterator[Redis]:
    """A connection of the test's own: RQ's workers change its time-outs."""
    with Redis.from_url(settings.redis_url) as connection:
        yield connection


@pytest.fixture
def put(redis) -> Iterator:
    """Put a job into Redis, in no queue."""
    made = []

    def create(**attributes) -> Job:
        job = Job.create(
            "jobs.tasks.drain",
            (7,),
            connection=redis,
            serializer=JSONSerializer,
            **{"origin": "clv", "description": DESCRIPTION, **attributes},
        )
        job.save()
        made.append(job)
        return job

    yield create
    for job in made:
        job.delete()


@pytest.fixture
def failed(redis, put) -> Iterator[Job]:
    """A job that has failed, with HTML in all its texts, of a queue that no worker listens to."""
    job = put(origin="shelf", description=PROBE, meta={"note": PROBE})
    shelf = Queue("shelf", connection=redis, serializer=JSONSerializer)
    with redis.pipeline() as pipeline:
        pipeline.sadd(Queue.redis_queues_keys, shelf.key)
        job.set_status("failed", pipeline=pipeline)
        job._handle_failure(PROBE, pipeline, "test")
        pipeline.execute()
    yield job
    shelf.delete(delete_jobs=False)


@contextmanager
def working_on(job: Job, connection: Redis) -> Iterator[Worker]:
    """A worker as RQ registers one that works on this job."""
    queues = [Queue("clv", connection=connection, serializer=JSONSerializer)]
    worker = Worker(queues, connection=connection, serializer=JSONSerializer)
    worker.register_birth()
    execution = worker.prepare_execution(job)
    worker.set_state("busy")
    try:
        yield worker
    finally:
        with connection.pipeline() as pipeline:
            worker.cleanup_execution(job, pipeline, execution)
            pipeline.execute()
        worker.register_death()


def paths(application, **named: str) -> list[str]:
    """A path for each rule below /rq, and some that no rule matches."""
    values = {
        "instance_number": 0,
        "queue_name": "clv",
        "registry_name": "queued",
        "per_page": 8,
        "order": "asc",
        "page": 1,
        "job_id": "none",
        "filename": "css/main.css",
        **named,
    }
    adapter = application.url_map.bind("localhost")
    rules = [r for r in application.url_map.iter_rules() if r.rule.startswith("/rq")]
    found = [rule.build({**(rule.defaults or {}), **values})[1] for rule in rules]
    assert len(set(found)) > 15 and adapter.test("/rq/0/data/workers.json")
    return [path.partition("?")[0] for path in found] + ["/rq", "/rq/nothing", "/rq/9/view/queues"]


@ON_ONE_DATABASE
@pytest.mark.parametrize("given", [("", ""), (USER, ""), ("", PASSWORD)])
def test_without_both_credentials_there_is_no_dashboard(app, settings, given):
    half = replace(settings, rq_dashboard_user=given[0], rq_dashboard_password=given[1])
    client = create_app(half).test_client()
    for path in ("/rq", "/rq/", "/rq/0/data/queues.json", "/rq/static/css/main.css"):
        assert_is_an_error(client.get(path, headers=RIGHT), 404)


def test_without_credentials_the_library_is_not_even_imported():
    code = "import app, sys; app.create_app(); sys.exit('rq_dashboard' in sys.modules)"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RQ_DASHBOARD")}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ).returncode == 0


@ON_ONE_DATABASE
def test_every_path_and_method_needs_the_password(dashboard, operator):
    for path in paths(dashboard):
        for method in METHODS:
            for headers in ({}, basic(f"{USER}:wrong"), {"Origin": "http://localhost"}):
                answer = operator.open(path, method=method, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == 'Basic realm="rq"'
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                if method != "HEAD":
                    assert_is_an_error(answer, 401)


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic é",
        "Basic é" + "=" * 5,
        f"Basic {RIGHT['Authorization']}",
        RIGHT["Authorization"].replace("Basic", "Bearer"),
        RIGHT["Authorization"].removeprefix("Basic "),
        f"{RIGHT['Authorization']}x",
        basic(b"\xff\xfe:\x00")["Authorization"],
        basic(f"{USER}:{PASSWORD}".encode("latin-1"))["Authorization"],
        basic(f"{USER}:{PASSWORD} ")["Authorization"],
        basic(f"{USER}:")["Authorization"],
        basic(":")["Authorization"],
        f'Digest username="{USER}", password="{PASSWORD}"',
    ],
)
def test_whatever_is_wrong_with_the_header_it_is_a_401(operator, header):
    answer = operator.get("/rq/", headers={"Authorization": header})
    assert_is_an_error(answer, 401)


def test_guessing_is_slowed_at_the_address_that_guesses(app, settings, headers):
    application = create_app(replace(guarded(settings), attempts_limit="3/day"))
    client = application.test_client()

    def get(path: str, headers: dict[str, str], address: str = "192.0.2.1") -> int:
        return client.get(path, headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    wrong = [basic(f"{USER}:{number}") for number in range(4)]
    assert [get("/rq/", one) for one in wrong] == [401, 401, 401, 429]
    assert get("/rq/", RIGHT) == 429, "it is not even compared"
    assert get("/rq/", {}) == 401, "without credentials it was no attempt"
    assert get("/rq/", RIGHT, "192.0.2.2") == 200
    assert get("/api/v1/settings", headers("viewer")) == 200
    assert get("/api/v1/settings", wrong[0]) == 401, "these are counted apart"


def test_the_rest_of_the_service_is_not_concerned(operator, load, headers):
    load(row("a", 1))
    assert operator.get("/healthz").status_code == 200
    assert operator.get("/rqx").status_code == 404
    answer = operator.get("/api/v1/customers/a/clv", headers=headers("viewer"))
    assert answer.status_code == 200
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]


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
    assert listed["description"] == DESCRIPTION
    info = operator.get(f"/rq/0/data/job/{listed['id']}.json", headers=RIGHT).json
    assert (info["description"], info["origin"], info["status"]) == (DESCRIPTION, "clv", "finished")
    assert operator.get(f"/rq/0/view/job/{info['id']}", headers=RIGHT).status_code == 200

    def workers() -> list[dict]:
        return operator.get("/rq/0/data/workers.json", headers=RIGHT).json["workers"]

    wait_until(lambda: "idle" in [one["current_job"] for one in workers()], "the worker is idle")
    assert {tuple(one["queues"]) for one in workers()} == {("clv",)}
    queues = operator.get("/rq/0/data/queues.json", headers=RIGHT).json["queues"]
    assert "clv" in [one["name"] for one in queues]


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
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(operator, redis, failed, method):
    answer = operator.open("/rq/requeue/shelf", method=method, headers=OWN_PAGE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    for path in (f"/rq/job/{failed.id}/requeue", f"/rq/job/{failed.id}/delete"):
        assert operator.open(path, method=method, headers=OWN_PAGE).status_code == 405
    assert failed.get_status() == "failed"


@ON_ONE_DATABASE
def test_no_path_changes_anything_unless_by_a_post(dashboard, operator, redis, failed):
    before = texts_of(redis, failed)
    for path in paths(dashboard, job_id=failed.id, queue_name="shelf", registry_name="failed"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
            with operator.open(path, method=method, headers=OWN_PAGE) as answer:
                assert answer.status_code < 500, (method, path)
    assert texts_of(redis, failed) == before


@ON_ONE_DATABASE
def test_every_post_must_come_from_the_dashboards_own_pages(dashboard, operator, redis, failed):
    posts = [
        path
        for path in paths(dashboard, job_id=failed.id, queue_name="shelf", registry_name="failed")
        if operator.post(path, headers={**RIGHT, "Origin": "null"}).status_code != 404
    ]
    assert len(posts) > 5
    before = texts_of(redis, failed)
    for path in posts:
        for source in ({}, {"Origin": "http://evil.example"}, {"Referer": "http://evil.example"}):
            assert_is_an_error(operator.post(path, headers={**RIGHT, **source}), 403)
    assert texts_of(redis, failed) == before


def texts_of(redis: Redis, job: Job) -> list:
    """What Redis has of the failed job and its queue."""
    return [
        redis.hgetall(job.key),
        redis.zrange("rq:failed:shelf", 0, -1),
        redis.lrange("rq:queue:shelf", 0, -1),
        redis.smembers(Queue.redis_queues_keys),
    ]


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "source",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "é"},
        {"Origin": "null", "Referer": "http://localhost/rq/"},
        {"Origin": "http://evil.example", "Referer": "http://localhost/rq/"},
        {"Referer": "http://evil.example/http://localhost/"},
        {"Referer": "/rq/"},
    ],
)
def test_a_change_must_come_from_the_dashboards_own_pages(operator, failed, source):
    for path in ("/rq/requeue/shelf", f"/rq/job/{failed.id}/requeue", "/rq/queue/clv/compact"):
        assert_is_an_error(operator.post(path, headers={**RIGHT, **source}), 403)
    assert failed.get_status() == "failed"


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "source", [{"Origin": "http://localhost"}, {"Referer": "http://localhost/rq/0/view/jobs"}]
)
@pytest.mark.parametrize("path", ["/rq/requeue/shelf", "/rq/job/{}/requeue"])
def test_a_failed_job_is_queued_again_as_json(operator, redis, failed, source, path):
    answer = operator.post(path.format(failed.id), headers={**RIGHT, **source})
    assert (answer.status_code, answer.json["status"]) == (200, "OK")
    again = Job.fetch(failed.id, connection=redis, serializer=JSONSerializer)
    assert (again.func_name, list(again.args)) == ("jobs.tasks.drain", [7])
    assert again.meta == {"note": PROBE}
    assert again.get_status() == "queued"


@ON_ONE_DATABASE
def test_nothing_can_be_deleted(operator, redis, failed):
    for path in (f"/rq/job/{failed.id}/delete", "/rq/queue/shelf/failed/empty"):
        assert operator.post(path, headers=OWN_PAGE).json == {"status": "DISABLED"}
    assert Job.exists(failed.id, connection=redis)


@ON_ONE_DATABASE
def test_what_does_not_exist_is_a_404_or_409_and_never_a_500(operator, put):
    unknown = ("/rq/0/view/job/none", "/rq/0/data/job/none.json", "/rq/0/data/job/a;b.json")
    instances = ("/rq/1/view/queues", "/rq/99/data/queues.json")
    pages = ("clv/x/8/asc/1", "clv/queued/0/asc/1", "clv/queued/8/up/1", "clv/queued/8/asc/x")
    for path in (*unknown, *instances, *(f"/rq/0/data/jobs/{page}.json" for page in pages)):
        assert_is_an_error(operator.get(path, headers=RIGHT), 404)
    assert_is_an_error(operator.post("/rq/job/none/requeue", headers=OWN_PAGE), 404)
    assert_is_an_error(operator.post(f"/rq/job/{put().id}/requeue", headers=OWN_PAGE), 409)


@ON_ONE_DATABASE
def test_a_queues_name_cannot_break_out_of_the_pages_script(operator):
    for name in ("x');alert(1);('", "</script><script>alert(1)</script>", "x\\"):
        answer = operator.get(f"/rq/0/view/jobs/{name}/queued/8/asc/1", headers=RIGHT)
        assert_is_an_error(answer, 404)


@ON_ONE_DATABASE
def test_texts_of_jobs_are_escaped_and_the_policy_forbids_inline_scripts(operator, failed):
    info = operator.get(f"/rq/0/data/job/{failed.id}.json", headers=RIGHT)
    assert "<" not in info.text and info.json["description"].startswith("&lt;script&gt;")
    assert info.json["exc_info"].startswith("&lt;script&gt;")
    listed = operator.get(JOBS.format("shelf/failed"), headers=RIGHT).json["jobs"]
    assert PROBE in [one["description"] for one in listed], "that page escapes itself"
    page = operator.get(f"/rq/0/view/job/{failed.id}", headers=RIGHT)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"
    directives = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == directives["base-uri"] == "'none'"
    assert directives["script-src"].startswith("'self' 'unsafe-eval' 'sha256-")
    assert "unsafe-inline" not in directives["script-src"] + directives["style-src"]


@ON_ONE_DATABASE
def test_pickles_planted_in_redis_are_never_loaded(operator, redis, put, tmp_path):
    job = put()
    sprung = tmp_path / "sprung"
    planted = pickle.dumps(Plant(str(sprung)))
    redis.hset(job.key, mapping={"meta": planted, "result": planted, "data": planted})
    for path in (f"/rq/0/view/job/{job.id}", f"/rq/0/data/job/{job.id}.json"):
        operator.get(path, headers=RIGHT)
    operator.post(f"/rq/job/{job.id}/requeue", headers=OWN_PAGE)
    assert not sprung.exists()


class Plant:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@ON_ONE_DATABASE
def test_several_applications_in_one_process_keep_their_own_password(dashboard, settings, redis):
    other = replace(settings, rq_dashboard_user="other", rq_dashboard_password="secret")
    theirs, bare = create_app(other).test_client(), create_app(settings).test_client()
    for _ in range(2):
        ours = dashboard.test_client()
        assert ours.get("/rq/0/data/queues.json", headers=RIGHT).status_code == 200
        assert ours.get("/rq/", headers=basic("other:secret")).status_code == 401
        assert (
            theirs.get("/rq/0/data/queues.json", headers=basic("other:secret")).status_code == 200
        )
        assert theirs.get("/rq/", headers=RIGHT).status_code == 401
        assert bare.get("/rq/", headers=RIGHT).status_code == 404


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


@ON_ONE_DATABASE
def test_the_pages_work_in_a_browser_and_nothing_injected_runs(
    dashboard, redis, failed, put, browser
):
    problems = []
    with served(dashboard) as base, working_on(put(), redis):
        login = {"username": USER, "password": PASSWORD}
        with closing(browser.new_page(http_credentials=login)) as page:
            page.set_default_timeout(chromium.WAIT_MS)
            page.on("pageerror", lambda error: problems.append(error))
            page.on(
                "console", lambda message: "Security" in message.text and problems.append(message)
            )
            page.goto(f"{base}/rq/")
            page.wait_for_selector("#queues td:has-text('shelf')")
            page.goto(f"{base}/rq/0/view/workers")
            page.wait_for_selector("#workers td:has-text('jobs.tasks.drain(7)')")
            page.goto(f"{base}/rq/0/view/jobs/shelf/failed/8/asc/1")
            page.wait_for_selector(f"[data-job-id='{failed.id}'] .exc_info:has-text('<script>')")
            page.goto(f"{base}/rq/0/view/job/{failed.id}")
            page.wait_for_selector(".exc_info:has-text('<script>window.injected')")
            assert page.query_selector("#job-data img, #job-data script") is None
            assert not problems
            # Were the text not escaped, the policy would still refuse it.
            assert page.evaluate(INJECT, PROBE).startswith("script-src")
            assert page.evaluate("window.injected") is None
            page.click("#requeue-job-btn")
            wait_until(lambda: failed.get_status() == "queued", "the button queues it again")
