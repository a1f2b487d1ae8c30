"""Requests whose body comes later: what is decided before it, and that both passes count as one."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clv import db
from clv.auth import keys
from clv.auth import tokens as tokens_
from clv.auth.principal import Role
from clv.services import customers
from clv.store import api_keys, tenants
from tests.api.web import Answer, Web, gunicorn, read
from tests.conftest import ON_ONE_DATABASE, empty_tables, wait_until

FILE, PREVIEW = "/api/v1/transactions", "/api/v1/transactions/preview"
ROWS = "/api/v1/interaction-summaries"
CSV, JSON = "Content-Type: text/csv", "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
HEADER = b"customer_id,date,amount\n"
LATER = 9_000_000


@pytest.fixture(scope="module")
def tokens(settings) -> Iterator[dict[str, str]]:
    """A key of each role."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        tenant = tenants.create_tenant("twice")
        yield {role.name.lower(): keys.create_key(tenant, role) for role in Role}
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def log(workspace) -> Path:
    """Where the log goes."""
    return workspace / "two_passes.log"


@pytest.fixture(scope="module")
def web(settings, log, tokens) -> Iterator[Web]:
    """A web process with a rate limit, which takes files of up to 16 MiB."""
    with gunicorn(settings, log, RATE_LIMIT="1000/hour", MAX_UPLOAD_MB="16") as running:
        yield running


def head(method: str, path: str, token: str, *lines: str, length: int | None = LATER) -> bytes:
    """A head that announces a body of this length, or one in chunks."""
    known = [f"{method} {path} HTTP/1.1", "Host: x", *lines]
    if token:
        known.append(f"Authorization: Bearer {token}")
    known.append(
        f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    )
    return "\r\n".join((*known, "", "")).encode()


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def transactions(rows: int, customer: str = "c") -> bytes:
    """A file of so many customers."""
    return HEADER + b"".join(f"{customer}{n:06},2026-04-30,1.5\n".encode() for n in range(rows))


def answer_to(connection: socket.socket, method: str = "PUT") -> Answer:
    """The next response, which must come."""
    answer = read(connection, method)
    assert answer is not None
    return answer


def is_known(web: Web, tokens: dict[str, str], customer: str) -> bool:
    """Whether the tenant has this customer."""
    path = f"/api/v1/customers/{customer}/clv"
    return web.get(path, Authorization=f"Bearer {tokens['admin']}").status == 200


