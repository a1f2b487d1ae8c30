"""A client that openapi-python-client makes from our document, against a real server."""

import importlib
import io
import re
import subprocess
import sys

import pytest

from clv.config import ROOT
from tests.api.support import days_ago
from tests.api.web import gunicorn

CONFIGURATION = re.compile(r"^```yaml\n(package_name_override: .*?)```", re.MULTILINE | re.DOTALL)
# What generated clients call their functions. A name that changes here breaks their callers.
OPERATION_IDS = {
    "getCustomerClv": "GET /api/v1/customers/{customerId}/clv",
    "recomputeCustomerClv": "POST /api/v1/customers/{customerId}/clv",
    "explainCustomerClv": "GET /api/v1/customers/{customerId}/clv/explanation",
    "listCustomerHistory": "GET /api/v1/customers/{customerId}/clv/history",
    "eraseCustomer": "DELETE /api/v1/customers/{customerId}",
    "eraseCustomers": "POST /api/v1/erasures",
    "computeClv": "POST /api/v1/clv/compute",
    "listJobs": "GET /api/v1/clv/jobs",
    "getJob": "GET /api/v1/clv/jobs/{jobId}",
    "cancelJob": "DELETE /api/v1/clv/jobs/{jobId}",
    "listJobErrors": "GET /api/v1/clv/jobs/{jobId}/errors",
    "listRecords": "GET /api/v1/clv/records",
    "readFeed": "GET /api/v1/clv/feed",
    "simulateSettings": "POST /api/v1/clv/simulate",
    "listBacktests": "GET /api/v1/clv/backtests",
    "startBacktest": "POST /api/v1/clv/backtests",
    "getBacktest": "GET /api/v1/clv/backtests/{backtestId}",
    "getSummary": "GET /api/v1/clv/summary",
    "getRevenue": "GET /api/v1/clv/revenue",
    "getCohorts": "GET /api/v1/clv/cohorts",
    "listSummaryHistory": "GET /api/v1/clv/summary/history",
    "listChanges": "GET /api/v1/clv/changes",
    "listInteractionSummaries": "GET /api/v1/interaction-summaries",
    "addInteractionSummaries": "POST /api/v1/interaction-summaries",
    "loadInteractionSummaries": "PUT /api/v1/interaction-summaries",
    "previewTransactions": "POST /api/v1/transactions/preview",
    "loadTransactions": "PUT /api/v1/transactions",
    "getSettings": "GET /api/v1/settings",
    "changeSettings": "PUT /api/v1/settings",
    "listApiKeys": "GET /api/v1/api-keys",
    "createApiKey": "POST /api/v1/api-keys",
    "revokeApiKey": "DELETE /api/v1/api-keys/{keyId}",
    "getHealth": "GET /healthz",
    "getReadiness": "GET /readyz",
}


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


@pytest.fixture
def package(client, tmp_path, monkeypatch):
    """The modules of a client that was generated as docs/api.md says."""
    (tmp_path / "openapi.json").write_bytes(client.get("/api/openapi.json").data)
    configuration = CONFIGURATION.search((ROOT / "docs" / "api.md").read_text())
    (tmp_path / "client.yaml").write_text(configuration[1])
    command = "-m openapi_python_client generate --path openapi.json --config client.yaml"
    made = subprocess.run(
        [sys.executable, *command.split(), "--meta", "none", "--output-path", "clv_client"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Endpoint will not be generated" not in made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: importlib.import_module(f"clv_client.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "clv_client"]:
        del sys.modules[name]


def test_each_operation_keeps_its_name(document):
    named = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert named == OPERATION_IDS


def test_json_comes_first_where_there_are_several_media_types(document):
    contents = [
        list(response["content"])
        for operations in document["paths"].values()
        for operation in operations.values()
        if "responses" in operation
        for response in operation["responses"].values()
        if "content" in response
    ]
    assert ["application/json", "application/x-ndjson", "text/csv"] in contents
    assert {first for first, *_ in contents} == {"application/json"}


def test_files_are_binary_bodies(document):
    bodies = [
        content["schema"]
        for path in ("/api/v1/interaction-summaries", "/api/v1/transactions")
        for content in document["paths"][path]["put"]["requestBody"]["content"].values()
    ]
    assert len(bodies) == 5
    assert all(schema == {"type": "string", "format": "binary"} for schema in bodies)


def test_no_parameter_of_a_query_is_null(document):
    schemas = [
        parameter["schema"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in (operation.get("parameters", []) if "responses" in operation else [])
    ]
    assert not [one for one in schemas if one.get("nullable") or None in one.get("enum", [])]
    assert not [one for one in schemas if one.get("default", "") is None]


def test_a_generated_client_loads_computes_and_reads(package, settings, headers, worker):
    token = headers()["Authorization"].split()[1]
    types, models = package("types"), package("models")
    with gunicorn(settings) as web:
        client = package("client").AuthenticatedClient(f"http://127.0.0.1:{web.port}", token)
        with client:

            def call(name, *args, **more):
                answer = package(f"api.{name}").sync_detailed(*args, client=client, **more)
                assert answer.status_code == 200, answer.content
                return answer.parsed

            lines = "".join(f"c{n},{days_ago(n + 1)[:10]},{n}.50\n" for n in range(30))
            file = types.File(io.BytesIO(f"customer_id,date,amount\n{lines}".encode()))
            assert call("transactions.load_transactions", body=file).inserted == 30
            computed = call("customers.get_customer_clv", "c3")
            assert (computed.source.value, computed.rfm_monetary) == ("computed", 3.5)
            assert call("customers.recompute_customer_clv", "c3").segment in models.ClvSegment
            result = call("compute.compute_clv")
            assert (result.success, result.computed, result.errors) == (True, 30, 0)
            page = call("records.list_records", limit=7, sort=models.ListRecordsSort("-clvScore"))
            assert len(page.data) == 7 and page.pagination.has_more
            assert page.data[0].clv_score >= page.data[6].clv_score
            words = [models.ListRecordsIncludeItem(word) for word in ("forecast", "model")]
            [buyer] = call(
                "records.list_records", customer_id=["c3"], include=words, horizon_days=90
            ).data
            # With 30 customers rfm serves.
            assert (buyer.horizon_days, buyer.expected_revenue) == (90, None)
            explained = call("customers.explain_customer_clv", "c3")
            assert [made.horizon_days for made in explained.forecasts] == [90, 365, 730]
