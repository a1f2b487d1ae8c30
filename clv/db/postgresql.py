"""Connections to PostgreSQL that nobody waits for longer than agreed: not to be accepted, not for
a slow statement, and not for a server, or a network, that has fallen silent.

Peewee's pool opens a connection under its lock, so one thread's waiting is all threads' waiting;
it asks each connection at each use whether it lives, and waits for the answer without a limit.
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
# The server ends a statement that takes too long, and says so; one that says nothing for so much
# longer is given up.
SILENCE_SECONDS = 2
# When the server was silent, so long passes before somebody tries again.
RETRY_SECONDS = 1.0


class Connection(psycopg.Connection):
    """A connection whose statements end in time."""

    seconds: float = CONNECT_SECONDS

    @cached_property
    def prepared(self) -> Prepared:
        """Its prepared statements."""
        return Prepared(self)

    def limit(self, seconds: float) -> None:
        """From now on a statement may take so long."""
        if seconds != self.seconds:
            self.seconds = seconds
            self.execute(f"SET statement_timeout = {int(seconds * 1000)}")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server's answer; a connection without one is of no use any more.

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
        """Whether it has ended: a server that ends an idle connection says so, and has nothing
        else to say."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))


class CircuitBreaker:
    """Shut while the server is silent: one thread at a time tries to connect, the others fail at
    once instead of waiting, too, so that requests that need no database still find a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_shut = False
        self._next_try = 0.0
        self._trying: int | None = None

    def enter(self) -> None:
        """
        :raises OperationalError: when the gate is shut and it is not this thread's turn
        """
        with self._lock:
            me, now = threading.get_ident(), time.monotonic()
            if not self._is_shut or self._trying == me:
                return
            if now < self._next_try:
                raise OperationalError("The server did not answer a moment ago.")
            self._trying, self._next_try = me, now + CONNECT_SECONDS + RETRY_SECONDS

    def shut(self) -> None:
        """The server is silent."""
        with self._lock:
            self._is_shut, self._trying = True, None
            self._next_try = time.monotonic() + RETRY_SECONDS

    def open(self) -> None:
        """The server answers."""
        with self._lock:
            self._is_shut, self._trying = False, None


class _Adapter(Psycopg3Adapter):
    def connect(self, db: "Pool", **params: Any) -> Connection:
        # Again: whoever waited for the pool's lock meanwhile must not try for as long again.
        db.gate.enter()
        try:
            return Connection.connect(**params, dbname=db.database)
        except psycopg.errors.ConnectionTimeout:
            db.gate.shut()
            raise


class Pool(PooledPostgresqlDatabase):
    """Peewee's pool of such connections.

    :param statement_seconds: tells how long a statement may take on a connection that is taken
    """

    psycopg3_adapter = _Adapter

    def __init__(self, *args: Any, statement_seconds: Callable[[], float], **kwargs: Any) -> None:
        self.gate = CircuitBreaker()
        self._statement_seconds = statement_seconds
        kwargs.setdefault("connect_timeout", CONNECT_SECONDS)
        super().__init__(*args, prefer_psycopg3=True, **kwargs)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Take a connection for this thread.

        :raises OperationalError: when there is none
        """
        self.gate.enter()
        connected = super().connect(reuse_if_open)
        self.gate.open()
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
        # The pool only forgets it.
        connection.close()
        return True
