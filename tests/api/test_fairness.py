"""One tenant's slow requests leave threads, seats and temporary disk to the others."""

import io
import json
import select
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.budgets import MAX_WAITING
from clv.config import Settings
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.store import runs, tenants
from clv.store.runs import Run
from clv.store.tenants import Tenant
from tests.api.slow_requests import (
    ATTACKS,
    RECORDS,
    SIMULATE,
    TRANSACTIONS,
    Sender,
    connection,
)
from tests.api.support import insert, numbered_records, row
from tests.api.web import Answer, Web, gunicorn, read
from tests.conftest import EVENT_SECONDS, ON_ONE_DATABASE, empty_tables, wait_until

# So many that a simulation takes a while, and the file of them more than what sockets hold.
CUSTOMERS = 20_000
SETTINGS, CLV = "/api/v1/settings", "/api/v1/customers/ann/clv"
FILE = b"customer_id,date,amount\nann,2026-04-30,42.50\nbob,2026-05-01,7\n"


@pytest.fixture(scope="module")
def tokens(settings) -> Iterator[dict[str, str]]:
    """A viewer's and an editor's key of a tenant with many customers, and an editor's of another
    with few."""
    db.configure(settings)
    with db.scope():
        empty_tables()
        busy, quiet = tenants.create_tenant("busy"), tenants.create_tenant("quiet")
        _fill(busy)
        yield {
            "viewer": keys.create_key(busy, Role.VIEWER),
            "editor": keys.create_key(busy, Role.EDITOR),
            "other": keys.create_key(quiet, Role.EDITOR),
        }
    db.release()
    db.database.close_all()


@pytest.fixture(scope="module")
def web(settings, tokens) -> Iterator[Web]:
    """Two web processes as they are by default."""
    with gunicorn(settings, WEB_CONCURRENCY="2", WEB_THREADS="7") as running:
        yield running


@pytest.fixture
def other(web, tokens) -> Sender:
    """The tenant who must be served."""
    sender = Sender(web.port, tokens["other"])
    assert _loaded(sender).status == 200
    assert sender.send("GET", CLV).status == 200
    return sender


@ON_ONE_DATABASE
@pytest.mark.parametrize("attack", ["uploads", "downloads", "simulations"])
def test_slow_requests_of_one_tenant_leave_room_for_another(web, tokens, other, attack):
    attacker = Sender(web.port, tokens["editor" if attack == "uploads" else "viewer"])
    with ATTACKS[attack](attacker) as statuses:
        for _ in range(3):
            served = [
                _loaded(other),
                other.send("POST", SIMULATE),
                other.send("GET", RECORDS, Accept="text/csv"),
                other.send("GET", CLV),
                other.send("GET", "/healthz"),
            ]
            assert [answer.status for answer in served] == [200] * len(served)
    assert set(statuses) <= {200, 503}


@ON_ONE_DATABASE
def test_who_fills_the_temporary_disk_is_refused_and_others_are_not(settings, tokens):
    with gunicorn(settings, TEMP_DISK_MB="4") as web:
        busy, quiet = Sender(web.port, tokens["editor"]), Sender(web.port, tokens["other"])
        part = _part_of_a_file(busy, 1_400_000)
        with web.connect(part) as one, web.connect(part) as another, web.connect(part) as third:
            answered, _, _ = select.select([one, another, third], [], [], EVENT_SECONDS)
            refused = read(answered[0], "PUT")
            assert refused is not None and refused.status == 503
            assert refused.headers["Retry-After"]
            assert "Your tenant's requests hold all the temporary disk" in refused.body.decode()
            larger = FILE + b"".join(b"c%06d,2026-05-01,7\n" % n for n in range(4_000))
            assert _loaded(quiet, larger).status == 200
        # They have broken off, and all is free again: this takes nearly all of the share.
        wait_until(lambda: _loaded(busy, b"\0" * 2_900_000).status == 400, "it is given back")


@ON_ONE_DATABASE
def test_a_file_that_was_received_waits_for_its_seat_and_holds_no_thread(settings, tokens):
    with gunicorn(settings, WEB_THREADS="3") as web:
        viewer, editor = Sender(web.port, tokens["viewer"]), Sender(web.port, tokens["editor"])
        run, answers = _queued_run(settings), []
        with ThreadPoolExecutor(1) as pool, _seat_taken(viewer, run):
            upload = pool.submit(_loaded, editor)
            for _ in range(10):
                # By the second of three threads; the third is for others.
                assert viewer.send("GET", SETTINGS).status == 200
                answers.append(upload.done())
            _end(run)
            assert upload.result().status == 200
        assert not any(answers)


