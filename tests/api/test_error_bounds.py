"""What is wrong with a body costs little to find, however much of it is wrong."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import fields

from clv.api.schemas import base
from clv.budgets import MAX_BODY_BYTES, MAX_ERROR_BYTES, MAX_ERRORS, MAX_VALUES
from tests.api.support import row
from tests.api.test_errors import assert_is_an_error
from tests.conftest import ON_ONE_DATABASE

pytestmark = ON_ONE_DATABASE
SUMMARIES = "/api/v1/interaction-summaries"
JSON = "application/json"
# What one request may cost.
SECONDS, MEMORY = 2, 64 << 20
# The message, of three long names, and the last name that had some room.
SLACK = 16_384


def full(begin: bytes, item: bytes, end: bytes = b"") -> bytes:
    """As many of these items as a body may have bytes."""
    return begin + item * ((MAX_BODY_BYTES - len(begin) - len(end)) // len(item)) + end


BODIES = {
    "empty rows": full(b'{"data":[{}', b",{}", b"]}"),
    "empty arrays": full(b'{"data":[[]', b",[]", b"]}"),
    "numbers": full(b'{"data":[0', b",0", b"]}"),
    "fractions": full(b'{"data":[.5', b",1.5", b"]}"),
    "texts": full(b'{"data":[""', b',"ab"', b"]}"),
    "rows of one wrong field": full(b'{"data":[{}', b',{"a":0}', b"]}"),
    "rows within a row": full(b'{"data":[{"customerId":[{}', b",{}", b"]}]}"),
    "unknown fields": b'{"data":[]' + b"".join(b',"%d":0' % n for n in range(300_000)) + b"}",
    "1,000 rows of nothing right": json.dumps(
        {"data": [{name: {"a": -1} for name in (*row("a", 1), "b", "c", "d")}] * 1_000}
    ).encode(),
    "one long name": full(b'{"', b"a", b'":0}'),
    "one long name of escapes": full(b'{"', b"\\u0000", b'":0}'),
    "one text that does not end": full(b'{"data":["', b","),
    "escapes that do not end": full(b'{"data":["', b',\\"', b"\\"),
    "quotes": full(b'{"data":[,', b'"'),
    "commas": full(b'{"data":["', b","),
    "rows without a number": full(b'{"data":[{}', b",{},", b"]}"),
    "nested objects": full(b"", b'{"data":'),
    "a long number": full(b'{"data":', b"9", b"}"),
    "a long fraction": full(b'{"data":0.', b"9", b"}"),
}


def cost_of(request) -> tuple[Any, float, int]:
    """The answer to a request, its processor time in seconds and its memory in bytes."""
    request()
    began = time.thread_time()
    answer = request()
    seconds = time.thread_time() - began
    tracemalloc.start()
    try:
        request()
        return answer, seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BODIES)
def test_a_body_full_of_what_is_wrong_costs_little(client, headers, name):
    body, key = BODIES[name], headers()
    assert len(body) <= MAX_BODY_BYTES

    def send():
        return client.post(SUMMARIES, data=body, content_type=JSON, headers=key)

    answer, seconds, memory = cost_of(send)
    assert_is_an_error(answer, 400)
    assert len(answer.data) < MAX_ERROR_BYTES + SLACK
    assert seconds < SECONDS and memory < MEMORY, (seconds, memory)


def test_a_body_of_too_many_values_says_how_many_are_right(client, headers):
    for body in (BODIES["empty rows"], BODIES["rows within a row"], BODIES["empty arrays"]):
        answer = client.post(SUMMARIES, data=body, content_type=JSON, headers=headers())
        said = assert_is_an_error(answer, 400)
        assert said["errors"] == {"json": [f"Must have at most {MAX_VALUES:,} values in all."]}


def test_signs_in_texts_are_no_values(client, headers):
    rows = [{**row(f"{n}", 1), "offerId": ',[{"\\' * 20 + str(n)} for n in range(1_000)]
    body = json.dumps({"data": rows})
    assert sum(map(body.count, ",[{")) > 2 * MAX_VALUES
    answer = client.post(SUMMARIES, data=body, content_type=JSON, headers=headers())
    assert answer.status_code == 200 and answer.json["received"] == 1_000


def test_as_many_values_are_read_as_are_allowed(client, headers):
    for count, told in ((MAX_VALUES, "Must have at most 1,000 items."), (MAX_VALUES + 1, "values")):
        # Of which one is the object and one is the list.
        body = json.dumps({"data": [0] * (count - 2)})
        answer = client.post(SUMMARIES, data=body, content_type=JSON, headers=headers())
        assert told in assert_is_an_error(answer, 400)["message"]


def test_at_most_a_hundred_errors_are_shown_and_the_rest_is_counted(client, headers):
    for rows in (34, 1_000):
        wrong = {"data": [{"impressions": -1, "customerId": "/"} for _ in range(rows)]}
        said = assert_is_an_error(client.post(SUMMARIES, json=wrong, headers=headers()), 400)
        shown = sum(len(of_row) for of_row in said["errors"]["json"]["data"].values())
        # customerId, impressions, lastContactAt, periodKey, periodType.
        assert shown == MAX_ERRORS
        assert said["message"].endswith(f" {rows * 5 - MAX_ERRORS:,} more errors are not shown.")
    wrong["data"] = wrong["data"][:20]
    said = assert_is_an_error(client.post(SUMMARIES, json=wrong, headers=headers()), 400)
    assert sum(map(len, said["errors"]["json"]["data"].values())) == MAX_ERRORS
    assert "not shown" not in said["message"]


@pytest.mark.parametrize("letter", ["a", "<", "\0", "é", "🎈"], ids=ascii)
def test_long_names_of_the_callers_are_cut(client, headers, letter):
    names = {f"{n}{letter * 1_000}": 0 for n in range(150)}
    answer = client.post(SUMMARIES, json=names, headers=headers())
    said = assert_is_an_error(answer, 400)
    assert len(answer.data) < MAX_ERROR_BYTES + SLACK
    shown = said["errors"]["json"]
    assert all(len(name) <= 300 for name in shown) and len(said["message"]) < 2_100
    assert f" {151 - len(shown)} more errors are not shown." in said["message"]


def test_wrong_parameters_are_bounded_too(client, headers):
    query = "&".join(f"{n}={n}" for n in range(1_000))
    said = assert_is_an_error(client.get(f"/api/v1/clv/records?{query}", headers=headers()), 400)
    assert len(said["errors"]["query"]) == MAX_ERRORS
    assert "900 more errors are not shown." in said["message"]


def lists_of(document: dict) -> Iterator[tuple[str, str, str, str, int]]:
    """Each list that the document's requests take: method, path, where, name, and the most items.
    One without a limit fails."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            for parameter in operation.get("parameters", ()):
                if parameter.get("schema", {}).get("type") == "array":
                    most = parameter["schema"]["maxItems"]
                    yield method, path, "query", parameter["name"], most
            schema = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
            for name, most in lists_in(document, schema or {}):
                yield method, path, "json", name, most


