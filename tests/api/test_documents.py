"""Health, readiness and the OpenAPI document."""

import pytest
from flask import json
from openapi_spec_validator import validate

from clv import db
from tests.api.support import row


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


def test_the_document_is_valid_openapi(document):
    validate(document)
    assert document["openapi"].startswith("3.")


def test_every_operation_is_documented_with_types_and_errors(app, document):
    documented = {
        (path, method.upper())
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1"):
            continue
        path = rule.rule.replace("<", "{").replace(">", "}")
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert (path, method) in documented
            operation = document["paths"][path][method.lower()]
            assert operation["security"] == [{"bearer": []}]
            assert operation["summary"]
            assert {"401", "403", "500", "503"} <= set(operation["responses"])
            assert {"200", "201", "202", "204"} & set(operation["responses"])
            for code, response in operation["responses"].items():
                if code not in ("default", "204", "304"):
                    schema = response["content"]["application/json"]["schema"]
                    assert schema.get("$ref"), (path, method, code)
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_what_an_endpoint_reads_is_documented(document):
    jobs = document["paths"]["/api/v1/clv/jobs"]["get"]["parameters"]
    assert {p["name"] for p in jobs} == {"limit", "cursor", "X-Tenant-Id"}
    compute = document["paths"]["/api/v1/clv/compute"]["post"]
    assert {p["name"] for p in compute["parameters"]} == {"Prefer", "X-Tenant-Id"}
    assert compute["requestBody"]["required"] is False
    assert "up to 25 seconds" in compute["description"]
    assert compute["responses"]["403"]["description"] == "Needs the role admin or higher"


def test_a_list_that_is_a_file_too_is_documented_with_all_its_types(document):
    operation = document["paths"]["/api/v1/clv/records"]["get"]
    content = operation["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/csv", "application/x-ndjson"}
    assert content["text/csv"]["schema"] == {"type": "string"}
    assert content["text/csv"]["example"].startswith("customerId,clvScore,score,")
    parameters = {p["name"]: p for p in operation["parameters"]}
    assert {"segment", "customerId", "minScore", "sort", "cursor", "count"} <= set(parameters)
    assert parameters["customerId"]["explode"] is True
    assert parameters["customerId"]["schema"]["maxItems"] == 100
    assert parameters["sort"]["schema"]["default"] == "customerId"
    assert "-revenueAtRisk" in parameters["sort"]["schema"]["enum"]
    total = document["components"]["schemas"]["RecordPagination"]["properties"]["total"]
    assert total["nullable"] is True and "as of its last finished batch" in total["description"]


def test_the_ten_fields_are_documented_in_their_order(document):
    fields = list(document["components"]["schemas"]["Clv"]["properties"])
    assert fields[0] == "customerId" and fields[-1] == "source" and len(fields) == 10


def test_the_document_is_written_once_and_sent_to_who_lacks_it(client, monkeypatch):
    first = client.get("/api/openapi.json")
    assert first.mimetype == "application/json" and first.headers["Cache-Control"] == "no-cache"
    written = []
    monkeypatch.setattr(json, "dumps", lambda *args, **kwargs: written.append(args))
    again = client.get("/api/openapi.json")
    assert again.data == first.data and written == []
    etag = again.headers["ETag"]
    known = client.get("/api/openapi.json", headers={"If-None-Match": etag})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", etag)
    older = client.get("/api/openapi.json", headers={"If-None-Match": '"older"'})
    assert older.status_code == 200 and older.data == first.data


def test_swagger_ui_comes_from_local_files(client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "http://" not in page.text and "https://" not in page.text
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        assert f"/api/docs/assets/{name}" in page.text
        with client.get(f"/api/docs/assets/{name}") as asset:
            assert asset.status_code == 200


def test_alive_and_ready(client, tenant, worker):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json["status"] == "ok" and ready.json["workers"] >= 1


def test_pending_migrations_are_not_ready(client, tenant):
    with db.scope():
        db.execute("UPDATE schema_migration SET name = '0000_before' WHERE name = '0001_initial'")
    try:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json["database"] == "migrations are pending"
    finally:
        with db.scope():
            db.execute(
                "UPDATE schema_migration SET name = '0001_initial' WHERE name = '0000_before'"
            )


def test_a_head_request_is_like_a_get_without_a_body(client, headers, load):
    load(row("a", 1))
    answer = client.head("/api/v1/customers/a/clv", headers=headers())
    assert (answer.status_code, answer.data) == (200, b"")
