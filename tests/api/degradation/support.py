"""Requests to a service whose database is in trouble, and the trouble."""

import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from clv import db
from tests.api.support import row
from tests.api.web import Answer, Web
from tests.conftest import wait_until
from tests.support import servers

# Routers give up after so long.
PATIENCE_SECONDS = 30
THREADS = 4
CLV = "/api/v1/customers/a/clv"
COMPUTE = "/api/v1/clv/compute"
ROWS = "/api/v1/interaction-summaries"
CSV = {"Content-Type": "text/csv"}


def mount(*arguments: object) -> int:
    """0 when it could be done."""
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode


class Client:
    """Requests of one key to a running service."""

    def __init__(self, web: Web, token: str) -> None:
        self.web, self._token = web, token

    def send(self, method: str, path: str, body: dict | None = None) -> Answer:
        """A response, which there must be."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        answer = self.web.send(head.encode() + sent)
        assert answer is not None
        return answer

    def at_once(self, count: int, method: str, path: str) -> list[Answer]:
        """The responses to so many requests at the same time."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.send(method, path), range(count)))

    def recovers(self) -> None:
        """Return when it serves again."""
        # A thread that used its connection within this time does not look whether it lives.
        time.sleep(db.CHECK_SECONDS)
        wait_until(lambda: self.send("GET", CLV).status == 200, "it serves again")
        assert self.send("POST", CLV).status == 200


def is_retryable(answer: Answer) -> bool:
    """Whether it is a 503 that says when to come back, and why."""
    return (
        answer.status == 503
        and bool(answer.headers["Retry-After"])
        and b"database" in (answer.body)
    )


def many_rows(prefix: str) -> list[dict]:
    """More than fits into what is left of a page or two."""
    return [row(f"{prefix}{n}".ljust(100, "x"), 1) for n in range(500)]


def answered(connections: list[socket.socket]) -> list[socket.socket]:
    """Those on which there is something to read."""
    return select.select(connections, [], [], 0)[0]


@contextmanager
def locked(own: servers.Postgresql) -> Iterator[None]:
    """Nobody can read the records meanwhile."""
    with psycopg.connect(own.url) as connection:
        connection.execute("LOCK TABLE clv_record")
        yield


def waiting_for_locks(there: psycopg.Connection) -> int:
    """How many statements wait for what another one has locked."""
    return there.execute(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    ).fetchone()[0]


@contextmanager
def clients(web: Client, count: int) -> Iterator[list[int]]:
    """So many clients that ask all the time meanwhile; the statuses that they got."""
    stop, statuses = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            statuses.append(web.send("GET", CLV).status)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()