@ON_ONE_DATABASE
@pytest.mark.parametrize("length", [LATER, None, 5], ids=["long", "chunked", "short, asking"])
@pytest.mark.parametrize(
    ("status", "method", "path", "key", "lines"),
    [
        (401, "PUT", FILE, "wrong", [CSV]),
        (403, "PUT", FILE, "viewer", [CSV]),
        (403, "PUT", FILE, "admin", [CSV, "X-Tenant-Id: other"]),
        (415, "PUT", FILE, "admin", ["Content-Type: image/png"]),
        (415, "POST", ROWS, "admin", ["Content-Type: text/plain"]),
        (400, "PUT", FILE + "?unknown=1", "admin", [CSV]),
        (404, "PUT", "/nowhere", "admin", [CSV]),
        (403, "POST", "/sign-in", "", [FORM, "Origin: http://x"]),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_a_refusal_does_not_wait_for_the_body(
    web, tokens, length, status, method, path, key, lines
):
    asks = ["Expect: 100-continue"] if length == 5 else []
    begun = head(method, path, tokens.get(key, key), *lines, *asks, length=length)
    with web.connect(begun) as connection:
        assert answer_to(connection, method).status == status


@ON_ONE_DATABASE
def test_a_form_of_another_origin_is_refused_before_it_is_read(web):
    cookie = web.get("/sign-in").headers["Set-Cookie"].partition(";")[0]
    lines = (FORM, f"Cookie: {cookie}")
    with web.connect(
        head("POST", "/sign-in", "", *lines, "Origin: http://evil.example", length=None)
    ) as connection:
        assert answer_to(connection, "POST").status == 403
    with web.connect(head("POST", "/sign-in", "", *lines, "Origin: http://x")) as connection:
        assert answer_to(connection, "POST").status == 413, "it is too long for a form"
    own = head("POST", "/sign-in", "", *lines, "Origin: http://x", length=None)
    with web.connect(own + chunk(b"key=" + b"x" * 70_000)) as connection:
        answer = answer_to(connection, "POST")
    assert answer.status == 413 and b"65,536" in answer.body


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("path", "kind", "limit"), [(FILE, CSV, 16 * 2**20), (ROWS, JSON, 4 * 2**20)]
)
def test_a_body_that_is_too_large_is_refused_by_a_413_that_names_the_limit(
    web, tokens, path, kind, limit
):
    method = "PUT" if path == FILE else "POST"
    with web.connect(head(method, path, tokens["admin"], kind, length=limit + 1)) as connection:
        announced = answer_to(connection, method)
    begun = head(method, path, tokens["admin"], kind, length=None)
    in_chunks = web.send(begun + chunk(b" " * 65_536) * (limit // 65_536) + chunk(b" "))
    for answer in (announced, in_chunks):
        assert answer.status == 413 and f"{limit:,}" in json.loads(answer.body)["message"]


@ON_ONE_DATABASE
def test_whoever_asks_is_told_to_continue_once_it_is_clear_that_the_body_is_wanted(web, tokens):
    body = transactions(1, "asked")
    begun = head("PUT", FILE, tokens["admin"], CSV, "Expect: 100-continue", length=len(body))
    with web.connect(begun) as connection:
        expected = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert connection.recv(len(expected), socket.MSG_WAITALL) == expected
        connection.sendall(body)
        assert answer_to(connection).status == 200, "and not asked for again"
    # It was there already.
    with web.connect(begun + body) as connection:
        assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"


@ON_ONE_DATABASE
def test_both_passes_count_as_one_request(web, tokens, log):
    def left(answer: Answer) -> int:
        return int(answer.headers["RateLimit"].partition(";r=")[2].partition(";")[0])

    key = {"Authorization": f"Bearer {tokens['editor']}"}
    before = left(web.get("/api/v1/settings", **key))
    with web.connect(head("PUT", FILE, tokens["editor"], CSV, length=None)) as connection:
        # The first pass has ended when the client is told nothing.
        connection.sendall(chunk(HEADER))
        connection.sendall(chunk(b"once,2026-04-30,1\n") + chunk(b""))
        answer = answer_to(connection)
    assert answer.status == 200 and left(answer) == before - 1
    assert left(web.get("/api/v1/settings", **key)) == before - 2
    request = answer.headers["X-Request-Id"]
    lines = [json.loads(line) for line in log.read_text().splitlines() if request in line]
    assert [line["status"] for line in lines if line["event"] == "request"] == [200]


@ON_ONE_DATABASE
def test_the_use_of_a_key_is_noted_though_its_first_request_had_two_passes(web, tokens):
    with db.scope():
        fresh = keys.create_key(tenants.tenant_by_name("twice"), Role.EDITOR)
    with web.connect(head("PUT", FILE, fresh, CSV, length=None)) as connection:
        connection.sendall(chunk(transactions(1)) + chunk(b""))
        assert answer_to(connection).status == 200
    public = tokens_.public_part(fresh)

    def is_noted() -> bool:
        with db.scope():
            return api_keys.find_key(public).key.last_used_ms is not None

    wait_until(is_noted, "the use is noted")


@ON_ONE_DATABASE
@pytest.mark.parametrize("rows", [3, 50_000], ids=["small", "large"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
def test_connections_are_kept_and_the_next_request_begins_behind_the_body(
    web, tokens, rows, is_chunked
):
    body = transactions(rows)
    framed = body
    if is_chunked:
        pieces = (body[at : at + 5_000] for at in range(0, len(body), 5_000))
        framed = b"".join(map(chunk, pieces)) + chunk(b"")
    upload = head("PUT", FILE, tokens["admin"], CSV, length=None if is_chunked else len(body))
    following = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with web.connect() as connection:
        connection.sendall(upload + framed + following + upload + framed + following)
        received = b""
        while not received.endswith(b"}\n") or received.count(b"HTTP/1.1 ") < 4:
            received += connection.recv(65_536)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200"] * 4
    assert re.findall(rb'"received":(\d+)', received) == [str(rows).encode()] * 2


@ON_ONE_DATABASE
def test_a_body_may_come_byte_by_byte(web, tokens):
    body = chunk(HEADER) + chunk(b"byte,2026-04-30,1\n")[:-2] + b"\r\n0;a=b\r\nX-Trailer: c\r\n\r\n"
    with web.connect(head("PUT", FILE, tokens["admin"], CSV, length=None)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in body:
            connection.send(bytes([byte]))
        assert json.loads(answer_to(connection).body)["received"] == 1
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_to(connection, "GET").status == 200


@ON_ONE_DATABASE
@pytest.mark.parametrize("end", ["closed", "half closed", "malformed"])
def test_a_body_that_breaks_off_is_a_400_of_which_nothing_is_kept(web, tokens, log, end):
    customer = end.replace(" ", "-")
    connection = web.connect(head("PUT", FILE, tokens["admin"], CSV, "X-Request-Id: " + customer))
    connection.sendall(transactions(10_000, customer))
    if end == "malformed":
        connection.close()
        connection = web.connect(
            head("PUT", FILE, tokens["admin"], CSV, "X-Request-Id: " + customer, length=None)
        )
        connection.sendall(chunk(transactions(1, customer)) + b"zz\r\n")
    elif end == "half closed":
        connection.shutdown(socket.SHUT_WR)
    if end != "closed":
        assert "broke off" in json.loads(answer_to(connection).body)["message"]
    connection.close()
    wait_until(lambda: '"' + customer + '"' in log.read_text(), "the request has ended")
    assert not is_known(web, tokens, customer + "000000")


@ON_ONE_DATABASE
def test_a_preview_of_the_first_part_takes_no_more_than_that(web, tokens):
    line = b"a,2026-04-30,1," + b"x" * 1_000 + b"\n"
    begun = head("POST", PREVIEW + "?partial=true", tokens["admin"], CSV, length=10**12)
    with web.connect(begun + b"customer_id,date,amount,note\n") as connection:
        for _ in range(70):
            connection.sendall(line * 1_030)
        assert 64_000 < json.loads(answer_to(connection, "POST").body)["rows"] < 68_000


@ON_ONE_DATABASE
@pytest.mark.parametrize("signal_", [signal.SIGHUP, signal.SIGTERM], ids=["reload", "stop"])
def test_a_body_that_is_under_way_survives_a_reload_and_a_stop(settings, tokens, signal_):
    body = transactions(20_000, "late")
    with gunicorn(settings) as running:
        before = running.workers
        with running.connect(
            head("PUT", FILE, tokens["admin"], CSV, length=len(body))
        ) as connection:
            connection.sendall(body[:100_000])
            # It is in its second stage: the first pass was refused nothing.
            connection.settimeout(1)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(60)
            os.kill(running.process.pid, signal_)
            if signal_ == signal.SIGHUP:
                wait_until(lambda: set(running.workers) - set(before), "a new worker")
            connection.sendall(body[100_000:])
            answer = answer_to(connection)
    assert answer.status == 200 and json.loads(answer.body)["received"] == 20_000


def of_two(path: str, kind: str, *names: str) -> bytes:
    """A body with something of these customers."""
    if path == FILE:
        return HEADER + b"".join(f"{name},2026-04-30,1.5\n".encode() for name in names)
    fields = ("customerId", "periodType", "periodKey", "converts", "lastContactAt")
    rows = [(name, "daily", "2026-04-29", 1, "2026-04-29T09:00:00Z") for name in names]
    if kind == CSV:
        return "\n".join(",".join(map(str, row)) for row in (fields, *rows)).encode()
    return json.dumps({"data": [dict(zip(fields, row, strict=True)) for row in rows]}).encode()


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [("PUT", FILE, CSV), ("PUT", ROWS, CSV), ("POST", ROWS, JSON)],
    ids=["transactions", "summaries", "rows"],
)
def test_who_is_erased_while_a_body_comes_does_not_come_in_with_it(web, tokens, method, path, kind):
    stays, goes = (f"{name}-{method}-{path[-3:]}" for name in ("stays", "goes"))
    body = of_two(path, kind, stays, goes)
    begun = head(method, path, tokens["admin"], kind, "Expect: 100-continue", length=len(body))
    assert (
        web.send(head(method, path, tokens["admin"], kind, length=len(body)) + body).status == 200
    )
    assert is_known(web, tokens, goes)
    with web.connect(begun) as connection:
        # The body is awaited from now on.
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100")
        with db.scope():
            customers.erase_customer(tenants.tenant_by_name("twice"), goes)
        connection.sendall(body)
        assert answer_to(connection, method).status == 200
    assert is_known(web, tokens, stays) and not is_known(web, tokens, goes)
