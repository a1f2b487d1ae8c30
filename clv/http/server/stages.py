"""What a connection waits for in the event loop, one stage after another."""

import socket
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from clv.budgets import CLOSING_SECONDS, HEAD_SECONDS, SMALL_BODY_SECONDS
from clv.http.server import heads
from clv.http.server.connections import Connection
from clv.http.server.patience import Patience
from clv.http.server.waiting import READ, WRITE, Waiting

# A read takes the interpreter's lock, and a few large ones cost less than many small ones.
_BUFFER_BYTES = 1_048_576
_DRAIN_BYTES = 65_536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Act = Callable[[Connection], None]


class Arrivals:
    """Connections whose request has yet to arrive: a head, and with it a body if that is small.

    :param serve: called when a thread has work to do
    :param drop: called when it took too long
    """

    def __init__(self, poller: Any, serve: Act, drop: Act) -> None:
        self._heads, self._small_bodies = Waiting(poller, READ), Waiting(poller, READ)
        self._serve, self._drop = serve, drop

    def __iter__(self) -> Iterator[Connection]:
        return chain(self._heads, self._small_bodies)

    def begin(self, conn: Connection) -> None:
        """Serve a connection once its next request is there."""
        conn.needed = conn.searched = 0
        if self._has_arrived(conn):
            self._serve(conn)
        elif not conn.needed:
            self._heads.add(conn, time.monotonic() + HEAD_SECONDS, self._read_head)
        else:
            self._await_small_body(conn)

    def remove(self, conn: Connection) -> None:
        """Wait for it no more."""
        self._heads.remove(conn)
        self._small_bodies.remove(conn)

    def look(self, now: float) -> None:
        """Drop those whose head takes too long. A thread looks at those whose body does: it may
        need none."""
        for conn in self._heads.overdue(now):
            self._heads.remove(conn)
            self._drop(conn)
        for conn in self._small_bodies.overdue(now):
            self._small_bodies.remove(conn)
            self._serve(conn)

    def _read_head(self, conn: Connection) -> None:
        if self._has_arrived(conn):
            self._heads.remove(conn)
            self._serve(conn)
        elif conn.needed:
            self._heads.remove(conn)
            self._await_small_body(conn)

    def _await_small_body(self, conn: Connection) -> None:
        until = time.monotonic() + SMALL_BODY_SECONDS
        self._small_bodies.add(conn, until, self._read_small_body)

    def _read_small_body(self, conn: Connection) -> None:
        if self._has_arrived(conn):
            self._small_bodies.remove(conn)
            self._serve(conn)

    def _has_arrived(self, conn: Connection) -> bool:
        """Read what has arrived. Whether a thread has work to do: there is a whole request, what
        the parser will refuse, or the end of the connection."""
        head, has_ended = heads.receive(conn.sock, conn.parser.unreader)
        if has_ended:
            return True
        if not conn.needed:
            searched, conn.searched = conn.searched, len(head)
            if not heads.is_complete(head, searched):
                return False
            conn.needed = heads.with_small_body(head)
        return len(head) >= conn.needed


class _Stage:
    """Connections that wait for one thing.

    :param events: what the poller looks for
    :param end: called with a connection whose wait was in vain: it has gone, or took too long
    """

    def __init__(self, poller: Any, events: int, end: Act) -> None:
        self._waiting = Waiting(poller, events)
        self._end = end

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._waiting)

    def remove(self, conn: Connection) -> None:
        """Wait for it no more."""
        self._waiting.remove(conn)

    def look(self, now: float) -> None:
        """Give those up that take too long."""
        for conn in self._waiting.overdue(now):
            self._give_up(conn)

    def _give_up(self, conn: Connection) -> None:
        self._waiting.remove(conn)
        self._end(conn)


class Bodies(_Stage):
    """Connections whose body the application has asked for, and has yet to arrive.

    :param serve: called when the body is there, or will never be
    """

    def __init__(self, poller: Any, serve: Act) -> None:
        super().__init__(poller, READ, self._break_off)
        self._serve = serve
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    def begin(self, conn: Connection) -> None:
        """Receive the body of a connection, then serve it again."""
        conn.patience = Patience()
        try:
            if conn.body.expects_continue:
                conn.sock.sendall(_CONTINUE)
            self._waiting.add(conn, conn.patience.until, self._receive)
        except OSError:
            self._give_up(conn)

    def _receive(self, conn: Connection) -> None:
        try:
            size = conn.sock.recv_into(self._buffer[: conn.body.wanted])
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._give_up(conn)
            return
        conn.body.take(self._buffer[:size])
        if conn.body.is_here:
            self._waiting.remove(conn)
            self._serve(conn)
        else:
            conn.patience.earn(size)
            self._waiting.put_off(conn, conn.patience.until)

    def _break_off(self, conn: Connection) -> None:
        conn.body.break_off()
        self._serve(conn)


class Responses(_Stage):
    """Connections whose client has yet to take all of its response.

    :param go_on: called when it has, with what a thread has said of the request
    :param drop: called when it has gone, or is too slow
    """

    def __init__(self, poller: Any, go_on: Callable[[Connection, Any], None], drop: Act) -> None:
        super().__init__(poller, WRITE, drop)
        self._go_on = go_on

    def begin(self, conn: Connection, outcome: Any) -> None:
        """Send the rest of a connection's response."""
        conn.patience = Patience()
        try:
            self._waiting.add(conn, conn.patience.until, lambda conn: self._send(conn, outcome))
        except OSError:
            self._give_up(conn)

    def _send(self, conn: Connection, outcome: Any) -> None:
        try:
            conn.patience.earn(conn.sock.send_more())
        except OSError:
            self._give_up(conn)
            return
        if conn.sock.outbox is None:
            self._waiting.remove(conn)
            self._go_on(conn, outcome)
        else:
            self._waiting.put_off(conn, conn.patience.until)


class Ends(_Stage):
    """Connections that are closed on our side. If they were closed at once, a client that still
    sends would not see the end of its response.

    :param drop: called when the client has closed its side, or had the time to
    """

    def __init__(self, poller: Any, drop: Act) -> None:
        super().__init__(poller, READ, drop)

    def begin(self, conn: Connection) -> None:
        """Close a connection."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            self._waiting.add(conn, time.monotonic() + CLOSING_SECONDS, self._drain)
        except OSError:
            self._give_up(conn)

    def _drain(self, conn: Connection) -> None:
        try:
            if conn.sock.recv(_DRAIN_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._give_up(conn)
