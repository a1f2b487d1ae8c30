"""What may be changed, and from where."""

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from tests.api.queue_dashboard.support import OWN_PAGE, PROBE, RIGHT, paths
from tests.api.test_errors import assert_is_an_error
from tests.conftest import ON_ONE_DATABASE


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
