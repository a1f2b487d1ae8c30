"""A client's socket: what it takes, what waits for it, and whether it has gone."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from clv.budgets import MAX_IN_MEMORY
from clv.errors import Unavailable
from clv.http import client
from clv.http.server.client_socket import ClientSocket
from clv.http.server.spool import Spool, SpoolRoom
from clv.temporary_disk import TemporaryDisk
from tests.conftest import wait_until

MIB = 1024 * 1024
RESPONSE = b"0123456789abcdef" * (2 * MIB // 16)


@pytest.fixture
def disk() -> TemporaryDisk:
    """The temporary disk of a process."""
    return TemporaryDisk(64 * MIB)


@contextmanager
def connection(room: SpoolRoom) -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The service's side of a connection, and the client's, which takes little at once."""
    with socket.socket() as listener, socket.socket() as theirs:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        theirs.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        ours = ClientSocket(accepted, room)
        try:
            yield ours, theirs
        finally:
            ours.close()


def test_what_a_client_does_not_take_waits_on_disk_and_is_sent_in_order(disk):
    with connection(SpoolRoom(disk)) as (ours, theirs):
        ours.owner = 1
        for start in range(0, len(RESPONSE), 10_000):
            ours.sendall(RESPONSE[start : start + 10_000])
        assert disk.total > len(RESPONSE) // 2
        taken = b""
        while len(taken) < len(RESPONSE):
            ours.send_more()
            theirs.settimeout(5)
            taken += theirs.recv(65_536)
        assert taken == RESPONSE and ours.outbox is None and disk.total == 0


def test_a_closed_connection_gives_its_disk_back(disk):
    with connection(SpoolRoom(disk)) as (ours, _):
        ours.owner = 1
        ours.sendall(RESPONSE)
        assert disk.total
    assert disk.total == 0


def test_without_disk_a_client_that_nobody_knows_is_broken_off(disk):
    room = SpoolRoom(disk, most=1)
    held = room.take(1)
    with connection(room) as (ours, _), pytest.raises(ConnectionResetError):
        ours.sendall(RESPONSE)
    room.leave(1, held)
    assert disk.total == 0


def test_without_disk_a_client_that_is_known_is_waited_for(disk):
    room, taken = SpoolRoom(disk, most=1), bytearray()
    held = room.take(1)
    with connection(room) as (ours, theirs):
        ours.owner = 1

        def take() -> None:
            while data := theirs.recv(65_536):
                taken.extend(data)

        taking = threading.Thread(target=take)
        taking.start()
        ours.sendall(RESPONSE)
        ours.shutdown(socket.SHUT_WR)
        taking.join()
    room.leave(1, held)
    assert taken == RESPONSE


def test_nobody_takes_all_places_for_files(disk):
    room = SpoolRoom(disk, most=8)
    held = [room.take(1) for _ in range(6)]
    with pytest.raises(Unavailable):
        room.take(1)
    assert room.take(2)
    room.leave(1, held[0])
    with pytest.raises(Unavailable):
        # Beside another, half of them is the most.
        room.take(1)
    assert room.take(2)


def test_a_spool_that_finds_no_disk_keeps_what_it_had():
    disk = TemporaryDisk(MIB)
    spool = Spool(SpoolRoom(disk), 1)
    spool.append(b"x" * MAX_IN_MEMORY)
    assert disk.total == 0, "it is in memory"
    with pytest.raises(Unavailable):
        spool.append(b"y" * MIB)
    spool.append(b"z" * 1_000)
    spool.file.seek(0)
    assert spool.file.read() == b"x" * MAX_IN_MEMORY + b"z" * 1_000
    assert disk.total == MAX_IN_MEMORY + 1_000
    spool.close()
    spool.close()
    assert disk.total == 0


@pytest.mark.parametrize(
    ("how", "lines", "expected"),
    [
        ("waits", {}, False),
        ("sends more", {}, False),
        ("half closed", {}, True),
        ("half closed", {"HTTP_CONNECTION": "Close"}, False),
        ("half closed", {"SERVER_PROTOCOL": "HTTP/1.0"}, False),
        ("closed", {}, True),
        ("reset", {}, True),
        ("reset", {"HTTP_CONNECTION": "close"}, True),
    ],
)
def test_whether_a_client_has_gone(disk, how, lines, expected):
    with connection(SpoolRoom(disk)) as (ours, theirs):
        environ = {"gunicorn.socket": ours, "SERVER_PROTOCOL": "HTTP/1.1"} | lines
        theirs.send(b"GET /next")
        if how == "half closed":
            theirs.shutdown(socket.SHUT_WR)
        elif how == "closed":
            theirs.close()
        elif how == "reset":
            ours.send(b"not read")
            theirs.recv(1)
            with suppress(OSError):
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            theirs.close()
        if expected:
            wait_until(lambda: client.has_gone(environ), "it has gone")
        else:
            assert not client.has_gone(environ)


def test_without_our_web_server_every_client_waits():
    assert not client.has_gone({"wsgi.input": None})
