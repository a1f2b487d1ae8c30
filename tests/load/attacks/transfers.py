"""Large and slow transfers, and what else takes a thread for long."""

import json
import random
import socket
from contextlib import suppress

from tests.load.attacks.attacker import Attacker

TRANSACTIONS = "/api/v1/transactions?skipBadLines=true"
HEADER = b"customer_id,date,amount\n"
MIB = 1024 * 1024
BROKEN_OFF_BYTES = 64 * MIB
# Of an endless body, so that the attack fills no disk.
ENDLESS_BYTES = 1024 * MIB
SLOW = 14
# More than the rate below which a client counts as one that has stopped.
STEP_BYTES = 4_608
STEP_SECONDS = 0.5


def broken_off(attacker: Attacker) -> None:
    """Files that are announced, begun, and left: a handful at a time."""
    head = _upload(attacker, Content_Length=str(10 * BROKEN_OFF_BYTES)) + HEADER
    block = _rows()

    def send() -> None:
        with attacker.connect() as connection:
            connection.sendall(head)
            for _ in range(BROKEN_OFF_BYTES // len(block)):
                connection.sendall(block)
            attacker.count("broken off")
        attacker.stop.wait(1)

    attacker.together(6, send)


def endless(attacker: Attacker) -> None:
    """Files without an announced length, and without an end."""
    head, block = _upload(attacker, Transfer_Encoding="chunked") + _chunk(HEADER), _chunk(_rows())

    def send() -> None:
        with attacker.connect() as connection:
            # Refused before its end: the answer is there all the same.
            with suppress(ConnectionError):
                connection.sendall(head)
                for _ in range(ENDLESS_BYTES // len(block)):
                    connection.sendall(block)
            connection.settimeout(1)
            attacker.outcome(connection)

    attacker.together(2, send)


def slow_uploads(attacker: Attacker) -> None:
    """Files that arrive just fast enough."""
    head, block = _upload(attacker, Content_Length=str(10 * MIB)) + HEADER, _rows()

    def send() -> None:
        with attacker.connect() as connection:
            connection.sendall(head)
            for at in range(0, len(block), STEP_BYTES):
                connection.sendall(block[at : at + STEP_BYTES])
                if attacker.stop.wait(STEP_SECONDS):
                    break
            attacker.count("left")

    attacker.together(SLOW, send)


def slow_downloads(attacker: Attacker) -> None:
    """Files that are read just fast enough."""
    headers = attacker.authorization("viewer") | {"Accept": "text/csv"}
    request = attacker.head("GET", "/api/v1/clv/records", **headers)

    def receive() -> None:
        with attacker.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STEP_BYTES)
            connection.sendall(request)
            attacker.outcome(connection)
            while connection.recv(STEP_BYTES) and not attacker.stop.wait(STEP_SECONDS):
                pass
        attacker.stop.wait(0.1)

    attacker.together(SLOW, receive)


def simulations(attacker: Attacker) -> None:
    """Simulations by one viewer, all at once."""
    body = json.dumps({"atRiskDays": 45}).encode()
    headers = attacker.authorization("viewer") | {"Content_Type": "application/json"}
    attacker.together(SLOW, lambda: attacker.ask("POST", "/api/v1/clv/simulate", body, **headers))


def _upload(attacker: Attacker, **length: str) -> bytes:
    headers = attacker.authorization("editor") | {"Content_Type": "text/csv"}
    return attacker.head("PUT", TRANSACTIONS, **headers, **length)


def _rows() -> bytes:
    """A mebibyte of transactions, which may be sent again and again."""
    rng = random.Random(1)
    rows, size = [], 0
    while size < MIB:
        day = f"2026-{rng.randint(1, 9):02}-{rng.randint(1, 28):02}"
        rows.append(f"C{rng.randint(0, 10**9):010},{day},{rng.randint(100, 9_999) / 100:.2f}\n")
        size += len(rows[-1])
    return "".join(rows).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
