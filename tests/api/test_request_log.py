"""The log of requests, as a real gunicorn writes it: a line of JSON each, with nothing private."""

import json
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from clv import db, logs
from clv.auth import keys, tokens
from clv.auth.principal import Role
from clv.http.server.worker import Worker
from clv.store import tenants
from tests.api.support import row, unreadable_records
from tests.api.web import Web, gunicorn
from tests.conftest import empty_tables, wait_until

CLV = "/api/v1/customers/<customerId>/clv"
ROWS = "/api/v1/interaction-summaries"
FIELDS = "time level event request client tenant key method route status ms".split()
# In ids, queries, headers and bodies; must be nowhere in the log.
PRIVATE = "pr1vate"
THREADS, REQUESTS = 6, 40


@pytest.fixture(scope="module")
def token(settings) -> Iterator[str]:
    """An admin's key of a fresh tenant."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        yield keys.create_key(tenants.create_tenant("logged"), Role.ADMIN)
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def log(workspace, settings) -> Path:
    """Where the log goes."""
    return workspace / "web.log"


@pytest.fixture(scope="module")
def web(settings, log) -> Iterator[Web]:
    """A real gunicorn of two processes."""
    with gunicorn(settings, log, WEB_CONCURRENCY="2", METRICS_TOKEN=PRIVATE * 3) as running:
        yield running


def lines(log: Path, event: str = "request") -> list[dict]:
    """All lines of the log are JSON; those of this event."""
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in found if line["event"] == event]


def line_of(log: Path, request_id: str) -> dict:
    """The one line of this request."""
    wait_until(lambda: request_id in log.read_text(), "the line is written")
    (found,) = [line for line in lines(log) if line["request"] == request_id]
    return found


def post(path: str, token: str, body: bytes, kind: str = "application/json") -> bytes:
    """A POST with this body."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def test_a_line_names_the_rule_and_the_key_and_no_customer(web, log, token):
    answer = web.get(
        f"/api/v1/customers/{PRIVATE}/clv?q={PRIVATE}", Authorization=f"Bearer {token}"
    )
    line = line_of(log, answer.headers["X-Request-Id"])
    assert list(line) == FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    assert (line["level"], line["tenant"], line["client"]) == ("info", "logged", "127.0.0.1")
    assert line["key"] == tokens.public_part(token)
    assert (line["method"], line["route"], line["status"]) == ("GET", CLV, 404)
    assert 0 < line["ms"] < 60_000


def test_who_has_no_key_has_no_name(web, log):
    answer = web.get(f"/api/v1/customers/{PRIVATE}/clv", X_Request_Id="my-own-id")
    assert answer.status == 401
    line = line_of(log, "my-own-id")
    assert (line["tenant"], line["key"], line["status"]) == ("", "", 401)


def test_what_has_no_route_is_other(web, log):
    for path in (f"/{PRIVATE}", f"//{PRIVATE}", f"/api/v1/customers/{PRIVATE}/{PRIVATE}/clv"):
        answer = web.get(path)
        line = line_of(log, answer.headers["X-Request-Id"])
        assert (line["route"], line["status"]) == ("other", 404)


def test_a_file_is_logged_once_when_it_was_sent(web, log, token):
    answer = web.get("/api/v1/clv/records", Authorization=f"Bearer {token}", Accept="text/csv")
    assert answer.status == 200
    line = line_of(log, answer.headers["X-Request-Id"])
    assert (line["route"], line["status"]) == ("/api/v1/clv/records", 200)


