"""The web process: slow clients, reload, a killed worker, and whose word it takes for what."""

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.store import tenants
from tests.api.web import PATIENCE_SECONDS, Web, gunicorn, read
from tests.conftest import ON_ONE_DATABASE, empty_tables, wait_until

THREADS = 4
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
HEALTH = HALF_A_HEAD + b"\r\n"
ROWS = "/api/v1/interaction-summaries"
# Each of the floods below holds all threads of stock gthread, or the process, for at least 25 s.
AT_ONCE_SECONDS = 20


@pytest.fixture(scope="module")
def token(settings) -> Iterator[str]:
    """An admin's key of a fresh tenant."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        yield keys.create_key(tenants.create_tenant("served"), Role.ADMIN)
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings) -> Iterator[Web]:
    """A real gunicorn of one process."""
    with gunicorn(settings, WEB_THREADS=str(THREADS)) as running:
        yield running


@pytest.fixture(scope="module")
def pair(settings) -> Iterator[Web]:
    """A real gunicorn of two processes."""
    with gunicorn(settings, WEB_CONCURRENCY="2") as running:
        yield running


def post(token: str, length: int, body: bytes = b"", path: str = ROWS) -> bytes:
    """The head of a POST, and as much of its body as there is."""
    lines = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    )
    return lines.encode() + body


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "request_",
    [b"", b"G", HALF_A_HEAD, post("wrong", 5000), HEALTH.replace(b"1.1", b"1.0"), b"\x16\x03\x01"],
    ids=["silent", "one byte", "half a head", "no body", "does not close", "TLS"],
)
def test_clients_that_stop_take_no_thread(web, request_):
    slow = [web.connect(request_) for _ in range(5 * THREADS)]
    wait_until(lambda: _connections(web) >= len(slow), "the connections are there")
    began = time.monotonic()
    for _ in range(THREADS):
        assert web.get("/healthz").status == 200
    assert time.monotonic() - began < AT_ONCE_SECONDS
    for connection in slow:
        connection.close()


@ON_ONE_DATABASE
def test_a_head_that_comes_byte_by_byte_is_answered(web):
    with web.connect() as patient:
        for _ in range(2):
            for byte in HEALTH:
                patient.send(bytes([byte]))
            assert read(patient).status == 200, "and so is the next on the same connection"


@ON_ONE_DATABASE
def test_a_head_that_never_ends_is_dropped(web):
    with web.connect(HALF_A_HEAD) as endless:
        wait_until(lambda: _has_ended(endless, b"X-A: a\r\n"), "the connection is closed")
        assert read(endless) is None


@ON_ONE_DATABASE
def test_a_body_that_trickles_is_given_up(web, token):
    with web.connect(post(token, 1_000_000, b"[")) as slow:
        wait_until(lambda: _has_ended(slow, b" "), "there is an answer")
        answer = read(slow, "POST")
    assert answer.status == 400 and "too slowly" in json.loads(answer.body)["message"]


def test_a_body_that_is_slow_but_comes_is_read(web, token):
    body = b'{"data": ' + b" " * 300_000 + b"[]}"
    with web.connect(post(token, len(body))) as slow:
        for start in range(0, len(body), 20_000):
            slow.sendall(body[start : start + 20_000])
            time.sleep(0.1)
        answer = read(slow, "POST")
    assert "data: " in json.loads(answer.body)["message"], "it was read to its end and refused"


@ON_ONE_DATABASE
def test_requests_in_one_packet_are_all_answered_in_their_order(web):
    with web.connect(HEALTH + HEALTH.replace(b"healthz", b"nothing") + HEALTH) as connection:
        received = b""
        while received.count(b"HTTP/1.1 ") < 3 or not received.endswith(b"}\n"):
            received += connection.recv(65_536)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404", b"200"]


def test_a_reload_loses_no_request(pair, token):
    with Load(pair, token) as load:
        for _ in range(2):
            load.wait_for(100)
            reload(pair)
        load.wait_for(100)
    assert load.failed == 0 and load.statuses == {404}


def test_a_killed_worker_takes_only_its_own_requests_along(pair, token):
    with Load(pair, token) as load:
        load.wait_for(100)
        victim = pair.workers[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in pair.workers and len(pair.workers) == 2, "a new worker")
        # What was in flight has ended, too.
        load.wait_for(1)
        failed = load.failed
        load.wait_for(200)
    # Each client has one request in flight; afterwards none fails.
    assert load.failed == failed <= Load.CLIENTS and load.statuses == {404}


def reload(web: Web) -> None:
    """Reload the service; returns when all its old workers have ended."""
    before = set(web.workers)
    os.kill(web.process.pid, signal.SIGHUP)
    wait_until(lambda: len(web.workers) == 2 and not before & set(web.workers), "new workers")


class Load:
    """Clients that send requests one after another on kept-alive connections, as clients do: a
    connection that the server closed between two requests is opened again."""

    CLIENTS = 6

    def __init__(self, web: Web, token: str) -> None:
        self._web, self._token = web, token
        self._stop = threading.Event()
        clients = range(self.CLIENTS)
        self._threads = [threading.Thread(target=self._run, args=(one,)) for one in clients]
        self._done = [0 for _ in clients]
        self.failed = 0
        self.statuses: set[int] = set()

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, requests: int) -> None:
        """Return after so many more requests, of each client one at least."""
        before = list(self._done)

        def are_done() -> bool:
            more = [now - then for now, then in zip(self._done, before, strict=True)]
            return sum(more) >= requests and min(more) > 0

        wait_until(are_done, f"{requests} requests")

    def _run(self, client: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._web.port)) as connection:
            while not self._stop.is_set():
                self._request(connection)
                self._done[client] += 1

    def _request(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock and _has_ended(connection.sock):
            connection.close()
        try:
            key = {"Authorization": f"Bearer {self._token}"}
            connection.request("GET", "/api/v1/customers/nobody/clv", headers=key)
            answer = connection.getresponse()
            answer.read()
            self.statuses.add(answer.status)
        except (OSError, http.client.HTTPException):
            self.failed += 1
            connection.close()


def _connections(web: Web) -> int:
    """How many connections the service has, also those that are closed on one side."""
    with open("/proc/net/tcp") as lines:
        columns = [line.split() for line in lines]
    return sum(one[1].endswith(f":{web.port:04X}") and one[3] != "0A" for one in columns[1:])


def _has_ended(connection: socket.socket, more: bytes = b"") -> bool:
    """Whether the service closed the connection, or sent something; if not, send more."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
        return True
    except BlockingIOError:
        # It may end just now; the next look tells.
        with suppress(OSError):
            connection.send(more)
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(PATIENCE_SECONDS)
