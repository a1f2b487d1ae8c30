"""Clients that are slow, up or down, hold no thread: the same tenant's next request is served."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.store import tenants
from tests.api.support import insert, numbered_records
from tests.api.web import PATIENCE_SECONDS, Web, gunicorn, read
from tests.conftest import ON_ONE_DATABASE, empty_tables, wait_until

THREADS = 4
AT_ONCE = 14
# The file of them is more than sockets hold.
CUSTOMERS = 20_000
RECORDS = "/api/v1/clv/records"
SIGN_IN = (
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 60000\r\n\r\nk"
)


@pytest.fixture(scope="module")
def token(settings) -> Iterator[str]:
    """A key of a tenant with many records."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        tenant = tenants.create_tenant("slow")
        records = [one | {"tenant_id": tenant.id} for one in numbered_records(CUSTOMERS, 100)]
        insert("clv_record", ", ".join(records[0]), [list(one.values()) for one in records])
        yield keys.create_key(tenant, Role.EDITOR)
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings, token) -> Iterator[Web]:
    """A web process of few threads."""
    with gunicorn(settings, WEB_THREADS=str(THREADS)) as running:
        yield running


def head(token: str, method: str, path: str, *lines: str) -> bytes:
    """The head of a request."""
    known = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}")
    return "\r\n".join((*known, *lines, "", "")).encode()


def is_serving(web: Web, token: str) -> bool:
    """Whether the service answers, also this tenant."""
    page = web.get(RECORDS + "?limit=1", Authorization=f"Bearer {token}")
    return (web.get("/healthz").status, page.status) == (200, 200)


@contextmanager
def connected(web: Web, request: bytes, count: int, receive_buffer: int | None = None):
    """So many connections on which this was sent."""
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(PATIENCE_SECONDS)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.connect(("127.0.0.1", web.port))
            connection.sendall(request)
            connections.append(connection)
        yield connections


@ON_ONE_DATABASE
def test_forms_whose_body_does_not_come_take_no_thread(web, token):
    with connected(web, SIGN_IN, 40) as connections:
        for _ in range(3):
            assert is_serving(web, token)
        # Nothing of it would have been read: the cookie is missing.
        assert read(connections[0], "POST").status == 403


@ON_ONE_DATABASE
def test_slow_uploads_take_no_thread(web, token):
    ended = threading.Event()
    begun = head(
        token, "PUT", "/api/v1/transactions", "Content-Type: text/csv", "Content-Length: 9000000"
    )
    with connected(web, begun, AT_ONCE) as connections:

        def trickle() -> None:
            while not ended.wait(0.2):
                for connection in connections:
                    with suppress(OSError):
                        connection.send(b"x" * 1_800)

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            for _ in range(5):
                assert is_serving(web, token)
        finally:
            ended.set()
            trickling.join()


@ON_ONE_DATABASE
def test_downloads_that_nobody_reads_take_neither_thread_nor_seat(web, token):
    begun = head(token, "GET", RECORDS, "Accept: text/csv")
    key = {"Authorization": f"Bearer {token}", "Accept": "text/csv"}
    wait_until(lambda: web.get(RECORDS, **key).status == 200, "there is a seat")
    expected = web.get(RECORDS, **key).body
    with ExitStack() as stack:
        connections: list[socket.socket] = []
        while len(connections) < AT_ONCE:
            # One after another: each takes its seat for as long as the file is written.
            (connection,) = stack.enter_context(connected(web, begun, 1, receive_buffer=4_096))
            status = connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
            if status == b"HTTP/1.1 200":
                connections.append(connection)
        for _ in range(5):
            assert is_serving(web, token)
        # What was kept for them is whole, and the connection goes on.
        last = connections[-1]
        assert read(last).body == expected
        last.sendall(head(token, "GET", "/healthz"))
        assert read(last).status == 200


@ON_ONE_DATABASE
def test_a_client_that_never_takes_its_response_is_given_up(web, token):
    begun = head(token, "GET", RECORDS, "Accept: text/csv")
    with connected(web, begun, 1, receive_buffer=4_096) as (connection,):
        assert connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 200"
        port = connection.getsockname()[1]
        wait_until(lambda: not _is_established(web, port), "the connection is closed")


def _is_established(web: Web, client_port: int) -> bool:
    with open("/proc/net/tcp") as lines:
        columns = [line.split() for line in lines]
    ours, theirs = f":{web.port:04X}", f":{client_port:04X}"
    return any(
        one[1].endswith(ours) and one[2].endswith(theirs) and one[3] == "01" for one in columns[1:]
    )
