"""Who attacks: requests of a tenant or of nobody, and a tally of what came of them."""

import http.client
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

HOST = "127.0.0.1"
# Longer than any answer may take.
PATIENCE_SECONDS = 60


class Answer(NamedTuple):
    """A response; status 0 when there was none."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Attacker:
    """One attack.

    :param port: where the service listens
    :param tokens: the tenant's keys by role
    :param address: of this machine; another than that of whoever must be served meanwhile
    """

    def __init__(self, port: int, tokens: Mapping[str, str], address: str = HOST) -> None:
        self.stop = threading.Event()
        self.tally: Counter[str] = Counter()
        self._port = port
        self._tokens = tokens
        self._address = address
        self._lock = threading.Lock()

    def count(self, what: object) -> None:
        """Count what happened."""
        with self._lock:
            self.tally[str(what)] += 1

    def together(self, threads: int, act: Callable[[], object]) -> None:
        """Do this in so many threads, again and again; it returns when the attack ends."""
        started = [threading.Thread(target=self._again, args=(act,)) for _ in range(threads)]
        for thread in started:
            thread.daemon = True
            thread.start()
        for thread in started:
            thread.join()

    def authorization(self, role: str) -> dict[str, str]:
        """The header with the tenant's key of this role."""
        return {"Authorization": f"Bearer {self._tokens[role]}"}

    def token(self, role: str) -> str:
        """The tenant's key of this role."""
        return self._tokens[role]

    def client(self) -> http.client.HTTPConnection:
        """A connection that may be kept for more than one request."""
        return http.client.HTTPConnection(
            HOST, self._port, timeout=PATIENCE_SECONDS, source_address=(self._address, 0)
        )

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request on a new connection, and count its answer.

        :param headers: with underscores for hyphens
        """
        client = self.client()
        try:
            return self.ask_on(client, method, path, body, **headers)
        finally:
            client.close()

    def ask_on(
        self,
        client: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes = b"",
        **headers: str,
    ) -> Answer:
        """The same on this connection."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            # What is refused early is not read to its end: the answer is there all the same.
            with suppress(ConnectionError):
                client.request(method, path, body or None, named)
            response = client.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            client.close()
            answer = Answer(0, {}, b"")
        self.count(answer.status or "no answer")
        return answer

    def connect(self, address: str = "") -> socket.socket:
        """A connection from this address of this machine; by default from the attacker's."""
        source = (address or self._address, 0)
        return socket.create_connection((HOST, self._port), PATIENCE_SECONDS, source)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """The head of a request."""
        lines = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *lines, "", "")).encode()

    def outcome(self, connection: socket.socket) -> None:
        """Count what the service says at the end of a request that was sent as bytes."""
        try:
            status = connection.recv(64).split(b" ")[1:2]
            self.count(status[0].decode() if status else "closed")
        except OSError:
            self.count("closed")

    def _again(self, act: Callable[[], object]) -> None:
        while not self.stop.is_set():
            try:
                act()
            except OSError:
                # The service has closed the connection, or takes none.
                self.count("closed")
                self.stop.wait(0.1)
            except Exception as error:
                self.count(f"fault: {error!r}")
                raise
