"""One tenant's slow requests leave threads, seats and temporary disk to the others."""

import http.client
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.store import tenants
from clv.store.tenants import Tenant
from tests.api.support import insert, numbered_records
from tests.api.web import PATIENCE_SECONDS, Answer, Web, gunicorn
from tests.conftest import ON_ONE_DATABASE, empty_tables, wait_until

AT_ONCE = 14
# So many that a simulation takes a while, and the file of them more than what sockets hold.
CUSTOMERS = 20_000
TRANSACTIONS, RECORDS = "/api/v1/transactions", "/api/v1/clv/records"
SIMULATE, CLV = "/api/v1/clv/simulate", "/api/v1/customers/ann/clv"
FILE = b"customer_id,date,amount\nann,2026-04-30,42.50\nbob,2026-05-01,7\n"


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


@pytest.fixture(scope="module")
def tokens(settings) -> Iterator[dict[str, str]]:
    """A viewer's and an editor's key of a tenant with many customers, and an editor's of another
    with few."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        busy, quiet = tenants.create_tenant("busy"), tenants.create_tenant("quiet")
        _fill(busy)
        yield {
            "viewer": keys.create_key(busy, Role.VIEWER),
            "editor": keys.create_key(busy, Role.EDITOR),
            "other": keys.create_key(quiet, Role.EDITOR),
        }
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings, tokens) -> Iterator[Web]:
    """Two web processes as they are by default."""
    with gunicorn(settings, WEB_CONCURRENCY="2", WEB_THREADS="7") as running:
        yield running


@pytest.fixture
def other(web, tokens) -> Sender:
    """The tenant who must be served."""
    sender = Sender(web.port, tokens["other"])
    assert _loaded(sender).status == 200
    assert sender.send("GET", CLV).status == 200
    return sender


@ON_ONE_DATABASE
@pytest.mark.parametrize("attack", ["uploads", "downloads", "simulations"])
def test_slow_requests_of_one_tenant_leave_room_for_another(web, tokens, other, attack):
    attacker = Sender(web.port, tokens["editor" if attack == "uploads" else "viewer"])
    with ATTACKS[attack](attacker) as statuses:
        for _ in range(3):
            served = [
                _loaded(other),
                other.send("POST", SIMULATE),
                other.send("GET", RECORDS, Accept="text/csv"),
                other.send("GET", CLV),
                other.send("GET", "/healthz"),
            ]
            assert [answer.status for answer in served] == [200] * len(served)
    assert set(statuses) <= {200, 503}


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
    sender: Sender, head: bytes, receive_buffer: int | None = None
) -> Iterator[list[socket.socket]]:
    """Connections on which this head was sent."""
    with ExitStack() as stack:
        connections = []
        for _ in range(AT_ONCE):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(PATIENCE_SECONDS)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.connect(("127.0.0.1", sender.port))
            connection.sendall(head)
            connections.append(connection)
        # The service has had a look at them.
        time.sleep(1)
        yield connections


def _loaded(sender: Sender) -> Answer:
    return sender.send("PUT", TRANSACTIONS, FILE, Content_Type="text/csv")


def _fill(tenant: Tenant) -> None:
    """Give a tenant customers, and records of them."""
    lines = (f"c{number:06},2026-04-30,{number % 97}.5" for number in range(CUSTOMERS))
    text = "\n".join(("customer_id,date,amount", *lines))
    loading.load_transactions(tenant, File(io.BytesIO(text.encode())), Choices(), Options())
    records = [one | {"tenant_id": tenant.id} for one in numbered_records(CUSTOMERS, 100)]
    insert("clv_record", ", ".join(records[0]), [list(one.values()) for one in records])
