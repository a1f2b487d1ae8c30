"""The rate limit of a key and of its tenant, over all processes of the service.

A tenant's keys together have some times the limit of one key, so that many keys are no way around
it. A request that exceeds either of the two limits counts for neither.

Each process counts by itself, in windows that begin with the clock's minute (hour, day), and no
request waits for Redis. After a response was sent, the process adds what it has counted to the
counters in Redis, in one pipeline, and learns what the others have counted: at the first request of
a key in a window, at each twentieth of a limit, and once a second. So one process alone keeps the
limits exactly. Each further process may exceed them by a twentieth, and by what it answers while
Redis is asked. While Redis is down or silent, each process keeps the limits by itself, and tries
Redis again every 5 seconds.

The notation of limits comes from the package ``limits``, the engine of Flask-Limiter. Flask-Limiter
asks Redis for each request, which would double the cost of a small one.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass

from limits import parse
from redis import Redis
from redis.exceptions import RedisError

from clv import logs
from clv.auth.ttl_cache import TTLCache
from clv.errors import TooMany

# A process reports at each twentieth of a limit, and after a second.
REPORTS_PER_LIMIT = 20
REPORT_SECONDS = 1.0
# How long Redis is left alone after a failure.
PAUSE_SECONDS = 5.0
# Keys that are counted at the same time, and tenants; each takes some hundred bytes.
MOST_KEYS = 10_000
PREFIX = "clv:limit"


@dataclass(slots=True)
class _Window:
    """What this process knows of a key, or of a tenant, in one window.

    :param name: of the counter in Redis
    :param used: requests of this process, and of the others as of the last report
    :param unreported: those of ``used`` that Redis does not know yet
    """

    name: str
    used: int = 0
    unreported: int = 0


@dataclass(slots=True)
class _Sender:
    """A key in the window with this number; all keys of a tenant share the tenant's."""

    number: float
    key: _Window
    tenant: _Window
    reported_at: float = 0.0


@dataclass(slots=True)
class Quota:
    """What a key has left.

    :param remaining: of the key's limit or of its tenant's, whichever is less
    :param seconds: until the window ends, and both have the whole limit again
    :param policy: the key's limit, as the header ``RateLimit-Policy`` states it
    :param exceeded: the limit that this request exceeded, as a sentence; then it is not counted
    :param report_is_due: :meth:`RateLimiter.report` should be called after the response
    """

    remaining: int
    seconds: int
    policy: str
    exceeded: str | None
    report_is_due: bool

    def check(self) -> None:
        """Check that the request was within the limits.

        :raises TooMany: when it was one too many
        """
        if self.exceeded is not None:
            raise TooMany(self.exceeded, self.seconds)


class RateLimiter:
    """Counts the requests of each key and of each tenant.

    :param limit: of a key, such as ``6000/minute``
    :param factor: how many times this limit a tenant has
    :param redis: a client with short time-outs, because a thread waits for it
    """

    def __init__(self, limit: str, factor: int, redis: Redis) -> None:
        item = parse(limit)
        self._seconds, per = item.get_expiry(), item.GRANULARITY.name
        self._of_key, self._of_tenant = item.amount, item.amount * factor
        self._report_key_at = max(1, self._of_key // REPORTS_PER_LIMIT)
        self._report_tenant_at = max(1, self._of_tenant // REPORTS_PER_LIMIT)
        self._redis = redis
        self._senders: TTLCache[_Sender] = TTLCache(MOST_KEYS)
        self._tenants: TTLCache[_Window] = TTLCache(MOST_KEYS)
        self._lock = threading.Lock()
        self._reporting = threading.Lock()
        self._paused_until = 0.0
        self._policy = f'"default";q={self._of_key};w={self._seconds}'
        self._key_exceeded = f"This key's limit, {self._of_key:,} requests a {per}, is used up."
        self._tenant_exceeded = (
            f"The limit of all keys of this tenant together, {self._of_tenant:,} requests a {per},"
            " is used up."
        )

    def take(self, key: str, tenant: str) -> Quota:
        """Count a request of a key and of its tenant."""
        now = time.time()
        number, since = divmod(now, self._seconds)
        with self._lock:
            sender = self._senders.get(key)
            if sender is None or sender.number != number:
                sender = self._begin(key, tenant, number)
            own, shared = sender.key, sender.tenant
            exceeded = self._exceeded(own, shared)
            if exceeded is None:
                own.used += 1
                own.unreported += 1
                shared.used += 1
                shared.unreported += 1
            return Quota(
                max(0, min(self._of_key - own.used, self._of_tenant - shared.used)),
                math.ceil(self._seconds - since),
                self._policy,
                exceeded,
                self._is_due(sender, now),
            )

    def report(self, key: str) -> None:
        """Add what was counted to the counters in Redis, and learn what the other processes have
        counted. Does nothing while another thread reports."""
        sender = self._senders.get(key)
        if sender is None or not self._reporting.acquire(blocking=False):
            return
        try:
            self._report(sender)
        except (RedisError, OSError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            logs.event("limits.local", logging.WARNING, error=logs.trace(error))
        finally:
            self._reporting.release()

    def _begin(self, key: str, tenant: str, number: float) -> _Sender:
        """Begin the window of a key, and that of its tenant unless another key has."""
        ends = time.monotonic() + self._seconds
        window = f"{self._seconds}/{int(number)}"
        name = f"{PREFIX}:tenant/{tenant}/{window}"
        shared = self._tenants.get(name)
        if shared is None:
            shared = _Window(name)
            self._tenants.add(name, shared, ends)
        sender = _Sender(number, _Window(f"{PREFIX}:key/{key}/{window}"), shared)
        self._senders.add(key, sender, ends)
        return sender

    def _exceeded(self, own: _Window, shared: _Window) -> str | None:
        if own.used >= self._of_key:
            return self._key_exceeded
        return self._tenant_exceeded if shared.used >= self._of_tenant else None

    def _is_due(self, sender: _Sender, now: float) -> bool:
        if not sender.key.unreported or time.monotonic() < self._paused_until:
            return False
        # The clock may have been set back.
        waited = abs(now - sender.reported_at) >= REPORT_SECONDS
        return (
            waited
            or sender.key.unreported >= self._report_key_at
            or sender.tenant.unreported >= self._report_tenant_at
        )

    def _report(self, sender: _Sender) -> None:
        windows = (sender.key, sender.tenant)
        with self._lock:
            counts = [window.unreported for window in windows]
            for window in windows:
                window.unreported = 0
            sender.reported_at = time.time()
        try:
            totals = self._add([window.name for window in windows], counts)
        except (RedisError, OSError):
            with self._lock:
                for window, count in zip(windows, counts, strict=True):
                    window.unreported += count
            raise
        with self._lock:
            for window, total in zip(windows, totals, strict=True):
                # Redis may have been emptied; then it knows less than this process.
                window.used = max(window.used, total + window.unreported)

    def _add(self, names: list[str], counts: list[int]) -> list[int]:
        """Add to these counters in one round trip, and return what they are then."""
        pipeline = self._redis.pipeline()
        for name, count in zip(names, counts, strict=True):
            pipeline.incrby(name, count)
            pipeline.expire(name, self._seconds)
        return pipeline.execute()[::2]
