"""Who a request is queued for, found from the bytes of its head before anything is parsed.

The event loop asks this of every request, so it costs a microsecond or two. It decides only whose
turn it is: whether a request is allowed to do anything is decided when it is its turn.
"""

import re
import time
from collections.abc import Hashable
from functools import lru_cache

from clv.auth import authentication
from clv.auth.login_throttle import client_at
from clv.auth.ttl_cache import TTLCache

# For so long a request may be queued for the tenant of a key or a session that has ended meanwhile.
KNOWN_SECONDS = 60.0
MOST_KNOWN = 4_096
# Client addresses whose client is remembered.
MOST_ADDRESSES = 4_096

# The session's cookie, with and without TLS. A made-up one is not known, and changes nothing.
_COOKIE = re.compile(rb"\n[Cc]ookie:(?:[^\r\n]*[ ;])?(?:__Host-)?clv=([^;\r\n]*)")
_FORWARDED = re.compile(rb"\nx-forwarded-for:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Flows:
    """Finds the flow of a request: the tenant of its key or session if that was valid a moment
    ago, and otherwise the client's address.

    :param trusted_proxies: how many proxies add to X-Forwarded-For
    """

    def __init__(self, trusted_proxies: int) -> None:
        self._trusted_proxies = trusted_proxies
        # Tenants by the hash of an Authorization header or a cookie, so that no secret is kept. The
        # hash is keyed at random by process; a collision would only cost a turn.
        self._tenants: TTLCache[int] = TTLCache(MOST_KNOWN)

    def of(self, head: bytes, client: str) -> Hashable:
        """The flow of the request with this head.

        :param client: whom the connection is with
        """
        value = _authorization(head)
        tenant_id = self._of_session(head) if value is None else self._of_key(value)
        return self._client(head, client) if tenant_id is None else tenant_id

    def remember(self, cookie: str, tenant_id: int) -> None:
        """Queue the requests of a session, which has just proved valid, for its tenant."""
        self._keep(cookie.encode(), tenant_id)

    def _of_key(self, value: bytes) -> int | None:
        tenant_id = self._tenants.get(hash(value))
        if tenant_id is None:
            sender = authentication.recognise(value.decode("latin-1"))
            if sender is None:
                return None
            tenant_id = sender.tenant_id
            self._keep(value, tenant_id)
        return tenant_id

    def _of_session(self, head: bytes) -> int | None:
        found = _COOKIE.search(head)
        return self._tenants.get(hash(found[1])) if found else None

    def _keep(self, value: bytes, tenant_id: int) -> None:
        self._tenants.add(hash(value), tenant_id, time.monotonic() + KNOWN_SECONDS)

    def _client(self, head: bytes, client: str) -> str:
        forwarded = _FORWARDED.findall(head) if self._trusted_proxies else ()
        if forwarded:
            hops = b",".join(forwarded).split(b",")
            if len(hops) >= self._trusted_proxies:
                return _client_at(hops[-self._trusted_proxies].decode("latin-1").strip())
        return client


def _authorization(head: bytes) -> bytes | None:
    """The value of this header. Nearly all clients spell it in one of two ways."""
    start = head.find(b"\nAuthorization:")
    if start < 0:
        start = head.find(b"\nauthorization:")
    if start < 0:
        return None
    start += len(b"\nAuthorization:")
    end = head.find(b"\n", start)
    return head[start:end].strip()


_client_at = lru_cache(MOST_ADDRESSES)(client_at)