def lists_in(document: dict, schema: dict) -> Iterator[tuple[str, int]]:
    """The lists in the schema of a body. None may be deeper than its first level."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert schema.get("type") != "array"
    for name, of_name in schema.get("properties", {}).items():
        if of_name.get("type") == "array":
            assert list(lists_in(document, of_name["items"])) == []
            yield name, of_name["maxItems"]
        elif "$ref" in of_name or "allOf" in of_name:
            for inner in of_name.get("allOf", [of_name]):
                assert list(lists_in(document, inner)) == []


def test_the_length_of_every_list_is_checked_before_its_items(client, headers):
    lists = list(lists_of(client.get("/api/openapi.json").json))
    places = {(where, name) for _, _, where, name, _ in lists}
    assert ("json", "data") in places and ("query", "customerId") in places and len(places) > 5
    for method, path, where, name, most in lists:
        assert most <= 1_000, (path, name)
        # Each of them wrong: a customer with a slash, and no name at all.
        items = ["/" if name == "customerId" else ""] * (most + 1)
        sent = {"query_string": {name: items}} if where == "query" else {"json": {name: items}}
        if where == "query" and method != "get":
            sent |= {"data": b"customer_id,date,amount\n", "content_type": "text/csv"}
        answer = client.open(path, method=method.upper(), headers=headers(), **sent)
        reasons = assert_is_an_error(answer, 400)["errors"][where][name]
        assert reasons == [f"Must have at most {most:,} items."], (path, name)


def test_every_list_of_every_schema_that_takes_one_has_a_limit(app):
    schemas = list(subclasses(base.Input))
    lists = [
        field
        for schema in schemas
        for field in schema().load_fields.values()
        if isinstance(field, fields.List | fields.Dict | fields.Raw | fields.Tuple)
        or getattr(field, "many", False)
    ]
    assert len(lists) > 5
    for field in lists:
        assert isinstance(field, base.Items) and field.most <= 1_000, field


def subclasses(of: type) -> Iterator[type]:
    for schema in of.__subclasses__():
        if schema.__module__.startswith("clv."):
            yield schema
            yield from subclasses(schema)
