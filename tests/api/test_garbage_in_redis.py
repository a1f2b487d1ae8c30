"""Whatever stands in Redis where our figures belong, the service answers and takes it for none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from app import create_app
from clv import db
from clv.store import runs
from jobs import progress
from tests.api.support import row
from tests.api.test_metrics import metric, parsed

NOW = datetime.now(UTC)
HEARTBEATS = {
    "no text": b"\xff\xfe",
    "no time": b"garbage",
    "nothing": b"",
    "a time without its offset": NOW.replace(tzinfo=None).isoformat().encode(),
    "a number": b"9" * 5_000,
    "the last time": b"9999-12-31T23:59:59.999999-23:59",
    "the first time": b"0001-01-01T00:00:00+23:59",
    "a time ahead": (NOW + timedelta(hours=1)).isoformat().encode(),
    "an old time": (NOW - timedelta(hours=1)).isoformat().encode(),
}
COUNTERS = {
    "no number": b"garbage",
    "no text": b"\xff",
    "a negative number": b"-1",
    "a fraction": b"1.5",
    "a number of 4,300 digits": b"9" * 4_300,
    "a number of 19 digits": b"9" * 19,
    "nothing": b"",
}


@pytest.fixture
def redis(alone) -> Iterator[Redis]:
    """A Redis of the test's own."""
    with Redis.from_url(alone.redis_url) as client:
        yield client
        client.flushdb()


@pytest.fixture
def client(alone):
    """A client of an application that does not wait for runs."""
    return create_app(replace(alone, compute_wait_seconds=0.0)).test_client()


def assert_workers(client, headers, count: int) -> None:
    """So many workers are alive, whoever asks."""
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["redis"], ready.json["workers"]) == (200, "ok", count)
    assert metric(parsed(client.get("/metrics").text), "clv_workers") == count
    started = client.post("/api/v1/clv/compute", headers=headers())
    assert started.status_code == 202
    assert bool(started.json["message"]) == (count == 0)


@pytest.mark.parametrize("name", HEARTBEATS)
def test_what_is_no_heartbeat_is_no_worker(redis, client, headers, load, name):
    load(row("a", 1))
    redis.sadd("rq:workers", "rq:worker:odd")
    redis.hset("rq:worker:odd", mapping={"last_heartbeat": HEARTBEATS[name]})
    assert_workers(client, headers, 0)
    redis.sadd("rq:workers", "rq:worker:good")
    redis.hset("rq:worker:good", mapping={"last_heartbeat": datetime.now(UTC).isoformat()})
    assert_workers(client, headers, 1)


def test_what_is_no_worker_is_not_counted(redis, client, headers, load):
    load(row("a", 1))
    redis.sadd("rq:workers", b"\xff\xfe", "rq:worker:list", "rq:worker:none", "")
    redis.rpush("rq:worker:list", "garbage")
    assert_workers(client, headers, 0)


def test_where_the_workers_are_named_something_else_stands(redis, client, headers, load):
    load(row("a", 1))
    redis.set("rq:workers", "garbage")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["workers"]) == (200, 0)
    assert client.get("/metrics").status_code == 200
    assert client.post("/api/v1/clv/compute", headers=headers()).status_code == 202


@pytest.mark.parametrize("name", COUNTERS)
def test_the_database_answers_where_the_live_progress_is_garbage(
    redis, client, headers, load, name
):
    load(row("a", 1))
    with db.scope():
        run = runs.join_or_create(1, None, "test", 10**9)[0]
        db.execute("UPDATE run SET status = 'running', started_ms = created_ms, total = 7")
    path = f"/api/v1/clv/jobs/{run.job_id}"
    progress.begin(redis, run.job_id, [1, 2])
    redis.hset(f"clv:run:{run.job_id}", "1:computed", 3)
    assert client.get(path, headers=headers()).json["computed"] == 3
    redis.hset(f"clv:run:{run.job_id}", "2:errors", COUNTERS[name])
    job = client.get(path, headers=headers())
    assert (job.status_code, job.json["computed"], job.json["errors"]) == (200, 0, 0)
    redis.delete(f"clv:run:{run.job_id}")
    redis.set(f"clv:run:{run.job_id}", "garbage")
    assert client.get(path, headers=headers()).json["computed"] == 0
