"""Health, readiness and the OpenAPI document."""

import pytest
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
                if code not in ("default", "204"):
                    (schema,) = [m["schema"] for m in response["content"].values()]
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


def test_the_ten_fields_are_documented_in_their_order(document):
    fields = list(document["components"]["schemas"]["Clv"]["properties"])
    assert fields[0] == "customerId" and fields[-1] == "source" and len(fields) == 10


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
