"""The web process's worker: gunicorn's gthread, but no thread waits for a request's head, or for a
client to close.

In gunicorn 27, gthread reads a request's head in a thread, without a time limit. A handful of
clients that send half a head stop the service for good; a client that sends nothing holds a thread
for 5 s, one that keeps back an unread body another 5 s, and one that does not close its end of a
closed connection holds the whole process for 2 s. Here the process's event loop collects the heads
and waits for connections to close, so a connection takes a thread only when there is work to do.
What a thread still waits for, a body or room for a response, is bounded. TLS belongs to the proxy:
a handshake would block the loop. When a gunicorn release does all this itself, remove this module.
"""

import errno
import json
import logging
import selectors
import socket
import sys
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http import errors as refused
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.http import HTTP_STATUS_CODES

from clv import logs
from clv.errors import INTERNAL
from clv.http.headers import HEADERS
from clv.http.request_log import OTHER

# A head must be complete after this time: it fits into a packet or a few.
HEAD_SECONDS = 10.0
# No more of a head is collected: the parser refuses a longer one, or finds the body in it.
MAX_HEAD = 65_536
# How long a client has to read the response and close its end; else the last bytes can be lost.
CLOSING_SECONDS = 2.0
# How long a client may keep a thread waiting during one request, in total, and the rate at which
# its bytes earn more time. Slower than a modem of 1998 is an attack.
PATIENCE_SECONDS = 15.0
LEAST_BYTES_PER_SECOND = 8_192

_READ = 65_536
_HEAD_ENDS = (b"\r\n\r\n", b"\n\n", b"\n\r\n")
_REFUSALS = (
    (refused.LimitRequestLine, 414, "The request line is too long."),
    (refused.LimitRequestHeaders, 431, "The headers are too many, or one of them is too long."),
    (refused.ExpectationFailed, 417, "The only expectation that is known is 100-continue."),
    (refused.ParseException, 400, "The request is not valid HTTP/1.1."),
)
# What gunicorn logs when a worker does not start.
_NOT_STARTED = "Exception in worker process"
# Raised for headers of our own response, not of the request.
_OURS = (refused.InvalidResponseHeader, refused.InvalidResponseHeaderName)

# The release whose private parts the worker uses.
GUNICORN_VERSION = "27.0.1"


class Worker(ThreadWorker):
    """Gthread with another way of waiting.

    It depends on these private parts of gunicorn. After an upgrade, compare each with its source,
    run tests/api/test_server.py, test_abuse.py and test_request_log.py, and set GUNICORN_VERSION.

    - ``ThreadWorker.enqueue_req``: overridden. ``accept`` and the poller's callbacks call it in the
      event loop for each connection that may have a request; it hands the connection to a thread.
    - ``ThreadWorker.finish_request``: overridden. Called in the event loop with the future of
      ``handle``, whose result says whether to keep the connection; keeps or closes it.
    - ``ThreadWorker._keepalive_after``: overridden. ``handle`` calls it in the thread after each
      response, to discard the rest of the body.
    - ``ThreadWorker.murder_pending``: overridden. ``run`` calls it at least once a second.
    - ``ThreadWorker.handle_error``: overridden. Called in the thread for what the parser refuses
      and what the application raises; writes the answer to the socket.
    - ``pending_conns``: a deque of waiting connections, ordered by ``timeout``, which
      ``murder_pending`` drops when they are due.
    - ``poller``: a selector whose data is the callback of a readable socket.
    - ``nr_conns``: open connections; whoever closes one subtracts it.
    - ``TConn``: ``sock``, ``parser``, ``timeout`` (monotonic), ``initialized``, ``init()``,
      ``close()``. Its socket is replaced before ``init`` makes the parser that reads from it.
    - ``parser.finish_body(max_bytes=…)``: discards an unread body; false if there is too much.
    - ``parser.unreader``: ``take_buffered()`` and ``unread()``, to look at a head without parsing.
    - ``handle`` takes a ConnectionResetError of the socket for a client that has gone.
    - ``gunicorn.http.errors``: which exceptions the parser raises, and of which kind they are.
    - ``"Exception in worker process"``: the arbiter logs this when a worker does not start.
    - In gunicorn.conf.py: the arbiter's ``WORKERS`` in ``pre_fork``, and ``worker.wsgi``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._closing: deque[TConn] = deque()

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection to a thread once the head of its request has arrived."""
        if not conn.initialized:
            conn.sock = PatientSocket(fileno=conn.sock.detach())
            conn.init()
        conn.sock.setblocking(False)
        if _has_head(conn):
            super().enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._go_on, conn))

    def murder_pending(self) -> None:
        """Drop connections whose head, or whose end, did not arrive in time."""
        super().murder_pending()
        now = time.monotonic()
        while self._closing and self._closing[0].timeout <= now:
            self._close(self._closing[0])

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Keep the connection for its next request, or close it without blocking the loop."""
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
            return
        conn.timeout = time.monotonic() + CLOSING_SECONDS
        self._closing.append(conn)
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):
            self._close(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer an invalid request with the API's error body, revealing nothing of the request."""
        request_id = uuid.uuid4().hex
        code, message = 500, INTERNAL.format(request_id)
        for kind, refusal, reason in _REFUSALS:
            if isinstance(exc, kind) and not isinstance(exc, _OURS):
                code, message = refusal, reason
                break
        if code == 500:
            error = logs.trace(exc)
            logs.event("request.failed", logging.ERROR, request=request_id, error=error)
        else:
            logs.event("request.refused", logging.WARNING, request=request_id, code=code)
        self.wsgi.extensions["clv"].counters.add((OTHER, OTHER, code))
        _answer(client, code, message, request_id)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection can take another request: not while part of an unread body has
        yet to arrive."""
        if not keepalive:
            return False
        conn.sock.setblocking(False)
        try:
            return bool(conn.parser.finish_body(max_bytes=MAX_HEAD))
        except (OSError, refused.ParseException):
            return False

    def _go_on(self, conn: TConn, sock: Any) -> None:
        if _has_head(conn):
            self.poller.unregister(sock)
            self.pending_conns.remove(conn)
            super().enqueue_req(conn)

    def _drain(self, conn: TConn, sock: Any) -> None:
        try:
            if sock.recv(_READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self._closing.remove(conn)
        try:
            self.poller.unregister(conn.sock)
        except (OSError, KeyError, ValueError):
            # It was not registered.
            pass
        self.nr_conns -= 1
        conn.close()


class Logger(GunicornLogger):
    """Gunicorn's log as lines of JSON."""

    def setup(self, cfg: Any) -> None:
        """Set up as gunicorn does, with our format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.JsonLines())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an exception's kind and place, because its text may hold a request's data. While the
        worker starts there is no request: log all of it."""
        error = sys.exception()
        shown = traceback.format_exc() if msg == _NOT_STARTED or not error else logs.trace(error)
        self.error_log.error(msg, *args, extra={"fields": {"error": shown}})


