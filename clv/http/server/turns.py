"""Requests that wait for their turn: for a thread, or for a seat of the waiting room."""

import time
from collections.abc import Callable, Hashable, Iterator

from clv.budgets import MAX_WAITING
from clv.http.fair_queue import FairQueue
from clv.http.flows import Flows
from clv.http.server.connections import Connection

Act = Callable[[Connection], None]


class Threads:
    """Gives connections to threads, by turns of whose requests they have.

    :param number: how many threads there are
    :param serve: gives a connection to one
    :param refuse: answers a request that has too many of its flow before it
    """

    def __init__(self, flows: Flows, number: int, serve: Act, refuse: Act) -> None:
        self._flows, self._serve, self._refuse = flows, serve, refuse
        self._queue: FairQueue[Connection] = FairQueue(number, MAX_WAITING)

    def begin(self, conn: Connection) -> None:
        """Serve a connection when it is its turn."""
        conn.flow = self._flow(conn)
        if self._queue.put(conn.flow, conn):
            self._go_on()
        else:
            self._refuse(conn)

    def end(self, conn: Connection) -> None:
        """Its thread is free again."""
        self._queue.done(conn.flow)
        self._go_on()

    def _flow(self, conn: Connection) -> Hashable:
        if conn.body is not None and conn.sock.owner is not None:
            # A later pass; somebody was authenticated in the first.
            return conn.sock.owner
        return self._flows.of(conn.parser.unreader.buf.getvalue(), conn.address)

    def _go_on(self) -> None:
        while (next_one := self._queue.take()) is not None:
            self._serve(next_one[1])


class Seats:
    """Connections whose request was received in full and waits for a seat.

    :param serve: called when there may be one, or its time is over
    """

    def __init__(self, serve: Act) -> None:
        self._serve = serve
        self._conns: dict[Connection, float] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._conns)

    def __len__(self) -> int:
        return len(self._conns)

    def begin(self, conn: Connection) -> None:
        """Serve a connection again when its request may find a seat."""
        conn.since = time.monotonic()
        self._conns[conn] = conn.body.carried.seat_until

    def remove(self, conn: Connection) -> None:
        """Wait for it no more."""
        self._conns.pop(conn, None)

    def go_on(self) -> None:
        """Let the request of each tenant that has waited longest look for a seat. One that found
        none before comes before those that have come since."""
        longest_first = sorted(self._conns, key=self._conns.__getitem__)
        first = {conn.sock.owner: conn for conn in reversed(longest_first)}
        for conn in first.values():
            self._let_go(conn)

    def look(self, now: float) -> None:
        """The same, and let all be answered that have waited long enough."""
        for conn in [conn for conn, until in self._conns.items() if until <= now]:
            self._let_go(conn)
        self.go_on()

    def _let_go(self, conn: Connection) -> None:
        del self._conns[conn]
        self._serve(conn)
