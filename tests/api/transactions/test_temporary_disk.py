"""What uploads put on the temporary disk is gone when they end, however they end."""

import os
import signal
import socket
from pathlib import Path

import pytest

from clv import db
from tests.api.web import Web, gunicorn
from tests.conftest import wait_until
from tests.support.workbook import workbook

MIB = 1024 * 1024
HEADER = b"customer_id,date,amount\n"
# Larger than what is kept in memory, of a file and of a temporary database.
ROWS = b"".join(b"customer-%d,2026-01-02,%d.50\n" % (n, n % 1_000) for n in range(600_000))

STAGED = "SELECT COUNT(*) FROM pg_class WHERE relname IN ('staged_transaction', 'staged_summary')"


@pytest.fixture
def folder(tmp_path):
    """The folder of temporary files of a web process."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path


@pytest.fixture
def web(settings, app, folder):
    """A web process with a folder of temporary files of its own."""
    with gunicorn(settings, TMPDIR=str(folder), SQLITE_TMPDIR=str(folder)) as server:
        yield server


def test_six_uploads_that_break_off_leave_nothing_behind(web, folder, headers):
    key, other = headers("editor"), headers("editor", "other")
    assert put(web, key, HEADER + b"a,2026-01-02,1\n").status == 200
    before = held(web, folder)
    connections = [begin(web, key, HEADER + ROWS[: 8 * MIB]) for _ in range(6)]
    wait_until(lambda: held(web, folder) > before, "the uploads take disk")
    for connection in connections:
        connection.close()
    wait_until(lambda: held(web, folder) <= before, "their disk is given back")
    assert put(web, other, HEADER + ROWS[: 4 * MIB].rpartition(b"\n")[0]).status == 200
    wait_until(lambda: held(web, folder) <= before, "so is that of a load")


@pytest.mark.parametrize("path", ["transactions", "transactions/preview"])
@pytest.mark.parametrize(
    ("end", "status"), [(b"", 200), (b"x\n" * 200, 400), (b"a,2026-01-02,1\n" * 2, 200)]
)
def test_a_file_leaves_nothing_behind_whatever_becomes_of_it(
    web, folder, headers, path, end, status
):
    key = headers("editor")
    assert put(web, key, HEADER + b"a,2026-01-02,1\n").status == 200
    before = held(web, folder)
    answer = put(web, key, HEADER + ROWS[:6_000_000].rpartition(b"\n")[0] + b"\n" + end, path)
    assert answer.status == (200 if "preview" in path else status)
    wait_until(lambda: held(web, folder) <= before, "its disk is given back")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_process_that_is_killed_amid_an_upload_leaves_no_file_behind(web, folder, headers, kind):
    key, [worker] = headers("editor"), web.workers
    before = held(web, folder)
    # What no name says, no janitor has to look for.
    files = {"csv": HEADER + ROWS[: 8 * MIB], "xlsx": large_workbook()}
    with begin(web, key, files[kind]):
        wait_until(lambda: held(web, folder) > before, "the upload takes disk")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: web.workers not in ([], [worker]), "another process takes over")
        assert list(folder.iterdir()) == []


def large_workbook() -> bytes:
    rows = ([os.urandom(500).hex(), "2026-01-02", n] for n in range(2_000))
    return workbook([["customer_id", "date", "amount"], *rows])


def begin(web: Web, key: dict[str, str], part: bytes) -> socket.socket:
    """A connection on which this part of a longer file was sent."""
    return web.connect(head(key, "transactions", len(part) + MIB, "PUT") + part)


def put(web: Web, key: dict[str, str], file: bytes, path: str = "transactions"):
    answer = web.send(head(key, path, len(file), "POST" if "preview" in path else "PUT") + file)
    assert answer is not None
    return answer


def head(key: dict[str, str], path: str, length: int, method: str) -> bytes:
    return (
        f"{method} /api/v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Authorization: {key['Authorization']}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def held(web: Web, folder: Path) -> int:
    """The bytes of the temporary files that the web processes have open, and on PostgreSQL, which
    has its own elsewhere, the number of staging tables."""
    size = 0 if db.is_sqlite() else db.value(STAGED)
    for worker in web.workers:
        for number in Path(f"/proc/{worker}/fd").iterdir():
            try:
                if os.readlink(number).startswith(str(folder)):
                    size += number.stat().st_size
            except OSError:
                continue
    return size
