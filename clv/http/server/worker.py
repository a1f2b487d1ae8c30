"""The web process's worker: gunicorn's gthread, but no thread waits for a client.

In gunicorn 27, gthread reads a request's head in a thread, without a time limit, and so its body,
and it waits there until the client has taken the response. A handful of clients that send half a
head stop the service for good. Here only the process's event loop waits:

1. for a head, and for a small body with it. When it is its turn, a thread runs the application;
2. for a larger body, if the application reads it. It is not there yet, so this pass of the request
   ends and leaves no trace. The loop receives the body, and the application is run again with it;
3. for a seat, if the application has none for a file that was received;
4. for the client to take what it did not take of the response at once;
5. for the client to close.

When places for connections run out, a tenant whose slow requests have more than half gives one up,
or the tenant that has most of them when all together have more than three quarters. Otherwise those
go on which no authenticated request is served, the one first that has waited longest.

TLS belongs to the proxy: a handshake would block the loop. When a gunicorn release does all this
itself, remove this package.
"""

import errno
import io
import time
from collections import Counter
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from clv.budgets import ADDRESS_SHARE, MAX_HEAD_BYTES, SLOW_SHARE
from clv.http.carried import SeatAwaited
from clv.http.request_log import OTHER
from clv.http.server.answers import answer_crowd, answer_error
from clv.http.server.bodies import Body, BodyAwaited, has_body
from clv.http.server.client_socket import ClientSocket
from clv.http.server.connections import Addresses, Connection
from clv.http.server.spool import SpoolRoom
from clv.http.server.stages import Arrivals, Bodies, Ends, Responses
from clv.http.server.turns import Seats, Threads

# The release whose private parts the worker uses.
GUNICORN_VERSION = "27.0.1"

# How often overdue connections are looked for.
_LOOK_SECONDS = 0.5
_NO_MORE_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)
# What ``handle`` returns for a request that has to come again.
_AWAITED = (BodyAwaited, SeatAwaited)


