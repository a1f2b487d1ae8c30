"""The login throttle: limits failed attempts to authenticate, per client address and process.

It locks nobody out: over the limit a valid key still works, even if somebody else behind the same
address keeps guessing. Only failures change: they are answered by 429 instead of 401, and a made-up
key costs the database nothing (``authentication.authenticate(…, existing=True)``). A request
without credentials is no attempt. RQ Dashboard's single password, which a person chose, is not even
compared over the limit; attempts at it are counted separately.
"""

import ipaddress
import math
import threading
import time
from dataclasses import dataclass

from limits import parse

from clv.auth.ttl_cache import TTLCache
from clv.errors import TooMany

# Each takes a hundred bytes. An attacker with more addresses than this is not slowed down.
MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Window:
    ends: float
    failures: int = 0


class LoginThrottle:
    """Counts failures per client.

    :param limit: such as ``60/minute``; without one (an empty text) nothing is counted
    """

    def __init__(self, limit: str) -> None:
        self._limit = parse(limit) if limit else None
        self._windows: TTLCache[_Window] = TTLCache(MOST_ADDRESSES)
        self._lock = threading.Lock()

    def is_exceeded(self, client: str) -> bool:
        """Whether this client has failed as often as it may."""
        window = self._windows.get(client)
        return self._limit is not None and window is not None and self._is_full(window)

    def count_failure(self, client: str) -> None:
        """Count a failed attempt.

        :raises TooMany: when it is one too many
        """
        if self._limit is None:
            return
        with self._lock:
            window = self._windows.get(client)
            if window is None:
                window = _Window(time.monotonic() + self._limit.get_expiry())
                self._windows.add(client, window, window.ends)
            if self._is_full(window):
                seconds = max(1, math.ceil(window.ends - time.monotonic()))
                raise TooMany("Too many failed attempts from this address.", seconds)
            window.failures += 1

    def _is_full(self, window: _Window) -> bool:
        return self._limit is not None and window.failures >= self._limit.amount


def client_at(address: str | None) -> str:
    """The client that an address stands for: of IPv4 the address, of IPv6 its /64, because one
    client may have all of that. Clients without an address (on a Unix socket) count as one."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    # An IPv4 client of a socket for both versions.
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(ip) >> 64 << 64))
