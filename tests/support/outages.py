"""Servers that are out of reach, in each of the ways that clients can tell apart."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from clv import db
from clv.config import Settings
from tests.support.processes import free_port

# For a connection on the same machine it is an eternity.
UNANSWERED_SECONDS = 0.3
# SQLite's own limit.
MOST_PAGES = 0xFFFFFFFE
_FULL = (
    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END$$",
    *(
        f"CREATE TRIGGER full_disk BEFORE INSERT ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
        for table in ("clv_record", "interaction_summary")
    ),
)


@contextmanager
def refusing(upstream: int) -> Iterator[int]:
    """A port that nobody listens on."""
    yield free_port()


@contextmanager
def unanswering(upstream: int) -> Iterator[int]:
    """A port to which connections can't be made, nor are they refused: the queue of those who wait
    is full, and the kernel drops what else comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        with suppress(TimeoutError):
            while True:
                address = listener.getsockname()
                waiting.append(socket.create_connection(address, UNANSWERED_SECONDS))
        yield listener.getsockname()[1]
        for connection in waiting:
            connection.close()


@contextmanager
def silent(upstream: int) -> Iterator[int]:
    """A port that takes connections, and never answers."""
    with Proxy(upstream) as proxy:
        proxy.fall_silent()
        yield proxy.port


class Proxy:
    """Stands before a server, until it stops passing anything on: its connections stay."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._passes = threading.Event()
        self._passes.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        # Whoever has something in hand finds its connections closed.
        self._passes.set()

    def fall_silent(self) -> None:
        """From now on nothing passes."""
        self._passes.clear()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._open += [client, server]
                self._start(lambda a=client, b=server: self._carry(a, b))
                self._start(lambda a=client, b=server: self._carry(b, a))

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._passes.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _start(self, act: Callable[[], None]) -> None:
        threading.Thread(target=act, daemon=True).start()


@contextmanager
def full_disk() -> Iterator[None]:
    """The database has no room for what is written on this thread's connection meanwhile: SQLite
    by a limit to its pages, PostgreSQL by triggers that raise what it raises itself."""
    if db.is_sqlite():
        db.execute("VACUUM")
        db.rows(f"PRAGMA max_page_count = {db.value('PRAGMA page_count')}")
        try:
            yield
        finally:
            db.rows(f"PRAGMA max_page_count = {MOST_PAGES}")
        return
    for statement in _FULL:
        db.execute(statement)
    try:
        yield
    finally:
        db.execute("DROP FUNCTION full_disk CASCADE")


@contextmanager
def read_only() -> Iterator[None]:
    """The process's database takes no changes on any connection that is made meanwhile."""
    db.disconnect()
    if db.is_sqlite():
        db.database.pragma("query_only", 1, permanent=True)
        try:
            yield
        finally:
            db.disconnect()
            db.database.pragma("query_only", 0, permanent=True)
            db.disconnect()
        return
    name = db.value("SELECT current_database()")
    db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    db.disconnect()
    try:
        yield
    finally:
        db.execute("SET default_transaction_read_only = off")
        db.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        db.disconnect()


@contextmanager
def no_connection_left(settings: Settings) -> Iterator[None]:
    """PostgreSQL and Redis take no more connections than they have."""
    with ExitStack() as taken:
        with suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(settings.database_url))
        with suppress(RedisError):
            while True:
                client = taken.enter_context(Redis.from_url(settings.redis_url))
                client.ping()
        yield


@contextmanager
def another_database(settings: Settings) -> Iterator[None]:
    """The process's database is another one meanwhile."""
    before = db.database.obj
    db.configure(settings)
    try:
        yield
    finally:
        db.disconnect()
        db.database.initialize(before)
