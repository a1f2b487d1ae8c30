"""Connections to PostgreSQL on which nothing waits for long: not for the connection, not for a slow
statement, and not for a server or a network that has fallen silent.

Peewee's pool leaves two gaps. It opens connections under its lock, so that one thread waiting for
a silent server keeps all others waiting: hence the circuit breaker. And it checks at each use
whether a connection lives by a query that may wait for ever: hence ``Connection.is_lost``.
"""

import select
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import psycopg
from peewee import OperationalError, Psycopg3Adapter
from playhouse.pool import PooledPostgresqlDatabase
from psycopg.pq import TransactionStatus

from clv.db.prepared import Prepared

CONNECT_SECONDS = 5
# The server itself cancels a statement that takes too long. When it has not said so after these
# seconds more, the connection is given up.
SILENCE_SECONDS = 2
# How long the circuit breaker, once tripped, lets nobody try to connect.
RETRY_SECONDS = 1.0
# How often a connection is tried again that the server had no room for, and how it says so.
CROWDED_SECONDS = 0.1
_CROWDED = ("too many clients", "too many connections", "remaining connection slots")


class Connection(psycopg.Connection):
    """A connection with a time limit for statements, which it enforces even on a silent server."""

    seconds: float = CONNECT_SECONDS

    @cached_property
    def prepared(self) -> Prepared:
        """The connection's prepared statements."""
        return Prepared(self)

    def limit(self, seconds: float) -> None:
        """Let each statement from now on take at most this long."""
        if seconds != self.seconds:
            self.seconds = seconds
            self.execute(f"SET statement_timeout = {int(seconds * 1000)}")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server's answer, and close the connection if there is none in time.

        :raises psycopg.OperationalError: when there is none in time
        """
        if timeout is None:
            timeout = self.seconds + SILENCE_SECONDS
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise

    def is_lost(self) -> bool:
        """Whether the connection has ended. Data that waits to be read on an idle connection can
        only be the server's notice that it has ended it."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))


class CircuitBreaker:
    """Keeps threads from connecting to a silent server.

    Once tripped it lets one thread at a time try to connect. The others fail at once instead of
    waiting as well, so that requests that need no database still find a free thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_tripped = False
        self._next_try = 0.0
        self._trying: int | None = None

    def check(self) -> None:
        """Return if this thread may connect.

        :raises OperationalError: when the breaker is tripped and it is not this thread's turn
        """
        with self._lock:
            me, now = threading.get_ident(), time.monotonic()
            if not self._is_tripped or self._trying == me:
                return
            if now < self._next_try:
                raise OperationalError("The server did not answer a moment ago.")
            self._trying, self._next_try = me, now + CONNECT_SECONDS + RETRY_SECONDS

    def trip(self) -> None:
        """Note that the server is silent."""
        with self._lock:
            self._is_tripped, self._trying = True, None
            self._next_try = time.monotonic() + RETRY_SECONDS

    def reset(self) -> None:
        """Note that the server answers."""
        with self._lock:
            self._is_tripped, self._trying = False, None


class _Adapter(Psycopg3Adapter):
    def connect(self, db: "Pool", **params: Any) -> Connection:
        # Checked again: the breaker may have tripped while this thread waited for the pool's lock.
        db.circuit_breaker.check()
        try:
            return Connection.connect(**params, dbname=db.database)
        except psycopg.errors.ConnectionTimeout:
            db.circuit_breaker.trip()
            raise


class Pool(PooledPostgresqlDatabase):
    """Peewee's pool, with the connections of this module.

    :param statement_seconds: called for each connection taken: the time limit of its statements
    """

    psycopg3_adapter = _Adapter

    def __init__(self, *args: Any, statement_seconds: Callable[[], float], **kwargs: Any) -> None:
        self.circuit_breaker = CircuitBreaker()
        self._statement_seconds = statement_seconds
        self._wait_seconds = kwargs["timeout"]
        kwargs.setdefault("connect_timeout", CONNECT_SECONDS)
        super().__init__(*args, prefer_psycopg3=True, **kwargs)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Take a connection for this thread. If the server has none left, wait for one, as when the
        pool has none: that of a process that has just ended is free a moment later.

        :raises OperationalError: when there is none
        """
        deadline = time.monotonic() + self._wait_seconds
        while True:
            self.circuit_breaker.check()
            try:
                connected = super().connect(reuse_if_open)
            except OperationalError as error:
                if not _is_crowded(error) or time.monotonic() > deadline:
                    raise
                # Not under the pool's lock: this process may give one back meanwhile.
                time.sleep(CROWDED_SECONDS)
                continue
            self.circuit_breaker.reset()
            return connected

    def _connect(self) -> Connection:
        connection = super()._connect()
        try:
            connection.limit(self._statement_seconds())
        except BaseException:
            self._close(connection, close_conn=True)
            raise
        return connection

    def _is_closed(self, connection: Connection) -> bool:
        if not connection.is_lost():
            return False
        # The pool drops the connection without closing it.
        connection.close()
        return True


def _is_crowded(error: OperationalError) -> bool:
    """Whether the server, the database or the role has no connection left. A refused connection
    has no SQLSTATE; a server that speaks another language than English is not waited for."""
    text = str(error)
    return any(part in text for part in _CROWDED)
