"""Connections that no thread works on."""

import selectors
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from clv.http.server.connections import Connection

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Waiting:
    """Connections that wait in the event loop for the same thing, the longest first.

    :param events: what the poller looks for
    """

    def __init__(self, poller: selectors.BaseSelector, events: int) -> None:
        self._poller, self._events = poller, events
        self._conns: dict[Connection, float] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._conns)

    def __contains__(self, conn: Connection) -> bool:
        return conn in self._conns

    def add(self, conn: Connection, until: float, act: Callable[[Connection], None]) -> None:
        """Call ``act`` in the event loop whenever the connection is ready.

        :param until: when it is overdue, on the monotonic clock
        :raises OSError: when the connection is broken
        """
        conn.since = time.monotonic()
        self._conns[conn] = until
        try:
            self._poller.register(conn.sock, self._events, partial(self._act, conn, act))
        except (ValueError, KeyError) as error:
            del self._conns[conn]
            raise OSError("not a connection") from error
        except OSError:
            del self._conns[conn]
            raise

    def put_off(self, conn: Connection, until: float) -> None:
        """Set when a connection is overdue."""
        self._conns[conn] = until

    def remove(self, conn: Connection) -> None:
        """Wait for it no more."""
        if self._conns.pop(conn, None) is None:
            return
        try:
            self._poller.unregister(conn.sock)
        except (OSError, KeyError, ValueError):
            # It was closed meanwhile.
            pass

    def overdue(self, now: float) -> list[Connection]:
        """Those that have waited too long."""
        return [conn for conn, until in self._conns.items() if until <= now]

    def _act(self, conn: Connection, act: Callable[[Connection], None], sock: Any) -> None:
        # Another event of the same round may have ended it.
        if conn in self._conns:
            act(conn)