def test_nothing_private_is_logged_whatever_is_sent_and_whatever_fails(web, log, token):
    secret = token.rpartition("_")[2]
    private = json.dumps({"data": [row(PRIVATE, 1), {**row(PRIVATE, 1), PRIVATE: PRIVATE}]})
    bodies = [private, json.dumps({"data": [row(PRIVATE, 1)]}), f'{{"{PRIVATE}', f'"{PRIVATE}"']

    def send() -> None:
        for n in range(REQUESTS):
            key = token if n % 3 else token.replace(secret, secret[::-1])
            web.send(post(f"{ROWS}?x={PRIVATE}", key, bodies[n % len(bodies)].encode()))
            web.send(post(ROWS, key, bodies[n % len(bodies)].encode()))
            web.send(post("/api/v1/transactions", key, PRIVATE.encode(), f"text/{PRIVATE}"))
            web.get(f"/api/v1/customers/{PRIVATE}{n}/clv", Authorization=f"Bearer {key}")
            web.get(f"/api/v1/clv/records?customerId={PRIVATE}", Authorization=f"Bearer {key}")
            web.get(f"/metrics?{PRIVATE}", Authorization=f"Bearer {PRIVATE}")
            web.send(f"GET /{PRIVATE} HTTP/{PRIVATE}\r\n{PRIVATE}\r\n\r\n".encode())
            web.send(f"{PRIVATE} / HTTP/1.1\r\nX-Bad {PRIVATE}\r\n\r\n".encode())

    def all_send() -> None:
        threads = [threading.Thread(target=send) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    before = len(lines(log))
    all_send()
    with unreadable_records():
        answer = web.get(f"/api/v1/customers/{PRIVATE}/clv", Authorization=f"Bearer {token}")
        assert answer.status in (500, 503)
        assert web.get("/api/v1/clv/records", Authorization=f"Bearer {token}").status >= 500
    wait_until(lambda: lines(log, "request.failed"), "the failure is logged")
    text = log.read_text()
    assert PRIVATE not in text and secret not in text
    # The cause may name the table that is missing, but not the statement.
    for word in ("Traceback", "SELECT", "FROM", "Bearer", "periodKey"):
        assert word not in text
    # What is no HTTP has a line of its own.
    assert len(lines(log)) - before == THREADS * REQUESTS * 6 + 2
    assert len(lines(log, "request.refused")) == THREADS * REQUESTS * 2


@pytest.fixture
def logging_at() -> Iterator[Callable[[str], None]]:
    """Log from this level on, as a web process does, until the test ends."""
    root, ours = logging.getLogger(), logging.getLogger("clv")
    before = root.level, root.handlers[:], ours.level
    # Pytest's handlers must survive: setting up closes those that it replaces.
    root.handlers[:] = []
    yield logs.set_up
    root.level, root.handlers[:] = before[:2]
    ours.setLevel(before[2])


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("INFO", 1), ("WARNING", 0)])
def test_requests_are_logged_up_to_the_level_info(app, logging_at, capfd, level, count):
    logging_at(level)
    assert app.test_client().get("/healthz").status_code == 200
    assert capfd.readouterr().err.count('"route": "/healthz"') == count


@pytest.mark.parametrize(
    ("proxies", "headers", "client"),
    [
        (0, {}, "203.0.113.9"),
        (0, {"X-Forwarded-For": "198.51.100.7"}, "203.0.113.9"),
        (1, {"X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"),
        (1, {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}, "198.51.100.7"),
        (2, {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}, "192.0.2.1"),
        (1, {"X-Forwarded-For": "2001:DB8::7"}, "2001:db8::7"),
        (1, {"X-Forwarded-For": "fe80::7%eth0"}, "fe80::7"),
        (1, {"X-Forwarded-For": 'fe80::7%", "event": "forged'}, "fe80::7"),
        (1, {"X-Forwarded-For": '", "event": "forged'}, ""),
        (1, {"X-Forwarded-For": PRIVATE}, ""),
    ],
)
def test_the_clients_address_is_logged_as_the_trusted_proxies_say(
    app, settings, logging_at, capfd, proxies, headers, client
):
    application = create_app(replace(settings, trusted_proxies=proxies))
    logging_at("INFO")
    environ = {"REMOTE_ADDR": "203.0.113.9"}
    application.test_client().get("/healthz", headers=headers, environ_base=environ)
    logged = json.loads(capfd.readouterr().err)
    assert (logged["event"], logged["client"]) == ("request", client)


def test_a_reader_that_has_gone_fails_no_request(app, logging_at, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(logs, "_STANDARD_ERROR", writer)
    logging_at("INFO")
    assert app.test_client().get("/healthz").status_code == 200
    os.close(writer)


def test_an_error_outside_the_application_is_answered_and_shows_nothing(app, logging_at, capfd):
    worker = Worker.__new__(Worker)
    worker.wsgi = app
    logging_at("INFO")
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        worker.handle_error(None, ours, None, ValueError(PRIVATE))
        answer = theirs.recv(65_536).decode()
    shown = capfd.readouterr().err
    assert answer.startswith("HTTP/1.1 500 ") and PRIVATE not in answer + shown
    logged = json.loads(shown)
    assert logged["event"] == "request.failed" and logged["request"] in answer
