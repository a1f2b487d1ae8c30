"""Places of a web process, for connections and for files: nobody keeps all of them."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.budgets import MAX_IN_MEMORY, MAX_SPOOLED
from clv.store import tenants
from tests.api.slow_requests import Sender
from tests.api.web import PATIENCE_SECONDS, Web, gunicorn, read
from tests.conftest import ON_ONE_DATABASE, empty_tables

PLACES = 40
FILE, ROWS = "/api/v1/transactions", "/api/v1/interaction-summaries"
CSV = "Content-Type: text/csv"
SMALL = b"customer_id,date,amount\nann,2026-01-01,1.5\n"


@pytest.fixture(scope="module")
def tokens(settings) -> Iterator[list[str]]:
    """Keys of three tenants."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        names = ("ann", "ben", "cat")
        yield [keys.create_key(tenants.create_tenant(name), Role.ADMIN) for name in names]
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings, tokens) -> Iterator[Web]:
    """A web process with few places for connections."""
    with gunicorn(settings, GUNICORN_CMD_ARGS=f"--worker-connections={PLACES}") as running:
        yield running


@contextmanager
def connections(web: Web, request: bytes, count: int) -> Iterator[list[socket.socket]]:
    """So many connections on which this was sent, from some addresses."""
    with ExitStack() as stack:
        opened = []
        for number in range(count):
            source = (f"127.0.0.{2 + number % 8}", 0)
            one = socket.create_connection(("127.0.0.1", web.port), PATIENCE_SECONDS, source)
            opened.append(stack.enter_context(one))
            one.sendall(request)
        yield opened


def closed(opened: list[socket.socket]) -> int:
    """How many of the connections were closed without an answer."""
    return sum(map(_is_closed, opened))


@ON_ONE_DATABASE
def test_a_body_gives_its_place_back_though_its_connection_ends(web, tokens):
    body = json.dumps({"data": "x" * 2 * MAX_IN_MEMORY}).encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    request = Sender(web.port, tokens[0]).head("POST", ROWS, *lines) + body
    assert {web.send(request).status for _ in range(MAX_SPOOLED)} == {400}


@ON_ONE_DATABASE
def test_files_of_a_tenant_that_wait_for_seats_leave_places_to_others(web, tokens):
    ann, ben = (Sender(web.port, token) for token in tokens[:2])
    job = json.loads(ann.send("POST", "/api/v1/clv/compute", Prefer="respond-async").body)["jobId"]
    wait = ann.head("GET", f"/api/v1/clv/jobs/{job}?wait=25")
    file = ann.head("PUT", FILE, CSV, f"Content-Length: {len(SMALL)}") + SMALL
    with connections(web, wait, 2), connections(web, file, PLACES + 8) as files:
        assert ben.send("GET", "/api/v1/settings").status == 200
        assert closed(files)
    ann.send("DELETE", f"/api/v1/clv/jobs/{job}")


@ON_ONE_DATABASE
def test_slow_files_of_two_tenants_leave_places_to_a_third(web, tokens):
    ann, ben, cat = (Sender(web.port, token) for token in tokens)
    with ExitStack() as stack:
        for sender, count in ((ann, PLACES // 2), (ben, PLACES // 2 - 1)):
            lines = (CSV, "Content-Length: 9000000", "Expect: 100-continue")
            opened = connections(web, sender.head("PUT", FILE, *lines), count)
            for one in stack.enter_context(opened):
                assert one.recv(100).startswith(b"HTTP/1.1 100 "), "its body is awaited"
        with web.connect() as late:
            assert web.get("/healthz").status == 200
            late.sendall(cat.head("GET", "/api/v1/settings"))
            assert read(late).status == 200


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
