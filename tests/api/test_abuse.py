"""Requests that no honest client sends, as bytes to a real gunicorn: each is answered, with the
status that says what is wrong, and the service goes on."""

import json
from collections.abc import Iterator

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.http.headers import HEADERS
from clv.store import tenants
from tests.api.abuses.bodies import BODIES
from tests.api.abuses.forms import FORMS
from tests.api.abuses.framing import FRAMING
from tests.api.abuses.heads import HEADS
from tests.api.abuses.requests import CLV, MARK, rows
from tests.api.support import row
from tests.api.web import Answer, Web, gunicorn
from tests.conftest import empty_tables

ABUSES = [*BODIES, *FRAMING, *HEADS, *FORMS]


@pytest.fixture(scope="module")
def web(settings) -> Iterator[Web]:
    """A real gunicorn with the tenant ``abused`` that has the customer ``a``."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        tenant = tenants.create_tenant("abused")
        token = keys.create_key(tenant, Role.ADMIN)
    with gunicorn(settings, MAX_INFLATED_MB="1", COMPUTE_WAIT_SECONDS="0") as running:
        running.token = token
        sent = running.send(
            rows(json.dumps({"data": [row("a", 1)]})).replace(b"@KEY@", token.encode())
        )
        assert sent.status == 200
        yield running
    db.release()
    db.database.close_all()


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: ascii(abuse.name))
def test_each_abuse_has_its_answer_and_the_service_goes_on(web, abuse):
    answer = web.send(abuse.request.replace(b"@KEY@", web.token.encode()), abuse.end)
    assert (answer.status if answer else 0) in abuse.statuses, answer
    if answer:
        assert_is_sound(answer, is_page=b" /sign-in" in abuse.request[:20])
    # With the connection of its own that each request has here, and the record still there.
    normal = web.get(CLV, Authorization=f"Bearer {web.token}", X_Request_Id="sane")
    assert normal.status == 200 and json.loads(normal.body)["customerId"] == "a"
    assert normal.headers["X-Request-Id"] == "sane"


def assert_is_sound(answer: Answer, is_page: bool = False) -> None:
    """Whatever the request was, its response is ours in form and shows nothing of it."""
    assert answer.headers["X-Request-Id"] and len(answer.headers["X-Request-Id"]) <= 128
    for name in HEADERS:
        assert len(answer.headers.get_all(name)) == 1, name
    # Only the pages set one, which is their own.
    for cookie in answer.headers.get_all("Set-Cookie") or ():
        assert cookie.startswith("clv=") and "HttpOnly" in cookie
    shown = answer.body.decode() + str(answer.headers)
    assert MARK not in shown and "Traceback" not in shown and "smuggled" not in shown
    if answer.status >= 400 and is_page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    elif answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/json"
        body = json.loads(answer.body)
        assert list(body)[:3] == ["code", "status", "message"] and body["message"]
        assert set(body) <= {"code", "status", "message", "errors"}
        assert body["code"] == answer.status
    if answer.status == 405:
        assert answer.headers["Allow"]


def test_the_table_is_long_and_each_row_has_its_own_name():
    names = [abuse.name for abuse in ABUSES]
    assert len(names) >= 60 and len(set(names)) == len(names)
