"""Three tenants that have something of everything, and thousands of requests with the ids of
another one: none of it shows in a status, a header or a body, and none of it changes.

The requests are made from the OpenAPI document, which has every endpoint of the URL map. What is
new in it, a parameter or a body, fails here until it has its row in the tables below.
"""

import base64
import hashlib
import json
import random
import re
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import pytest
from flask import request as flask_request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.auth.tokens import PUBLIC_LENGTH
from clv.db import models
from clv.domain.scoring import Scores
from clv.services import batch
from clv.services import customers as customers_service
from clv.store import records, runs, tenants
from tests.api.support import days_ago, poison, row

API = "/api/v1"
# With the writes below 10,000 requests, half of them a database.
READS, WRITES = 4_000, 1_000
# One in so many is sent again with ids that were never used, and must be answered alike.
TWINS = 4
CUSTOMERS = 12
# What a tenant is called, what its money is, and the first amount of its customers.
OWNERS = (
    ("zebrafinch", "NOK", 7_100_000),
    ("waxbill", "SEK", 7_400_000),
    ("mannikin", "CHF", 7_700_000),
)
OF_NO_TENANT = (models.RunTally, models.Secret)
# Another request gets another one of these, whatever it asks for.
CHANGING_HEADERS = ("X-Request-Id", "RateLimit")


@dataclass(frozen=True)
class Ids:
    """What requests name: of a tenant, or never used."""

    tenant: str
    customers: list[str]
    jobs: list[str]
    backtests: list[str]
    keys: list[str]
    labels: list[str]
    cursors: list[str]

    @property
    def in_order(self) -> list[str]:
        """All of them; the n-th of two tenants stand for each other."""
        lists = (self.customers, self.jobs, self.backtests, self.keys, self.labels)
        return [self.tenant, *chain.from_iterable(lists)]

    def unused(self) -> "Ids":
        """As many that nobody ever had, of the same length."""
        return Ids(
            f"nobody{'-' * len(self.tenant)}"[: len(self.tenant)].replace("--", "-x"),
            [f"{'never'.ljust(len(one) - 2, 'x')}{n:02}" for n, one in enumerate(self.customers)],
            [str(uuid.UUID(int=n + 2**100)) for n in range(len(self.jobs))],
            [str(uuid.UUID(int=n + 2**101)) for n in range(len(self.backtests))],
            [f"{n:0{PUBLIC_LENGTH}}" for n in range(len(self.keys))],
            [f"{'label'.ljust(len(one) - 2, 'x')}{n:02}" for n, one in enumerate(self.labels)],
            self.cursors,
        )


