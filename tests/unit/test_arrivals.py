"""Requests that arrive: what a client's way of sending them may cost the event loop."""

import selectors
import socket
import time
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from clv.budgets import MAX_FORM_BYTES, MAX_HEAD_BYTES
from clv.http.server.client_socket import ClientSocket
from clv.http.server.connections import Connection
from clv.http.server.spool import SpoolRoom
from clv.http.server.stages import Arrivals
from clv.temporary_disk import TemporaryDisk

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LINES = b"a: b\r\n" * 5_000
CPU_SECONDS = 2.0


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """The service's side of a connection, and the client's."""
    ours, theirs = socket.socketpair()
    room = SpoolRoom(TemporaryDisk(0))
    conn = Connection(Config(), ClientSocket(ours, room), "", "", lambda conn: None)
    with theirs:
        theirs.setblocking(False)
        yield conn, theirs
        conn.close()


@pytest.fixture
def served() -> list[Connection]:
    """The connections that were given to a thread."""
    return []


@pytest.fixture
def poller() -> Iterator[selectors.BaseSelector]:
    """What the event loop waits with."""
    with selectors.DefaultSelector() as opened:
        yield opened


def turn(poller: selectors.BaseSelector) -> None:
    """A round of the event loop."""
    for key, _ in poller.select(0):
        key.data(key.fileobj)


def test_requests_that_come_faster_than_they_are_served_do_not_pile_up(pair, served, poller):
    conn, client = pair
    arrivals = Arrivals(poller, served.append, served.append)
    for _ in range(50):
        try:
            while client.send(HEALTH * 1_000):
                pass
        except BlockingIOError:
            arrivals.begin(conn)
    assert served == [conn] * 50
    assert len(conn.parser.unreader.buf.getvalue()) <= MAX_HEAD_BYTES + MAX_FORM_BYTES


def test_a_head_that_comes_byte_by_byte_is_searched_once(pair, served, poller):
    conn, client = pair
    arrivals = Arrivals(poller, served.append, served.append)
    client.send(b"GET /healthz HTTP/1.1\r\n" + LINES)
    arrivals.begin(conn)
    before = time.process_time()
    for number in range(20_000):
        client.send(b"x" if number % 2 else b"\r")
        turn(poller)
    assert time.process_time() - before < CPU_SECONDS
    assert not served
    for byte in b"\r\n\r\n":
        assert not served
        client.send(bytes([byte]))
        turn(poller)
    assert served == [conn]
