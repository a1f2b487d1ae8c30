"""Real HTTP servers, and requests to them as bytes."""

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import make_server

from clv.config import ROOT, Settings
from tests.support.processes import environment, free_port, wait_until

PATIENCE_SECONDS = 120
# Tests send as fast as they can.
DEFAULTS = {
    "WEB_CONCURRENCY": "1",
    "WEB_THREADS": "4",
    "RATE_LIMIT": "off",
    "ATTEMPTS_LIMIT": "off",
}


@dataclass(frozen=True)
class Answer:
    """A response as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Web:
    """A running gunicorn."""

    def __init__(self, port: int, process: subprocess.Popen) -> None:
        self.port = port
        self.process = process

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def connect(self, data: bytes = b"") -> socket.socket:
        """A connection on which this was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        connection.sendall(data)
        return connection

    def send(self, request: bytes, end: bool = False) -> Answer | None:
        """The first response to these bytes; None if there is none.

        :param end: close our side after the request
        """
        with self.connect() as connection:
            # Beside the reading: what is refused early is not read to its end.
            sender = threading.Thread(target=_send, args=(connection, request, end))
            sender.start()
            try:
                return read(connection, request.partition(b" ")[0].decode("latin-1"))
            finally:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                sender.join()

    def get(self, path: str, **headers: str) -> Answer:
        """The response to an ordinary GET."""
        lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
        answer = self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        assert answer is not None
        return answer


@contextmanager
def gunicorn(settings: Settings, log: Path | None = None, **variables: str) -> Iterator[Web]:
    """The service as the Procfile starts it, on these settings.

    :param log: where its standard error goes
    """
    port = free_port()
    with open(log, "wb") if log else nullcontext() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:create_app()"],
            cwd=ROOT,
            env=environment(settings, **{**DEFAULTS, **variables}),
            stderr=errors,
        )
    web = Web(port, process)
    try:
        wait_until(lambda: _is_up(web), "gunicorn answers")
        yield web
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


@contextmanager
def served(application) -> Iterator[str]:
    """The application behind a real HTTP server."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(connection: socket.socket, method: str = "GET") -> Answer | None:
    """The next response on a connection; None if it was closed instead."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.headers, response.read())
    except (ConnectionError, http.client.BadStatusLine):
        return None


def _send(connection: socket.socket, request: bytes, end: bool) -> None:
    with suppress(OSError):
        connection.sendall(request)
        if end:
            connection.shutdown(socket.SHUT_WR)


def _is_up(web: Web) -> bool:
    try:
        return web.get("/healthz").status == 200
    except (OSError, AssertionError):
        return False
