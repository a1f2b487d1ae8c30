"""Many connections: places are made free, and no address takes them all."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.budgets import ADDRESS_SHARE, MAX_CONNECTIONS, PATIENCE_SECONDS
from clv.store import tenants
from tests.api.web import Web, gunicorn, read
from tests.conftest import ON_ONE_DATABASE, empty_tables

CROWD = 2_200
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
OURS = "127.0.0.1"
ONE_ADDRESS = ["127.0.0.2"]
MANY_ADDRESSES = [f"127.0.0.{number}" for number in range(2, 24)]


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> Iterator[None]:
    """Let this process have as many connections as the test needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * CROWD)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def token(settings) -> Iterator[str]:
    """A key of a fresh tenant."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        yield keys.create_key(tenants.create_tenant("crowd"), Role.EDITOR)
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings, token) -> Iterator[Web]:
    """A web process."""
    with gunicorn(settings) as running:
        yield running


def connect(web: Web, address: str) -> socket.socket:
    """A connection from this address."""
    return socket.create_connection((OURS, web.port), 120, (address, 0))


@contextmanager
def crowd(web: Web, addresses: list[str], request: bytes) -> Iterator[list[socket.socket]]:
    """Very many connections that are kept after this was sent."""
    with ExitStack() as stack:
        connections = []
        for number in range(CROWD):
            connection = stack.enter_context(connect(web, addresses[number % len(addresses)]))
            connection.sendall(request)
            if request == HEALTH:
                read(connection)
            connections.append(connection)
        yield connections


@ON_ONE_DATABASE
@pytest.mark.parametrize("addresses", [ONE_ADDRESS, MANY_ADDRESSES], ids=["one", "many"])
@pytest.mark.parametrize("request_", [HEALTH, HEALTH[:20]], ids=["kept", "half a head"])
def test_idle_connections_leave_room_for_others(web, addresses, request_):
    with connect(web, OURS) as early, crowd(web, addresses, request_) as connections:
        for _ in range(5):
            with connect(web, OURS) as late:
                late.sendall(HEALTH)
                assert read(late).status == 200
        # The newest are still there.
        connections[-1].sendall(HEALTH[len(request_) % len(HEALTH) :])
        assert read(connections[-1]).status == 200
        if addresses is ONE_ADDRESS:
            early.sendall(HEALTH)
            assert read(early).status == 200, "an address takes places only from itself"


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed the connection without an answer."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@ON_ONE_DATABASE
def test_slow_uploads_of_one_tenant_leave_places_to_others(web, token):
    begun = (
        "PUT /api/v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 9000000\r\n\r\n"
    )
    began = time.monotonic()
    with ExitStack() as stack:
        connections = []
        for number in range(MAX_CONNECTIONS + 1):
            address = MANY_ADDRESSES[number % len(MANY_ADDRESSES)]
            connection = stack.enter_context(connect(web, address))
            connection.sendall(begun.encode())
            connections.append(connection)
            if number % 100 == 99:
                # Behind the others of its tenant, of whom too many would be refused.
                web.get("/api/v1/settings", Authorization=f"Bearer {token}")
        with connect(web, OURS) as late:
            late.sendall(HEALTH)
            assert read(late).status == 200
        is_early = time.monotonic() - began < PATIENCE_SECONDS
        # On a busy machine they have run out of time, and were answered.
        assert any(map(is_closed, connections)) or not is_early


@ON_ONE_DATABASE
def test_an_address_holds_a_quarter_of_the_places_unless_it_is_a_proxys(settings):
    most = int(MAX_CONNECTIONS * ADDRESS_SHARE)
    with gunicorn(settings, TRUSTED_PROXIES="1") as running, ExitStack() as stack:
        kept = [stack.enter_context(connect(running, OURS)) for _ in range(2 * most)]
        for connection in (kept[0], kept[-1]):
            connection.sendall(HEALTH)
            assert read(connection).status == 200
