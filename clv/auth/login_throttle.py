"""The limit on failed attempts to authenticate, by the client's address and in this process.

It locks nobody out: over the limit, a right key still works, whoever else guesses behind the same
address. What changes is that failures are answered by 429 instead of 401, and that a made-up key
costs the database nothing (``auth.authenticate(…, existing=True)``). A request without credentials
is no attempt. RQ Dashboard's one password, which a person chose, is not even compared over the
limit; those attempts are counted apart.
"""

import ipaddress
import math
import threading
import time
from dataclasses import dataclass

from limits import parse

from clv.auth.ttl_cache import TTLCache
from clv.errors import TooMany

# A hundred bytes each. Whoever has more addresses than that is not slowed.
MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Window:
    ends: float
    failures: int = 0


class LoginThrottle:
    """Counts failures; without a limit (an empty text), none."""

    def __init__(self, limit: str) -> None:
        self._limit = parse(limit) if limit else None
        self._windows: TTLCache[_Window] = TTLCache(MOST_ADDRESSES)
        self._lock = threading.Lock()

    def are_too_many(self, client: str) -> bool:
        """Whether this client has failed as often as it may."""
        window = self._windows.get(client)
        return self._limit is not None and window is not None and self._is_full(window)

    def count(self, client: str) -> None:
        """Note a failure.

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
    """Whom an address stands for: itself, or of IPv6 its /64, all of which one client may have.
    Clients without an address (of a Unix socket) count as one."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.IPv6Address(int(found) >> 64 << 64))
    return str(getattr(found, "ipv4_mapped", None) or found)