@ON_ONE_DATABASE
def test_a_file_that_finds_no_seat_in_time_is_refused(settings, tokens):
    with gunicorn(settings, WEB_THREADS="3") as web:
        viewer, editor = Sender(web.port, tokens["viewer"]), Sender(web.port, tokens["editor"])
        run = _queued_run(settings)
        with _seat_taken(viewer, run):
            refused = _loaded(editor)
            _end(run)
    assert refused.status == 503 and refused.headers["Retry-After"]
    assert "Your tenant" in refused.body.decode()


@ON_ONE_DATABASE
def test_of_a_tenants_waiting_requests_those_beyond_two_hundred_are_refused(settings, tokens):
    # Behind a proxy, one address may have many connections.
    with gunicorn(settings, WEB_THREADS="3", TRUSTED_PROXIES="1") as web, ExitStack() as stack:
        busy, quiet = Sender(web.port, tokens["editor"]), Sender(web.port, tokens["other"])
        assert busy.send("GET", SETTINGS).status == quiet.send("GET", SETTINGS).status == 200
        with _locked():
            # All of its threads; the third is for others.
            for _ in range(2):
                stack.enter_context(web.connect(_write(busy)))
            line = [
                stack.enter_context(web.connect(busy.head("GET", SETTINGS, "Connection: close")))
                for _ in range(MAX_WAITING + 3)
            ]
            assert quiet.send("GET", SETTINGS).status == 200
        statuses = Counter(answer.status for answer in map(read, line) if answer)
    assert set(statuses) == {200, 503}
    assert MAX_WAITING <= statuses[200] and 1 <= statuses[503] <= 3


def _loaded(sender: Sender, file: bytes = FILE) -> Answer:
    return sender.send("PUT", TRANSACTIONS, file, Content_Type="text/csv")


def _part_of_a_file(sender: Sender, size: int) -> bytes:
    """A request whose body lacks its end."""
    lines = ("Content-Type: text/csv", f"Content-Length: {size + 1_000_000}")
    return sender.head("PUT", TRANSACTIONS, *lines) + b"x" * size


def _queued_run(settings: Settings) -> Run:
    """A run that nobody works on."""
    with db.scope():
        owner = tenants.tenant_by_name("busy")
        run, _ = runs.join_or_create(owner.id, None, "test", settings.run_deadline_ms)
    return run


@contextmanager
def _seat_taken(sender: Sender, run: Run) -> Iterator[None]:
    """A request waits for a run, on the only seat."""
    head = sender.head("GET", f"/api/v1/clv/jobs/{run.job_id}?wait=25")
    with ExitStack() as waiting:

        def is_taken() -> bool:
            # A wait that finds the seat taken by the simulation is answered at once.
            waiting.enter_context(connection(sender, head))
            time.sleep(0.5)
            return sender.send("POST", SIMULATE).status == 503

        wait_until(is_taken, "the seat is taken")
        yield


def _end(run: Run) -> None:
    with db.scope():
        runs.close(run.id, "cancelled", "for the test")


def _write(sender: Sender) -> bytes:
    """A request that has to wait while nobody can write."""
    body = json.dumps({"data": [row("ann", 1)]}).encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return sender.head("POST", "/api/v1/interaction-summaries", *lines) + body


@contextmanager
def _locked() -> Iterator[None]:
    """Nobody can write meanwhile."""
    with db.scope(), db.transaction():
        db.execute("UPDATE tenant SET name = name")
        yield


def _fill(tenant: Tenant) -> None:
    """Give a tenant customers, and records of them."""
    lines = (f"c{number:06},2026-04-30,{number % 97}.5" for number in range(CUSTOMERS))
    text = "\n".join(("customer_id,date,amount", *lines))
    loading.load_transactions(tenant, File(io.BytesIO(text.encode())), Choices(), Options())
    records = [one | {"tenant_id": tenant.id} for one in numbered_records(CUSTOMERS, 100)]
    insert("clv_record", ", ".join(records[0]), [list(one.values()) for one in records])
