"""Three tenants that have something of everything, and thousands of requests with the ids of
another one: none of it shows in a status, a header or a body, and none of it changes.

The requests are made from the OpenAPI document, which has every endpoint of the URL map. What is
new in it, a parameter or a body, fails here until it has its row in the tables of requests.py.
"""

import base64
import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from flask import request as flask_request
from werkzeug.test import TestResponse

from app import create_app
from clv import db
from clv.domain.scoring import Scores
from clv.services import customers as customers_service
from clv.store import records
from tests.api.isolation.requests import BODIES, HEADERS, PATHS, QUERY, request
from tests.api.isolation.world import API, Ids, Owner, Sent, World, end_what_waits

# With the writes below 10,000 requests, half of them a database.
READS, WRITES = 4_000, 1_000
# One in so many is sent again with ids that were never used, and must be answered alike.
TWINS = 4
# Another request gets another one of these, whatever it asks for.
CHANGING_HEADERS = ("X-Request-Id", "RateLimit")


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
        end_what_waits(owner.id)


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