class PatientSocket(socket.socket):
    """A client's socket that limits how long a thread waits during a whole request, however the
    bytes are spread: a client that sends one byte a second is as slow as one that stops."""

    _receiving = _sending = PATIENCE_SECONDS

    def setblocking(self, flag: bool) -> None:
        """Switch blocking on, with fresh patience for a new request, or off."""
        super().setblocking(flag)
        self._receiving = self._sending = PATIENCE_SECONDS

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As :meth:`socket.socket.recv`, within the client's time."""
        if self.gettimeout() == 0:
            return super().recv(size, flags)
        data, self._receiving = self._within(self._receiving, super().recv, size)
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As :meth:`socket.socket.sendall`, within the client's time."""
        if self.gettimeout() == 0:
            super().sendall(data, flags)
            return
        _, self._sending = self._within(self._sending, super().sendall, data)

    def _within(self, seconds: float, act: Callable[[Any], Any], argument: Any) -> tuple:
        if seconds <= 0:
            raise ConnectionResetError(errno.ECONNRESET, "too slow")
        self.settimeout(seconds)
        began = time.monotonic()
        try:
            result = act(argument)
        except TimeoutError:
            # Gunicorn treats this as a client that has gone.
            raise ConnectionResetError(errno.ECONNRESET, "too slow") from None
        moved = len(argument if result is None else result)
        earned = moved / LEAST_BYTES_PER_SECOND
        left = seconds - (time.monotonic() - began) + earned
        return result, min(PATIENCE_SECONDS, left)


def _has_head(conn: TConn) -> bool:
    """Read what has arrived. Whether a thread has work to do: there is a complete head, one that
    is too long, or the end of the connection."""
    unreader = conn.parser.unreader
    head = unreader.take_buffered()
    try:
        data = conn.sock.recv(_READ)
        ended, head = not data, head + data
    except BlockingIOError:
        ended = False
    except OSError:
        ended = True
    unreader.unread(head)
    return ended or len(head) >= MAX_HEAD or any(end in head for end in _HEAD_ENDS)


def _answer(sock: Any, code: int, message: str, request_id: str) -> None:
    reason = HTTP_STATUS_CODES[code]
    body = json.dumps({"code": code, "status": reason, "message": message}) + "\n"
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **HEADERS,
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    try:
        sock.sendall(f"HTTP/1.1 {code} {reason}\r\n{lines}\r\n{body}".encode())
    except OSError:
        # The client has gone.
        pass