@dataclass
class Owner:
    """A tenant: its keys by role, its ids, and what else is nobody's but its own."""

    id: int
    tokens: dict[str, str]
    ids: Ids
    others: list[str]
    currency: str
    # The marks that its own writes have named, and that may be its own since.
    written: set[str] = field(default_factory=set)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What must not show to another tenant, besides the currency."""
        return (*self.ids.in_order, *self.others)

    @cached_property
    def money(self) -> re.Pattern[str]:
        """The currency. Its three letters also occur in random ones, so they must stand alone."""
        return re.compile(rf"(?<![A-Za-z0-9]){self.currency}(?![A-Za-z0-9])")

    def marks_in(self, text: str) -> set[str]:
        """What a text has of it. Five times as fast as one regular expression of all marks."""
        return {one for one in self.marks if one in text} | set(self.money.findall(text))


@dataclass(frozen=True)
class Sent:
    """A request, as the test client takes it."""

    method: str
    path: str
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """All that it says."""
        return f"{self.path} {self.options}"


class World:
    """The tenants, a client, and the operations of the document."""

    def __init__(self, app: Any) -> None:
        # A plain client: ten thousand comparisons with the document would take minutes.
        self.client = FlaskClient(app, TestResponse)
        self.app = app
        self.owners = [self._owner(*owner) for owner in OWNERS]
        self.document = self.client.get("/api/openapi.json").json

    @property
    def operations(self) -> dict[str, dict]:
        """The operations of the API by method and path."""
        return {
            f"{method.upper()} {path}": operation
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
            if path.startswith(API) and method != "parameters"
        }

    def send(self, token: str, request: Sent) -> TestResponse:
        """The answer to a request with this key."""
        headers = {**request.options["headers"], "Authorization": f"Bearer {token}"}
        options = {**request.options, "headers": headers}
        return self.client.open(request.path, method=request.method, **options)

    def digest(self, owner: Owner) -> str:
        """A digest of all rows of a tenant, in all tables."""
        found = hashlib.sha256()
        with db.scope():
            for table in models.TABLES:
                if table in OF_NO_TENANT:
                    continue
                for one in db.rows(*_rows_of(table, owner.id)):
                    values = [bytes(v) if isinstance(v, memoryview) else v for v in one]
                    found.update(repr(values).encode())
        return found.hexdigest()

    def _owner(self, name: str, currency: str, first_amount: int) -> Owner:
        with db.scope():
            tenant = tenants.create_tenant(name)
            tokens = {
                role.name.lower(): create_key(tenant, role, f"{name.upper()}-key") for role in Role
            }
        # Of other letters than the tenant's name: who names a customer does not name the tenant.
        customers = [f"{name[::-1]}-{n:02}" for n in range(CUSTOMERS)]
        labels = [f"{name.upper()}-{kind}" for kind in ("offer", "creative", "channel")]
        amounts = [first_amount + 3_333.37 + n * 101 for n in range(CUSTOMERS)]

        def send(method: str, path: str, **body: Any) -> Any:
            request = Sent(method, f"{API}/{path}", {"headers": {}, **body})
            answer = self.send(tokens["admin"], request)
            assert answer.status_code in (200, 202), answer.text
            return answer.json

        send("PUT", "settings", json={"currency": currency})
        rows = [
            row(customer, 3 * n, n + 1, amounts[n], **dict(zip(LABELS, labels, strict=True)))
            for n, customer in enumerate(customers)
        ]
        send("POST", "interaction-summaries", json={"data": rows})
        with db.scope():
            poison(customers[0])
        for _ in range(2):
            with db.scope():
                run = runs.join_or_create(tenant.id, None, f"key {name}", 10**9)[0]
                batch.work(
                    run.id, self.app.extensions["clv"].queue, self.app.extensions["clv"].settings
                )
            send("POST", "clv/backtests")
            _end_what_waits(tenant.id)
        jobs = [job["jobId"] for job in send("GET", "clv/jobs")["data"]]
        backtests = [one["backtestId"] for one in send("GET", "clv/backtests")["data"]]
        keys = [key["id"] for key in send("GET", "api-keys")["data"]]
        pages = [send("GET", f"{path}limit=1")["pagination"]["cursor"] for path in LISTS]
        cursors = [cursor for cursor in pages if cursor]
        ids = Ids(name, customers, jobs, backtests, keys, labels, cursors)
        # To date, and predicted: 24 months of what the shortest tenure, 6 months, brought.
        money = [f"{amount:.2f}" for one in amounts for amount in (one, 4 * one)]
        others = [*money, f"{sum(amounts[1:]):.2f}", f"{name.upper()}-key"]
        return Owner(tenant.id, tokens, ids, others, currency)


LABELS = ("offerId", "creativeId", "channelId")
LISTS = (
    "clv/jobs?",
    "clv/backtests?",
    "clv/records?",
    "clv/records?sort=-clvScore&",
    "clv/changes?",
    "clv/summary/history?",
)


def _end_what_waits(tenant_id: int) -> None:
    """End what a worker of other tests could come upon, and change."""
    with db.scope():
        for table in ("run", "backtest"):
            db.execute(
                f"UPDATE {table} SET status = 'cancelled' WHERE tenant_id = %s"
                " AND status IN ('queued', 'running')",
                (tenant_id,),
            )


def _rows_of(table: Any, tenant_id: int) -> tuple[str, tuple[int]]:
    name, columns = table._meta.table_name, {c.column_name for c in table._meta.sorted_fields}
    if table is models.Tenant:
        condition = "id = %s"
    elif "tenant_id" in columns:
        condition = "tenant_id = %s"
    else:
        condition = "run_id IN (SELECT id FROM run WHERE tenant_id = %s)"
    order = ", ".join(str(n + 1) for n in range(len(columns)))
    return f"SELECT {', '.join(sorted(columns))} FROM {name} WHERE {condition} ORDER BY {order}", (
        tenant_id,
    )


# How each query parameter is filled, from the ids that the request is about.
Fill = Callable[[random.Random, Ids], Any]
QUERY: dict[str, Fill] = {
    "amount": lambda rng, ids: "amount",
    "computedAfter": lambda rng, ids: days_ago(9),
    "computedBefore": lambda rng, ids: days_ago(0),
    "count": lambda rng, ids: rng.choice(["true", "false"]),
    "currency": lambda rng, ids: "",
    "cursor": lambda rng, ids: rng.choice(ids.cursors),
    "customer": lambda rng, ids: rng.choice(["customer_id", rng.choice(ids.customers)]),
    "customerId": lambda rng, ids: rng.choice(ids.customers),
    "channelId": lambda rng, ids: ids.labels[2],
    "dateOrder": lambda rng, ids: "ymd",
    "decimal": lambda rng, ids: ".",
    "delimiter": lambda rng, ids: "comma",
    "encoding": lambda rng, ids: "utf-8",
    "headerLine": lambda rng, ids: 1,
    "include": lambda rng, ids: "model",
    "keepStates": lambda rng, ids: "paid",
    "limit": lambda rng, ids: rng.choice([1, 3, 100]),
    "maxRecency": lambda rng, ids: 20,
    "maxScore": lambda rng, ids: 90,
    "minFrequency": lambda rng, ids: 1,
    "minRecency": lambda rng, ids: 0,
    "minRevenue": lambda rng, ids: 0,
    "minScore": lambda rng, ids: 0,
    "minTenureDays": lambda rng, ids: 0,
    "offerId": lambda rng, ids: ids.labels[0],
    "order": lambda rng, ids: "",
    "orderLines": lambda rng, ids: "sum",
    "partial": lambda rng, ids: rng.choice(["true", "false"]),
    "periodType": lambda rng, ids: "daily",
    "profile": lambda rng, ids: "",
    "quantity": lambda rng, ids: "",
    "rate": lambda rng, ids: "USD:0.92",
    "refund": lambda rng, ids: "",
    "replace": lambda rng, ids: rng.choice(["true", "false"]),
    "segment": lambda rng, ids: rng.choice(["high", "medium", "low", "at_risk"]),
    "since": lambda rng, ids: days_ago(9),
    "skipBadLines": lambda rng, ids: rng.choice(["true", "false"]),
    "sort": lambda rng, ids: rng.choice(["customerId", "-clvScore", "rfmRecency"]),
    "state": lambda rng, ids: "",
    "strict": lambda rng, ids: "true",
    "time": lambda rng, ids: "date",
    "timeZone": lambda rng, ids: "UTC",
    "to": lambda rng, ids: rng.choice(["high", "low"]),
    "wait": lambda rng, ids: 0,
}


def _rows(rng: random.Random, ids: Ids) -> list[dict]:
    labels = dict(zip(LABELS, ids.labels, strict=True))
    return [row(one, 2, 3, 4.5, **labels) for one in rng.sample(ids.customers[6:], 3)]


def _json(body: Fill) -> Fill:
    return lambda rng, ids: {"json": body(rng, ids)}


def _csv(rng: random.Random, ids: Ids) -> dict:
    lines = [f"{one},{days_ago(1)[:10]},1.5" for one in rng.sample(ids.customers[6:], 3)]
    return {"data": "\n".join(("customer_id,date,amount", *lines)), "content_type": "text/csv"}


def _ndjson(rng: random.Random, ids: Ids) -> dict:
    lines = (json.dumps(one) for one in _rows(rng, ids))
    return {"data": "\n".join(lines), "content_type": "application/x-ndjson"}


# How each body is filled. Paths name the first customers, bodies the others: who loads a customer
# of that name has one afterwards.
BODIES: dict[str, Fill] = {
    f"POST {API}/api-keys": _json(lambda rng, ids: {"role": "viewer", "label": "mine"}),
    f"POST {API}/clv/backtests": _json(lambda rng, ids: {"holdoutDays": rng.randint(20, 40)}),
    f"POST {API}/clv/compute": _json(lambda rng, ids: {"segment": rng.choice([None, "high"])}),
    f"POST {API}/clv/simulate": _json(lambda rng, ids: {"atRiskDays": rng.randint(1, 99)}),
    f"POST {API}/interaction-summaries": _json(lambda rng, ids: {"data": _rows(rng, ids)}),
    f"PUT {API}/interaction-summaries": _ndjson,
    f"PUT {API}/settings": _json(lambda rng, ids: {"atRiskDays": rng.randint(1, 99)}),
    f"POST {API}/transactions/preview": _csv,
    f"PUT {API}/transactions": _csv,
}
PATHS: dict[str, Fill] = {
    "backtestId": lambda rng, ids: rng.choice(ids.backtests),
    "customerId": lambda rng, ids: rng.choice(ids.customers[:6]),
    "jobId": lambda rng, ids: rng.choice(ids.jobs),
    "keyId": lambda rng, ids: rng.choice(ids.keys),
}
HEADERS: dict[str, Fill] = {
    "Cache-Control": lambda rng, ids: "max-age=0",
    "Prefer": lambda rng, ids: "respond-async",
    "X-Tenant-Id": lambda rng, ids: ids.tenant,
}


def request(name: str, operation: dict, ids: Ids, rng: random.Random) -> Sent:
    """A request to an operation that is about these ids; with the same random numbers about
    others, it is the same request."""
    method, path = name.split(" ")
    path = re.sub("{(.*?)}", lambda found: PATHS[found[1]](rng, ids), path)
    options: dict[str, Any] = {"headers": {}, "query_string": {}}
    for parameter in operation.get("parameters", []):
        of, place = parameter["name"], parameter["in"]
        if parameter.get("required") or rng.random() < (0.1 if of == "X-Tenant-Id" else 0.3):
            where, fill = (
                ("headers", HEADERS[of]) if place == "header" else ("query_string", QUERY[of])
            )
            options[where][of] = fill(rng, ids)
    if "requestBody" in operation:
        options |= BODIES[name](rng, ids)
    answers = next(a for code, a in operation["responses"].items() if code.startswith("2"))
    options["headers"]["Accept"] = rng.choice(list(answers.get("content", {"*/*": {}})))
    return Sent(method, path, options)


def walk(world: World, owners: list[Owner], names: list[str], count: int, seed: int) -> Counter:
    """Send so many requests of these owners, with the ids of the other tenants.

    :returns: how often each operation was answered by each status
    :raises AssertionError: when anything of another tenant shows
    """
    rng, operations, seen = random.Random(seed), world.operations, Counter()
    for number in range(count):
        owner = rng.choice(owners)
        victim = rng.choice([one for one in world.owners if one is not owner])
        token, name, state = rng.choice([*owner.tokens.values()]), rng.choice(names), rng.random()
        sent = request(name, operations[name], victim.ids, random.Random(state))
        answer = world.send(token, sent)
        seen[name, answer.status_code] += 1
        if not name.startswith("GET"):
            owner.written.update(victim.marks_in(sent.text))
        _assert_nothing_shows(world, owner, sent, answer)
        if number % TWINS == 0 and (name.startswith("GET") or "{" in name):
            unused = victim.ids.unused()
            twin = request(name, operations[name], unused, random.Random(state))
            _assert_alike(sent, answer, world.send(token, twin), victim.ids, unused)
    return seen


def _assert_nothing_shows(world: World, owner: Owner, sent: Sent, answer: TestResponse) -> None:
    assert answer.status_code < 500, f"{sent}: {answer.status_code}"
    text = f"{answer.headers}\n{answer.get_data(as_text=True)}"
    for cursor in re.findall(r'"cursor": ?"([^"]+)"', text):
        text += base64.urlsafe_b64decode(cursor).decode()
    for other in world.owners:
        if other is not owner:
            shown = other.marks_in(text) - owner.written
            shown = {mark for mark in shown if mark not in sent.text}
            assert not shown, f"{sent.method} {sent.path} shows {shown}"


def _assert_alike(
    sent: Sent, answer: TestResponse, twin: TestResponse, ids: Ids, unused: Ids
) -> None:
    what = f"{sent.method} {sent.path} tells that another tenant has it"
    assert answer.status_code == twin.status_code, f"{what}: {answer.status_code}"
    assert _neutral(answer, ids) == _neutral(twin, unused), what


def _neutral(answer: TestResponse, ids: Ids) -> str:
    """Headers and body, with names for the ids that were asked for."""
    headers = [one for one in answer.headers if one[0] not in CHANGING_HEADERS]
    text = f"{headers}\n{answer.get_data(as_text=True)}"
    for number, mark in enumerate(ids.in_order):
        text = text.replace(mark, f"@{number}@")
    return text


@pytest.fixture
def world(settings, app) -> World:
    """Three tenants; no worker listens on their queue."""
    idle = replace(settings, redis_url=settings.redis_url[:-1] + "7", rate_limit="1000000/hour")
    return World(create_app(idle))


def names(world: World, reads: bool) -> list[str]:
    """The operations that only read, or those that write."""
    return [name for name in world.operations if name.startswith("GET") == reads]


def test_each_endpoint_of_the_url_map_and_each_parameter_has_its_row(world):
    offered = {
        f"{method} {rule.rule.replace('<', '{').replace('>', '}')}"
        for rule in world.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(API)
    }
    assert offered == set(world.operations)
    used = {
        (one["in"], one["name"])
        for operations in world.document["paths"].values()
        for operation in (operations, *operations.values())
        for one in (operation.get("parameters", []) if isinstance(operation, dict) else ())
    }
    tables = {"query": QUERY, "path": PATHS, "header": HEADERS}
    assert used == {(place, name) for place, table in tables.items() for name in table}
    bodies = {name for name, operation in world.operations.items() if "requestBody" in operation}
    assert bodies == set(BODIES)


def test_thousands_of_reads_show_nothing_of_another_tenant(world):
    seen = walk(world, world.owners, names(world, reads=True), READS, seed=1)
    assert {name for name, _ in seen} == set(names(world, reads=True))
    # Lists are answered, with what is the reader's own; single objects do not exist.
    statuses = Counter(status for _, status in seen.elements())
    assert statuses[200] > READS / 4 and statuses[404] > READS / 10, statuses
    assert not [name for name, status in seen if "{" in name and status == 200]


def test_a_thousand_writes_change_nothing_of_another_tenant(world):
    for number, owner in enumerate(world.owners):
        others = [one for one in world.owners if one is not owner]
        before = [world.digest(one) for one in others]
        seen = walk(world, [owner], names(world, reads=False), WRITES // 3, seed=number)
        assert [world.digest(one) for one in others] == before
        statuses = Counter(status for _, status in seen.elements())
        assert statuses.keys() & {200, 201, 202} and statuses[404], statuses
        _end_what_waits(owner.id)


def _record_of_anybody(tenant_id: int, customer_id: str, *age: Any) -> Scores | None:
    found = db.row(
        f"SELECT {records.COLUMNS} FROM clv_record WHERE customer_id = %s", (customer_id,)
    )
    return Scores(*found) if found else None


def _erase_everywhere(tenant: Any, customer_id: str) -> None:
    db.execute("DELETE FROM clv_record WHERE customer_id = %s", (customer_id,))


def test_a_record_of_another_tenant_would_be_found(world, monkeypatch):
    monkeypatch.setattr(records, "record", _record_of_anybody)
    with pytest.raises(AssertionError, match="clv shows {'[0-9]"):
        walk(world, world.owners, [f"GET {API}/customers/{{customerId}}/clv"], 100, seed=1)


def test_a_header_about_another_tenant_would_be_found(world):
    def tell(response: Any) -> Any:
        response.headers["Content-Language"] = "CHF"
        return response

    world.app.after_request_funcs[None].append(tell)
    with pytest.raises(AssertionError, match="shows {'CHF'}"):
        walk(world, world.owners, names(world, reads=True), 100, seed=1)


def test_a_status_that_tells_what_exists_would_be_found(world):
    def tell(response: Any) -> Any:
        known = [one for owner in world.owners for one in owner.ids.in_order]
        if response.status_code == 404 and any(one in flask_request.path for one in known):
            response.status_code = 403
        return response

    world.app.after_request_funcs[None].append(tell)
    with pytest.raises(AssertionError, match="tells that another tenant has it: 403"):
        walk(world, world.owners, names(world, reads=True), 500, seed=1)


def test_a_write_to_another_tenant_would_be_found(world, monkeypatch):
    monkeypatch.setattr(customers_service, "erase_customer", _erase_everywhere)
    before = [world.digest(one) for one in world.owners[1:]]
    with suppress(AssertionError):
        walk(world, world.owners[:1], [f"DELETE {API}/customers/{{customerId}}"], 100, seed=1)
    assert all(
        world.digest(one) != digest for one, digest in zip(world.owners[1:], before, strict=True)
    )
