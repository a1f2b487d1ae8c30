"""Files of records as gunicorn sends them."""

import json
import os
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
from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.config import ROOT
from clv.store import tenants
from tests.api.support import insert_records, numbered_records, unreadable_records
from tests.conftest import empty_tables, environment, free_port, wait_until

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
        """The answer, as soon as the only seat for files is free."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            answers: list[HTTPResponse] = []

            def is_served() -> bool:
                connection.request(method, URL, headers=headers)
                answers.append(connection.getresponse())
                return answers[-1].status != 503 or not answers[-1].read()

            wait_until(is_served, "the seat is free")
            with answers[-1] as answer:
                yield answer

    def status(self, headers: dict[str, str], method: str = "GET") -> int:
        with self.asked(headers, method) as answer:
            return answer.status

    def lines(self) -> list[str]:
        """What it has logged in this test."""
        return self.log.read_text().splitlines()

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture(scope="module")
def key(settings) -> Iterator[dict[str, str]]:
    """The key of a viewer of many records, which no test changes."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        token = create_key(tenants.create_tenant("acme"), Role.VIEWER)
        insert_records(numbered_records(RECORDS, ID_SIZE))
    yield {"Authorization": f"Bearer {token}"}
    db.database.close_all()


@pytest.fixture(scope="module")
def running(settings, workspace) -> Iterator[Web]:
    """The web process as it is deployed, with one thread for files."""
    web = Web(free_port(), workspace / "web.log")
    command = [str(launch.BIN / "gunicorn"), "--bind", f"127.0.0.1:{web.port}"]
    env = environment(settings, WEB_CONCURRENCY="1", WEB_THREADS="2", LOG_LEVEL="INFO")
    with web.log.open("ab") as log:
        process = subprocess.Popen(
            [*command, "app:create_app()"], cwd=ROOT, env=env, stderr=log, stdout=log
        )
    wait_until(web.answers, "gunicorn answers")
    yield web
    process.terminate()
    process.wait()


@pytest.fixture
def web(running) -> Web:
    """The web process, with an empty log."""
    os.truncate(running.log, 0)
    return running


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
    (line,) = [line for line in web.lines() if "broken_off" in line]
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
def test_curl_tells_by_its_exit_code_that_a_file_broke_off(web, key):
    # Held back by a slow pipe, so that records are still to be read when they can't be.
    command = ["curl", "-s", "-N", f"http://127.0.0.1:{web.port}{URL}", "-H", f"Accept: {CSV}"]
    command += ["-H", f"Authorization: {key['Authorization']}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        assert curl.stdout.read(10) == b"customerId"
        with unreadable_records():
            rest = curl.stdout.read()
            assert curl.wait() == 18
    assert rest.count(b"\n") < RECORDS
    wait_until(lambda: "broken_off" in web.log.read_text(), "the event, which is of this test")
