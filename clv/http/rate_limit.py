"""The rate limit of a key, over all processes of the service.

Each process counts by itself, in windows that begin with the clock's minute (hour, day), and no
request waits for Redis. After a response was sent, the process adds what it has counted to the
counter in Redis and learns what the others have counted: at the first request of a window, at each
twentieth of the limit, and once a second. So one process alone keeps the limit exactly. Each
further process may exceed it by a twentieth, and by what it answers while Redis is asked. While
Redis is down or silent, each process keeps the limit by itself, and tries Redis again every 5
seconds.

The notation of limits and the counter in Redis come from the package ``limits``, the engine of
Flask-Limiter. Flask-Limiter asks Redis for each request, which would double the cost of a small
one.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass

from limits import parse
from limits.storage import RedisStorage
from redis import Redis
from redis.exceptions import RedisError

from clv import logs
from clv.auth.ttl_cache import TTLCache
from clv.errors import TooMany

# A process reports at each twentieth of the limit, and after a second.
REPORTS_PER_LIMIT = 20
REPORT_SECONDS = 1.0
# How long Redis is left alone after a failure.
PAUSE_SECONDS = 5.0
# How long a thread waits for Redis after its response was sent.
REDIS_SECONDS = 0.5
# Keys that are counted at the same time; each takes some hundred bytes.
MOST_KEYS = 10_000


class _Storage(RedisStorage):
    """Does not import the client of Valkey, too, where that is installed: it takes 60 ms."""

    DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}


@dataclass(slots=True)
class _Window:
    """What this process knows of one key in one window.

    :param used: requests of this process, and of the others as of the last report
    :param unreported: those of ``used`` that Redis does not know yet
    """

    number: int
    used: int = 0
    unreported: int = 0
    reported_at: float = 0.0


@dataclass(slots=True)
class Quota:
    """What a key has left.

    :param seconds: until the window ends, and the key has the whole limit again
    :param policy: the limit itself, as the header ``RateLimit-Policy`` states it
    :param exceeded: this request was one too many, and is not counted
    :param report_is_due: :meth:`RateLimiter.report` should be called after the response
    """

    remaining: int
    seconds: int
    policy: str
    exceeded: bool
    report_is_due: bool

    def check(self) -> None:
        """Check that the request was within the limit.

        :raises TooMany: when it was one too many
        """
        if self.exceeded:
            raise TooMany("The rate limit of this key is used up.", self.seconds)


class RateLimiter:
    """Counts the requests of each key.

    :param limit: such as ``6000/minute``
    :param redis: a client with short time-outs, because a thread waits for it
    """

    def __init__(self, limit: str, redis: Redis) -> None:
        self._item = parse(limit)
        self._amount, self._seconds = self._item.amount, self._item.get_expiry()
        self._report_at = max(1, self._amount // REPORTS_PER_LIMIT)
        self._storage = _Storage(
            "redis://", connection_pool=redis.connection_pool, key_prefix="clv:limit"
        )
        self._windows: TTLCache[_Window] = TTLCache(MOST_KEYS)
        self._lock = threading.Lock()
        self._reporting = threading.Lock()
        self._paused_until = 0.0
        self.policy = f'"default";q={self._amount};w={self._seconds}'

    def take(self, key: str) -> Quota:
        """Count a request of a key."""
        now = time.time()
        number, since = divmod(now, self._seconds)
        with self._lock:
            window = self._windows.get(key)
            if window is None or window.number != number:
                window = _Window(int(number))
                self._windows.add(key, window, time.monotonic() + self._seconds)
            exceeded = window.used >= self._amount
            if not exceeded:
                window.used += 1
                window.unreported += 1
            return Quota(
                max(0, self._amount - window.used),
                math.ceil(self._seconds - since),
                self.policy,
                exceeded,
                self._is_due(window, now),
            )

    def report(self, key: str) -> None:
        """Add what was counted to the counter in Redis, and learn what the other processes have
        counted. Does nothing while another thread reports."""
        window = self._windows.get(key)
        if window is None or not self._reporting.acquire(blocking=False):
            return
        try:
            self._report(key, window)
        except (RedisError, OSError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            logs.event("limits.local", logging.WARNING, error=logs.trace(error))
        finally:
            self._reporting.release()

    def _is_due(self, window: _Window, now: float) -> bool:
        if not window.unreported or time.monotonic() < self._paused_until:
            return False
        # The clock may have been set back.
        waited = abs(now - window.reported_at) >= REPORT_SECONDS
        return waited or window.unreported >= self._report_at

    def _report(self, key: str, window: _Window) -> None:
        with self._lock:
            count, window.unreported = window.unreported, 0
            window.reported_at = time.time()
        name = self._item.key_for(key, str(window.number))
        try:
            total = self._storage.incr(name, self._seconds, count)
        except (RedisError, OSError):
            with self._lock:
                window.unreported += count
            raise
        with self._lock:
            # Redis may have been emptied; then it knows less than this process.
            window.used = max(window.used, total + window.unreported)
