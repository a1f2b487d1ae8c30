"""POST /transactions/preview."""

import gzip
import json
from itertools import count, takewhile

import pytest
from openapi_schema_validator import OAS30Validator

from clv import db
from clv.db import models
from tests.api.transactions.support import HEADER, PLAIN, PREVIEW, stored
from tests.conftest import ON_ONE_DATABASE
from tests.support.contract import document_of


def everything() -> list:
    """All rows of all tables but those that count requests and keys' uses."""
    with db.scope():
        return [
            sorted(db.rows(f"SELECT * FROM {table._meta.table_name}"), key=repr)
            for table in models.TABLES
            if table not in (models.ApiKey, models.Secret)
        ]


def test_a_preview_has_the_fields_of_the_contract_in_their_order(preview):
    text = f"{PLAIN},2026-05-01,3\nd,yesterday,1\n"
    answer = preview(text)
    assert answer.status_code == 200, answer.text
    assert list(json.loads(answer.data)) == [
        "profile",
        "reading",
        "mapping",
        "questions",
        "rows",
        "transactions",
        "corrections",
        "customers",
        "firstDay",
        "lastDay",
        "total",
        "currencies",
        "leftOut",
        "badLines",
        "warnings",
        "sample",
    ]
    shown = answer.json
    assert list(shown["reading"]) == [
        "encoding",
        "delimiter",
        "decimal",
        "dateOrder",
        "timeZone",
        "headerLine",
    ]
    assert list(shown["mapping"]) == [
        "customer",
        "time",
        "amount",
        "refund",
        "quantity",
        "order",
        "currency",
        "state",
    ]
    assert (shown["profile"], shown["questions"], shown["rows"]) == (None, [], 5)
    assert (shown["transactions"], shown["corrections"], shown["customers"]) == (2, 1, 2)
    assert (shown["firstDay"], shown["lastDay"]) == ("2026-04-29", "2026-05-02")
    assert shown["total"] == 11.5
    assert shown["mapping"]["customer"] == ["customer_id"]
    assert [(one["rows"], one["total"], one["lines"]) for one in shown["leftOut"]] == [(1, 3, [5])]
    assert shown["badLines"]["count"] == 1
    assert shown["badLines"]["reasons"][0]["lines"] == [6]
    assert shown["sample"][0] == {
        "line": 2,
        "customerId": "a",
        "time": "2026-04-30T00:00:00.000Z",
        "day": "2026-04-30",
        "amount": 10.5,
        "kind": "sale",
    }
    assert shown["sample"][2]["kind"] == "correction"


@ON_ONE_DATABASE
def test_the_example_of_the_document_is_a_preview(client):
    document = document_of(client.application)
    answer = document["paths"][PREVIEW]["post"]["responses"]["200"]["content"]["application/json"]
    whole = {**answer["schema"], "components": document["components"]}
    assert list(OAS30Validator(whole).iter_errors(answer["example"])) == []


def test_a_preview_stores_nothing(preview, put):
    put(PLAIN)
    before = everything()
    for query in ({}, {"partial": "true"}, {"customer": "customer_id", "currency": "EUR"}):
        preview(f"{HEADER}z,2026-04-30,9\n", query)
    assert everything() == before


def test_what_is_previewed_is_what_is_loaded(preview, put):
    shown = preview(PLAIN).json
    assert put(PLAIN).json["received"] == shown["transactions"] + shown["corrections"]
    assert sum(row[4] for row in stored()) == shown["total"] * 10_000
    assert len({row[0] for row in stored()}) == shown["customers"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_the_first_part_of_a_file_is_enough(preview, compress):
    lines = "".join(f"c{n},2026-04-{n % 28 + 1:02},{n}.50\n" for n in range(20_000))
    whole = compress(f"{HEADER}{lines}".encode())
    part = whole[: len(whole) // 2]
    shown = preview(part, {"partial": "true"})
    assert shown.status_code == 200, shown.text
    assert shown.json["badLines"]["count"] == 0
    assert 1_000 < shown.json["rows"] < 20_000
    assert len(shown.json["sample"]) == 10


def test_a_preview_knows_only_its_tenants_data(preview, client, headers):
    foreign = headers("editor", "other")
    new = f"{HEADER}z,2026-05-30,9\n"
    client.put("/api/v1/transactions", data=new, content_type="text/csv", headers=foreign)
    assert preview(PLAIN).json["warnings"] == []
    answer = client.post(PREVIEW, data=PLAIN, content_type="text/csv", headers=foreign)
    assert [one["code"] for one in answer.json["warnings"]] == ["older_file"]
    assert "2026-05-30" in answer.json["warnings"][0]["message"]


def test_with_all_seats_taken_a_preview_asks_to_come_again(app, preview, tenant):
    room = app.extensions["clv"].waiting_room
    others = list(takewhile(room.take, count(1_000)))
    try:
        answer = preview(PLAIN)
        assert answer.status_code == 503 and answer.headers["Retry-After"]
    finally:
        for other in others:
            room.leave(other)
    assert preview(PLAIN).status_code == 200
