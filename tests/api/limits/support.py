"""The limiter of one process, and requests to count."""

from clv.http.rate_limit import RateLimiter
from jobs.queue import connect

CLV, SETTINGS = "/api/v1/customers/nobody/clv", "/api/v1/settings"


def limiter(
    url: str, limit: str = "100/day", seconds: float = 60, factor: int = 100
) -> RateLimiter:
    """What one process has.

    :param seconds: for which it waits for Redis; on a machine that is busy with much else it may
        take a while
    """
    return RateLimiter(limit, factor, connect(url, 1, seconds, seconds))


def spend(one: RateLimiter, times: int, key: str = "key", tenant: str = "tenant") -> int:
    """How many of so many requests are let through."""
    done = 0
    for _ in range(times):
        quota = one.take(key, tenant)
        done += quota.exceeded is None
        if quota.report_is_due:
            one.report(key)
    return done
