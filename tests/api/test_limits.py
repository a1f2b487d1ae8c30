"""The rate limit of a key: exact in one process, nearly so over several, with and without Redis."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from redis import Redis

from app import create_app
from clv.http.rate_limit import MOST_KEYS, REDIS_SECONDS, REPORTS_PER_LIMIT, RateLimiter
from jobs.queue import MAX_CONNECTIONS, connect
from tests.api.test_errors import assert_is_an_error
from tests.api.test_headers import ORIGIN
from tests.api.web import Web, gunicorn
from tests.conftest import (
    DAY,
    ON_ONE_DATABASE,
    free_port,
    redis_server,
    unreachable_redis,
    wait_until,
)

CLV, SETTINGS = "/api/v1/customers/nobody/clv", "/api/v1/settings"


@pytest.fixture
def limited(app, settings) -> Iterator:
    """An application that allows a key 5 requests a day."""
    application = create_app(replace(settings, rate_limit="5/day", cors_origins=(ORIGIN,)))
    yield application
    application.extensions["clv"].queue.redis.close()


def limiter(url: str, limit: str = "100/day", seconds: float = 60) -> RateLimiter:
    """What one process has.

    :param seconds: for which it waits for Redis; on a machine that is busy with much else it may
        take a while
    """
    return RateLimiter(limit, connect(url, 1, seconds, seconds))


def spend(one: RateLimiter, times: int, key: str = "key") -> int:
    """How many of so many requests are let through."""
    done = 0
    for _ in range(times):
        quota = one.take(key)
        done += not quota.exceeded
        if quota.report_is_due:
            one.report(key)
    return done


@pytest.fixture
def own_key(settings) -> str:
    """A key that no other test counts in the same Redis."""
    return f"key-{time.monotonic_ns()}"


def test_a_key_gets_exactly_its_limit_and_then_429(limited, headers):
    client, key, other = limited.test_client(), headers("viewer"), headers("viewer")
    for left in (4, 3, 2, 1, 0):
        answer = client.get(SETTINGS, headers=key)
        assert answer.status_code == 200
        assert answer.headers["RateLimit"].startswith(f'"default";r={left};t=')
        assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=86400'
    for _ in range(3):
        answer = client.get(SETTINGS, headers=key)
        body = assert_is_an_error(answer, 429)
        assert body["status"] == "Too Many Requests" and "used up" in body["message"]
        seconds = int(answer.headers["Retry-After"])
        assert 0 < seconds <= DAY
        assert answer.headers["RateLimit"] == f'"default";r=0;t={seconds}'
    assert client.get(SETTINGS, headers=other).status_code == 200


def test_what_is_refused_counts_unless_the_key_was_not_right(limited, headers):
    client, key = limited.test_client(), headers("viewer")
    wrong = {"Authorization": key["Authorization"][:-1]}
    for _ in range(10):
        answer = client.get(SETTINGS, headers=wrong)
        assert answer.status_code == 401 and "RateLimit" not in answer.headers
    tried = [
        client.get(CLV, headers=key),
        client.put(SETTINGS, headers=key, json={}),
        client.get(SETTINGS, headers={**key, "X-Tenant-Id": "other"}),
        client.get("/api/v1/clv/records?nonsense=1", headers=key),
    ]
    assert [answer.status_code for answer in tried] == [404, 403, 403, 400]
    assert all("RateLimit" in answer.headers for answer in tried)
    assert client.get(SETTINGS, headers=key).status_code == 200
    assert client.put(SETTINGS, headers=key, json={}).status_code == 429, "before the role"


def test_other_origins_may_read_what_is_left(limited, headers):
    answer = limited.test_client().get(SETTINGS, headers={**headers(), "Origin": ORIGIN})
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))


def test_the_limit_is_documented_with_each_endpoint(client):
    paths = client.get("/api/openapi.json").json["paths"]
    secured = [one for path in paths.values() for one in path.values() if "security" in one]
    assert len(secured) > 20
    for operation in secured:
        assert operation["responses"]["429"]["headers"]["Retry-After"]["required"]
        assert {"RateLimit", "RateLimit-Policy"} <= set(operation["responses"]["429"]["headers"])


def test_switched_off_there_is_no_limit_and_no_header(settings, app, headers):
    client = create_app(replace(settings, rate_limit="")).test_client()
    answer = client.get(SETTINGS, headers=headers())
    assert answer.status_code == 200 and "RateLimit" not in answer.headers


def test_a_new_window_begins_with_the_clocks(redis_url, own_key):
    one = limiter(redis_url, "3/second")
    allowed, tried = Counter(), Counter()

    def take() -> bool:
        """Whether there were two windows in which more than the limit was tried."""
        before = int(time.time())
        quota = one.take(own_key)
        if int(time.time()) == before:
            tried[before] += 1
            allowed[before] += not quota.exceeded
        return sum(tried[window] > 3 and count == 3 for window, count in allowed.items()) >= 2

    wait_until(take, "two windows were used up")
    assert max(allowed.values()) == 3


def test_processes_learn_of_each_other(redis_url, own_key):
    first, second = limiter(redis_url), limiter(redis_url)
    assert spend(first, 60, own_key) == 60
    batch = 100 // REPORTS_PER_LIMIT
    assert 40 <= spend(second, 100, own_key) <= 40 + batch
    assert spend(first, 100, own_key) <= batch
    assert spend(limiter(redis_url), 100, own_key) == 1, "a third learns it after one request"


def test_a_redis_that_was_emptied_takes_nothing_back(redis_url, own_key):
    one = limiter(redis_url)
    assert spend(one, 90, own_key) == 90
    with Redis.from_url(redis_url) as redis:
        redis.delete(*redis.keys(f"clv:limit:*{own_key}*"))
    assert spend(one, 50, own_key) == 10


def test_the_counters_in_redis_end_with_their_windows(redis_url, own_key):
    spend(limiter(redis_url, "100/minute"), 1, own_key)
    with Redis.from_url(redis_url) as redis:
        (name,) = redis.keys(f"clv:limit:*{own_key}*")
        assert 0 < redis.ttl(name) <= 60


def test_many_threads_get_exactly_the_limit_of_one_process(redis_url, own_key):
    one, done = limiter(redis_url), []
    threads = [
        threading.Thread(target=lambda: done.append(spend(one, 50, own_key))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 100


def test_the_memory_of_keys_is_bounded(settings):
    one = limiter(unreachable_redis(settings).redis_url)
    for number in range(MOST_KEYS + 500):
        one.take(str(number))
    assert len(one._windows) == MOST_KEYS


def test_a_silent_redis_is_asked_once_in_a_while(own_key):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        silent.setblocking(False)
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        one = limiter(url, seconds=REDIS_SECONDS)
        assert spend(one, 300, own_key) == 100, "alone, the process keeps to the limit"
        asked = _accept_all(silent)
    assert 1 <= asked <= 2


@ON_ONE_DATABASE
def test_two_processes_share_a_limit(settings, app, headers):
    threads = 4
    most = 200 + 2 * (200 // REPORTS_PER_LIMIT + threads)
    for _ in range(3):
        key = headers("viewer")
        with gunicorn(settings, WEB_CONCURRENCY="2", RATE_LIMIT="200/day") as web:
            statuses = _load(web, key, threads, 80)
        allowed = statuses[200]
        if allowed <= most:
            break
        # Redis was too slow for a while, on a machine that has much else to do.
    assert 200 <= allowed <= most
    assert statuses[429] == 320 - allowed


@ON_ONE_DATABASE
def test_when_redis_dies_under_load_requests_go_on_and_stay_limited(
    settings, app, headers, workspace
):
    key, port = headers("viewer"), free_port()
    url = f"redis://127.0.0.1:{port}/0"
    answers: list[Counter[int]] = []
    with gunicorn(replace(settings, redis_url=url), RATE_LIMIT="400/day") as web:

        def is_reported() -> bool:
            answers.append(_load(web, key, 1, 1))
            time.sleep(0.2)
            with Redis.from_url(url) as redis:
                return bool(redis.keys("clv:limit:*"))

        loading = threading.Thread(target=lambda: answers.append(_load(web, key, 2, 50)))
        with redis_server(workspace, port):
            wait_until(is_reported, "what was counted is told to Redis")
            loading.start()
        loading.join()
        assert {status for answer in answers for status in answer} == {200}
        with redis_server(workspace, port):
            wait_until(is_reported, "and what was counted meanwhile to the new one")
            answers.append(_load(web, key, 4, 100))
    total = sum(answers, Counter())
    assert set(total) == {200, 429} and total[200] == 400


@ON_ONE_DATABASE
def test_a_web_process_has_at_most_4_connections_to_redis(settings, app, headers, workspace):
    key, port, most = headers("admin"), free_port(), 0
    url = f"redis://127.0.0.1:{port}/0"
    with redis_server(workspace, port), closing(Redis.from_url(url)) as redis:
        with gunicorn(
            replace(settings, redis_url=url), WEB_THREADS="8", RATE_LIMIT="100000/day"
        ) as web:
            paths = ("/readyz", SETTINGS, "/readyz", "/api/v1/clv/jobs")
            threads = [
                threading.Thread(target=_load, args=(web, key, 1, 30, path)) for path in paths * 2
            ]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                most = max(most, len(redis.client_list()) - 1)
            for thread in threads:
                thread.join()
    assert 1 < most <= MAX_CONNECTIONS + 1 == 4


def _load(web: Web, key: dict, threads: int, each: int, path: str = SETTINGS) -> Counter[int]:
    """The statuses of requests from several threads."""
    found: list[int] = []

    def run() -> None:
        for _ in range(each):
            answer = web.get(path, **key)
            found.append(answer.status)
            if answer.status == 429:
                assert json.loads(answer.body)["code"] == 429

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Counter(found)


def _accept_all(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.accept()[0].close()
            count += 1
        except BlockingIOError:
            return count
