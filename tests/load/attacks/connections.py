"""Connections of anybody, without a key."""

import selectors
import socket
from contextlib import suppress

from tests.load.attacks.attacker import Attacker

FORMS = 40
IDLE = 2_200
# So many are opened in each quarter of a second until all are there, and after that of those that
# were closed.
OPENED, REOPENED = 50, 25
PAUSE_SECONDS = 0.25
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 10)]


def half_forms(attacker: Attacker) -> None:
    """Sign-ins whose forms never come."""
    kind = "application/x-www-form-urlencoded"
    head = attacker.head("POST", "/sign-in", Content_Type=kind, Content_Length="60000")

    def send() -> None:
        with attacker.connect() as connection:
            connection.sendall(head + b"k")
            attacker.outcome(connection)
        attacker.stop.wait(0.1)

    attacker.together(FORMS, send)


def idle_connections(attacker: Attacker) -> None:
    """Kept connections on which nothing comes any more, from some addresses."""
    request = attacker.head("GET", "/healthz")
    with selectors.DefaultSelector() as selector:
        while not attacker.stop.wait(PAUSE_SECONDS):
            _strike_off(attacker, selector)
            missing = IDLE - len(selector.get_map())
            most = OPENED if attacker.tally["opened"] < IDLE else REOPENED
            _open(attacker, selector, min(missing, most), request)


def _open(attacker: Attacker, selector: selectors.BaseSelector, count: int, request: bytes) -> None:
    for number in range(count):
        try:
            connection = attacker.connect(ADDRESSES[number % len(ADDRESSES)])
            connection.sendall(request)
        except OSError:
            attacker.count("not opened")
            return
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
        attacker.count("opened")


def _strike_off(attacker: Attacker, selector: selectors.BaseSelector) -> None:
    for key, _ in selector.select(0):
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        ended = True
        with suppress(BlockingIOError, ConnectionError):
            ended = not connection.recv(65_536)
        if ended:
            attacker.count("closed")
            selector.unregister(connection)
            connection.close()