class Worker(ThreadWorker):
    """Gthread with another way of waiting.

    It depends on these private parts of gunicorn. After an upgrade, compare each with its source,
    run the tests of tests/api/ that start a gunicorn, and set GUNICORN_VERSION.

    - ``ThreadWorker.run``: extended. ``poller`` and ``wsgi`` are there before it. The poller is a
      selector whose data is the callback of a socket that is ready.
    - ``ThreadWorker.accept``: overridden. The poller calls it in the event loop.
    - ``ThreadWorker.enqueue_req``: overridden. ``finish_request`` and ``on_client_socket_readable``
      call it in the event loop for each connection that may have a request. The original hands the
      connection to a thread, which calls ``handle``.
    - ``ThreadWorker.on_client_socket_readable``: guarded. Called for a kept connection.
    - ``ThreadWorker.finish_request``: overridden. Called in the event loop with the future of
      ``handle``, whose result says whether to keep the connection; keeps it.
    - ``ThreadWorker.handle_request``, ``handle``: the former is overridden. ``handle`` takes the
      next request of ``conn.parser``, calls it in the thread, hands its result to
      ``_keepalive_after``, and returns what that returns. It passes a BaseException on.
    - ``ThreadWorker._keepalive_after``: overridden.
    - ``ThreadWorker.murder_pending``: overridden. ``run`` calls it after each round of events.
    - ``ThreadWorker.handle_error``: overridden. Called in the thread for what the parser refuses
      and what the application raises; writes the answer to the socket.
    - ``nr_conns``: open connections; whoever closes one subtracts it. ``run`` accepts no more at
      ``worker_connections``.
    - ``keepalived_conns``: a deque of kept connections, the oldest first.
    - ``TConn``: ``sock``, ``parser``, ``timeout`` (monotonic), ``initialized``, ``data_ready``,
      ``close()``. An initialized one has its parser.
    - ``RequestParser``: ``mesg`` is the present request; ``finish_body(max_bytes=…)`` discards its
      unread body, and is false if there is too much. ``__next__`` does so with ``mesg.body``.
    - ``parser.unreader``: ``take_buffered()``, ``unread()`` and ``buf``.
    - ``request.body.reader``: a LengthReader with ``length``, or a ChunkedReader with
      ``parse_chunk_size``, ``limit_chunk_size_line`` and ``limit_trailer_section``.
    - ``request._expected_100_continue``: makes ``wsgi.create`` send "100 Continue" at once.
    - ``handle`` takes a ConnectionResetError of the socket for a client that has gone.
    - ``gunicorn.http.errors``: which exceptions the parser raises, and of which kind they are.
    - ``"Exception in worker process"``: the arbiter logs this when a worker does not start.
    - In gunicorn.conf.py: the arbiter's ``WORKERS`` in ``pre_fork``, and ``worker.wsgi``.
    """

    def run(self) -> None:
        """Serve until the end of the process."""
        carried = self.wsgi.extensions["clv"]
        self._room = SpoolRoom(carried.temporary_disk)
        # Behind a proxy, all connections come from its address.
        share = 0.0 if carried.settings.trusted_proxies else ADDRESS_SHARE
        self._addresses = Addresses(int(self.worker_connections * share))
        self._arrivals = Arrivals(self.poller, self._dispatch, self._drop)
        self._bodies = Bodies(self.poller, self._dispatch)
        self._responses = Responses(self.poller, self._go_on, self._drop)
        self._ends = Ends(self.poller, self._drop)
        self._seats = Seats(self._dispatch)
        self._stages = (self._arrivals, self._bodies, self._seats, self._responses, self._ends)
        self._threads = Threads(carried.flows, self.cfg.threads, self._serve, self._refuse)
        carried.waiting_room.on_leave = self._seat_left
        self._look_at = 0.0
        super().run()

    def accept(self, listener: Any) -> None:
        """Accept a connection, and make room for it."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_MORE_DESCRIPTORS:
                self._evict()
            elif error.errno not in _NOBODY_THERE:
                raise
            return
        client = ClientSocket(accepted, self._room)
        server = listener.getsockname()
        conn = Connection(self.cfg, client, address, server, self._addresses.remove)
        self.nr_conns += 1
        self._addresses.add(conn)
        if self._addresses.is_crowded(conn.address) and not self._evict(conn.address):
            self._drop(conn)
        else:
            self.enqueue_req(conn)

    def enqueue_req(self, conn: Connection) -> None:
        """Give a connection to a thread once there is work to do."""
        self._arrivals.begin(conn)

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """Go on with a kept connection, unless another event of the same round has ended it."""
        if not conn.is_closed:
            super().on_client_socket_readable(conn, client)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Run the application, in a thread."""
        conn.sock.owner = None
        if conn.body is None and has_body(req):
            conn.body = req.body = Body(req, self._room)
        try:
            return super().handle_request(req, conn)
        except _AWAITED as awaited:
            return type(awaited)

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> Any:
        """Whether the connection can take another request: not while part of an unread body has
        yet to arrive."""
        if keepalive in _AWAITED:
            conn.parser.again = conn.parser.mesg
            return keepalive
        body, conn.body = conn.body, None
        if body is None:
            return keepalive
        # Also when the connection ends: what it held on disk goes back now, not by chance.
        body.close()
        return keepalive and _has_ended(conn, body)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Go on after a thread has worked on a connection, without blocking the loop."""
        self._threads.end(conn)
        is_kept = False if fs.cancelled() or fs.exception() else fs.result()
        if is_kept is BodyAwaited:
            self._bodies.begin(conn)
        elif is_kept is SeatAwaited:
            self._seats.begin(conn)
        elif conn.sock.outbox is None:
            self._go_on(conn, fs)
        else:
            self._responses.begin(conn, fs)

    def murder_pending(self) -> None:
        """Keep a place free for a new connection, and see to those that have waited too long."""
        while self.nr_conns >= self.worker_connections and self._evict():
            pass
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            for stage in self._stages:
                stage.look(now)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what never came to the application, or what it did not answer itself."""
        code = answer_error(client, exc)
        self.wsgi.extensions["clv"].counters.add((OTHER, OTHER, code))

    def _dispatch(self, conn: Connection) -> None:
        """Hand a connection to a thread when it is its turn. All requests pass here, in the event
        loop."""
        self._threads.begin(conn)

    def _serve(self, conn: Connection) -> None:
        super().enqueue_req(conn)

    def _refuse(self, conn: Connection) -> None:
        code = answer_crowd(conn.sock)
        self.wsgi.extensions["clv"].counters.add((OTHER, OTHER, code))
        self._ends.begin(conn)

    def _seat_left(self) -> None:
        """A thread has given a seat back."""
        if self._seats:
            self.method_queue.defer(self._seats.go_on)

    def _go_on(self, conn: Connection, fs: Any) -> None:
        """Keep a connection whose client has all of its response, or wait for its end."""
        if fs.cancelled() or fs.exception() or not fs.result():
            self._ends.begin(conn)
            return
        conn.since = time.monotonic()
        super().finish_request(conn, fs)

    def _drop(self, conn: Connection) -> None:
        if not conn.is_closed:
            self.nr_conns -= 1
            conn.close()

    def _evict(self, address: str | None = None) -> bool:
        """Close a connection of a tenant that has too many, or else the one that has waited longest
        while nobody who is authenticated waits for it. Returns whether there was one.

        :param address: only one of this address
        """
        greedy = self._oldest_of_the_greediest() if address is None else None
        conn = greedy or self._oldest_idle(address)
        if conn is None:
            return False
        if conn in self.keepalived_conns:
            self.keepalived_conns.remove(conn)
            self.poller.unregister(conn.sock)
        for stage in self._stages:
            stage.remove(conn)
        self._drop(conn)
        return True

    def _oldest_idle(self, address: str | None) -> Connection | None:
        places: list[Any] = [self.keepalived_conns, *self._stages]
        idle = (_first_idle(place, address) for place in places)
        return min((conn for conn in idle if conn), key=lambda conn: conn.since, default=None)

    def _oldest_of_the_greediest(self) -> Connection | None:
        """One of the tenant that has most slow requests, if they hold more than half of all places,
        or those of all tenants more than their share."""
        conns = [*self._bodies, *self._seats, *self._responses]
        owners = Counter(conn.sock.owner for conn in conns).most_common(1)
        places = self.worker_connections
        if not owners or owners[0][1] <= places // 2 and len(conns) <= places * SLOW_SHARE:
            return None
        return next(conn for conn in conns if conn.sock.owner == owners[0][0])


def _has_ended(conn: Connection, body: Body) -> bool:
    """Whether nothing of this request has yet to arrive; what has is discarded."""
    if body.untouched is None:
        conn.parser.mesg.body = io.BytesIO()
        return body.is_whole
    conn.parser.mesg.body = body.untouched
    try:
        return bool(conn.parser.finish_body(max_bytes=MAX_HEAD_BYTES))
    except (OSError, ParseException):
        return False


def _first_idle(place: Any, address: str | None) -> Connection | None:
    for conn in place:
        if conn.sock.owner is None or conn.body is None and conn.sock.outbox is None:
            if address is None or conn.address == address:
                return conn
    return None
