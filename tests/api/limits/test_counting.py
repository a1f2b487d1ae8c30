"""Counting: exact in one process, nearly so over several, with and without Redis."""

import socket
import threading
import time
from collections import Counter

from redis import Redis

from clv.http.rate_limit import MOST_KEYS, REPORTS_PER_LIMIT
from jobs.queue import ANSWER_TIMEOUT_SECONDS
from tests.api.limits.support import limiter, spend
from tests.conftest import unreachable_redis, wait_until


def test_a_new_window_begins_with_the_clocks(redis_url, own_key):
    one = limiter(redis_url, "3/second")
    allowed, tried = Counter(), Counter()

    def take() -> bool:
        """Whether there were two windows in which more than the limit was tried."""
        before = int(time.time())
        quota = one.take(own_key, own_key)
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


def test_processes_learn_what_other_keys_of_the_tenant_have_used(redis_url, own_key):
    limits = {"limit": "100/day", "factor": 2}
    first, second = limiter(redis_url, **limits), limiter(redis_url, **limits)
    assert [spend(first, 75, f"{own_key}{n}", own_key) for n in (1, 2)] == [75, 75]
    batch = 100 // REPORTS_PER_LIMIT
    # What the first process has not reported, the second does not know of.
    assert 50 <= spend(second, 100, f"{own_key}3", own_key) <= 50 + batch
    assert spend(second, 10, f"{own_key}4", own_key) == 0
    assert spend(limiter(redis_url, **limits), 10, f"{own_key}5", own_key) <= 1 + batch


def test_what_a_tenant_is_refused_is_not_counted_for_its_key(redis_url, own_key):
    one = limiter(redis_url, "10/day", factor=1)
    assert spend(one, 10, f"{own_key}1", own_key) == 10
    assert spend(one, 10, f"{own_key}2", own_key) == 0
    assert one._senders.get(f"{own_key}2").key.used == 0


def test_both_counters_are_told_in_one_round_trip(redis_url, own_key):
    with Redis.from_url(redis_url) as redis:
        one = limiter(redis_url)
        spend(one, 1, own_key, own_key)
        before = redis.info("stats")["total_reads_processed"]
        one.report(own_key)
        # The second is that of the question itself.
        assert redis.info("stats")["total_reads_processed"] - before == 2


def test_garbage_in_redis_leaves_the_limit_of_the_process(redis_url, own_key):
    one = limiter(redis_url, "10/day")
    spend(one, 1, own_key)
    with Redis.from_url(redis_url) as redis:
        [name] = redis.keys(f"clv:limit:*{own_key}*")
        redis.set(name, "no number")
    assert spend(one, 30, own_key) == 9


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
        one.take(str(number), str(number))
    assert len(one._senders) == len(one._tenants) == MOST_KEYS


def test_a_silent_redis_is_asked_once_in_a_while(own_key):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        silent.setblocking(False)
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        one = limiter(url, seconds=ANSWER_TIMEOUT_SECONDS)
        assert spend(one, 300, own_key) == 100, "alone, the process keeps to the limit"
        asked = _accept_all(silent)
    assert 1 <= asked <= 2


def _accept_all(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.accept()[0].close()
            count += 1
        except BlockingIOError:
            return count
