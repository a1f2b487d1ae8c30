"""The connections of a web process."""

import time
from collections import Counter
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from clv.auth.login_throttle import client_at
from clv.http.server.client_socket import ClientSocket
from clv.http.server.patience import Patience

_client_at = lru_cache(1_024)(client_at)


class Connection(TConn):
    """A client's connection.

    :param on_close: called once
    """

    def __init__(
        self, cfg: Any, sock: ClientSocket, address: Any, server: Any, on_close: Callable
    ) -> None:
        super().__init__(cfg, sock, address, server)
        self.address = _client_at(address[0]) if isinstance(address, tuple) and address else ""
        self.parser = Parser(cfg, sock, address)
        self.initialized = self.data_ready = True
        self.is_closed = False
        # When it began to wait for what it waits for now, and for how long it may.
        self.since = time.monotonic()
        # For whom its request waits for a thread.
        self.flow: Hashable = self.address
        self.patience = Patience()
        # How much has to arrive before a thread looks at the request, and how much of that was
        # searched for the end of its head.
        self.needed = self.searched = 0
        # The Body of the request that is served, if it has one.
        self.body: Any = None
        self._on_close = on_close

    def close(self, graceful: bool = False) -> None:
        """Close it at once, and forget what was to be read or sent on it."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.body is not None:
            self.body.close()
        super().close()
        self._on_close(self)


class Parser(RequestParser):
    """Gunicorn's parser, which gives a request out again for its second pass."""

    again: Any = None

    def __next__(self) -> Any:
        """The request whose body was awaited, or the next."""
        if self.again is None:
            return super().__next__()
        request, self.again = self.again, None
        return request


class Addresses:
    """How many connections each address has.

    :param most: how many it may have; None for any number
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def add(self, conn: Connection) -> None:
        """Count a connection."""
        self._counts[conn.address] += 1

    def remove(self, conn: Connection) -> None:
        """Count it no more."""
        self._counts[conn.address] -= 1
        if not self._counts[conn.address]:
            del self._counts[conn.address]

    def is_crowded(self, address: str) -> bool:
        """Whether an address has more than it may. Clients without one are on this machine."""
        return bool(self._most and address and self._counts[address] > self._most)
