"""Slow requests of one tenant, many at once."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

from tests.api.web import PATIENCE_SECONDS, Answer
from tests.conftest import wait_until

AT_ONCE = 14
TRANSACTIONS, RECORDS = "/api/v1/transactions", "/api/v1/clv/records"
SIMULATE = "/api/v1/clv/simulate"


@dataclass(frozen=True)
class Sender:
    """Sends requests with a key to a running service."""

    port: int
    token: str

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """A response, on a connection of its own."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_SECONDS)) as one:
            one.request(method, path, body, {"Authorization": f"Bearer {self.token}", **sent})
            answer = one.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """The head of a request."""
        known = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}")
        return "\r\n".join((*known, *lines, "", "")).encode()


@contextmanager
def connection(sender: Sender, head: bytes, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """A connection on which this head was sent."""
    with socket.socket() as opened:
        opened.settimeout(PATIENCE_SECONDS)
        if receive_buffer:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        opened.connect(("127.0.0.1", sender.port))
        opened.sendall(head)
        yield opened


@contextmanager
def _slow_uploads(attacker: Sender) -> Iterator[Counter[int]]:
    """Files that come in small pieces."""
    head = attacker.head("PUT", TRANSACTIONS, "Content-Type: text/csv", "Content-Length: 9000000")
    ended = threading.Event()

    def trickle(connections: list[socket.socket]) -> None:
        while not ended.wait(0.2):
            for connection in connections:
                with suppress(OSError):
                    connection.send(b"x" * 1_900)

    with _connected(attacker, head) as connections:
        trickling = threading.Thread(target=trickle, args=(connections,))
        trickling.start()
        try:
            yield Counter()
        finally:
            ended.set()
            trickling.join()


@contextmanager
def _slow_downloads(attacker: Sender) -> Iterator[Counter[int]]:
    """Files that nobody reads."""
    head = attacker.head("GET", RECORDS, "Accept: text/csv")
    with _connected(attacker, head, receive_buffer=4_096) as connections:
        for connection in connections:
            # It has begun, or was refused.
            assert connection.recv(1, socket.MSG_PEEK)
        yield Counter()


@contextmanager
def _simulations(attacker: Sender) -> Iterator[Counter[int]]:
    """Simulations without end."""
    ended, statuses = threading.Event(), Counter[int]()

    def simulate() -> None:
        while not ended.is_set():
            answer = attacker.send("POST", SIMULATE)
            statuses[answer.status] += 1
            assert answer.status == 200 or answer.headers["Retry-After"]

    threads = [threading.Thread(target=simulate) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: statuses[200], "they are going on")
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


ATTACKS: dict[str, Callable] = {
    "uploads": _slow_uploads,
    "downloads": _slow_downloads,
    "simulations": _simulations,
}


@contextmanager
def _connected(
    sender: Sender, head: bytes, receive_buffer: int = 0
) -> Iterator[list[socket.socket]]:
    """Connections on which this head was sent, and which the service has had a look at."""
    with ExitStack() as stack:
        opened = (connection(sender, head, receive_buffer) for _ in range(AT_ONCE))
        connections = [stack.enter_context(one) for one in opened]
        time.sleep(1)
        yield connections
