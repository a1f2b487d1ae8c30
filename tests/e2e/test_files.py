"""Files of records as gunicorn sends them."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path

import pytest

import launch
from clv.config import ROOT
from tests.api.support import insert_records, numbered_records, unreadable_records
from tests.conftest import environment, free_port, wait_until

URL = "/api/v1/clv/records"
CSV, NDJSON = "text/csv", "application/x-ndjson"
# More than the buffers of both ends of a connection: the rest is made when it is read.
RECORDS, ID_SIZE = 60_000, 120


@dataclass(frozen=True)
class Web:
    """A gunicorn."""

    port: int
    log: Path

    @contextmanager
    def asked(self, headers: dict[str, str], method: str = "GET") -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, URL, headers=headers)
            with connection.getresponse() as answer:
                yield answer

    def status(self, headers: dict[str, str], method: str = "GET") -> int:
        with self.asked(headers, method) as answer:
            return answer.status

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture
def web(app, settings, tmp_path) -> Iterator[Web]:
    """The web process as it is deployed, with one thread for files."""
    running = Web(free_port(), tmp_path / "web.log")
    command = [str(launch.BIN / "gunicorn"), "--bind", f"127.0.0.1:{running.port}"]
    env = environment(settings, WEB_CONCURRENCY="1", WEB_THREADS="2", LOG_LEVEL="INFO")
    with running.log.open("wb") as log:
        process = subprocess.Popen(
            [*command, "app:create_app()"], cwd=ROOT, env=env, stderr=log, stdout=log
        )
    wait_until(running.answers, "gunicorn answers")
    yield running
    process.terminate()
    process.wait()


@pytest.fixture
def key(headers, tenant) -> dict[str, str]:
    insert_records(numbered_records(RECORDS, ID_SIZE))
    return headers("viewer")


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_a_file_comes_whole(web, key, accept):
    with web.asked({**key, "Accept": accept}) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.read().count(b"\n") == RECORDS + (accept == CSV)


def test_a_head_request_is_answered_without_a_body(web, key):
    with web.asked({**key, "Accept": CSV}, "HEAD") as answer:
        assert (answer.status, answer.read()) == (200, b"")
        assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_a_file_that_breaks_off_does_not_look_whole_and_logs_one_event(web, key, accept):
    wanted = {**key, "Accept": accept, "X-Request-Id": "the-file"}
    with web.asked(wanted) as answer:
        assert answer.status == 200 and answer.read(10)
        with unreadable_records(), pytest.raises(IncompleteRead):
            while answer.read(65_536):
                pass
    (line,) = [line for line in web.log.read_text().splitlines() if "broken_off" in line]
    event = json.loads(line)
    assert (event["event"], event["request"]) == ("file.broken_off", "the-file")
    log = web.log.read_text()
    assert not [word for word in ("Traceback", "SELECT", "clv_record", "xxx") if word in log]
    # Its thread is free again, and so is the only seat for files.
    wait_until(lambda: web.status(wanted) == 200, "the next file is sent")


def test_a_reader_that_goes_away_leaves_nothing_behind(web, key):
    wanted = {**key, "Accept": CSV}
    for _ in range(3):
        with web.asked(wanted) as answer:
            assert answer.read(10)
        wait_until(lambda: web.status(wanted, "HEAD") == 200, "the seat is free")
    log = web.log.read_text()
    assert "Traceback" not in log and "broken_off" not in log


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_tells_by_its_exit_code_that_a_file_broke_off(web, key, tmp_path):
    # Held back by a slow pipe, so that records are still to be read when they can't be.
    command = ["curl", "-s", "-N", f"http://127.0.0.1:{web.port}{URL}", "-H", f"Accept: {CSV}"]
    command += ["-H", f"Authorization: {key['Authorization']}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        assert curl.stdout.read(10) == b"customerId"
        with unreadable_records():
            rest = curl.stdout.read()
            assert curl.wait() == 18
    assert rest.count(b"\n") < RECORDS
