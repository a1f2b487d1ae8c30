"""Connections of anybody, without a key."""

import selectors
import socket
import time
from contextlib import suppress

from tests.load.attacks.attacker import Attacker

FORMS = 40
IDLE = 2_200
# One that is closed is opened again, at most so many a second.
REOPENED_A_SECOND = 100
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
        while not attacker.stop.is_set():
            began = time.monotonic()
            missing = IDLE - len(selector.get_map())
            for number in range(min(missing, REOPENED_A_SECOND // 4)):
                _open(attacker, selector, ADDRESSES[number % len(ADDRESSES)], request)
            _strike_off(attacker, selector)
            attacker.stop.wait(0.25 - (time.monotonic() - began))


def _open(
    attacker: Attacker, selector: selectors.BaseSelector, address: str, request: bytes
) -> None:
    try:
        connection = attacker.connect(address)
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
