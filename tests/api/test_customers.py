"""GET and POST /customers/{customerId}/clv."""

import json
import threading
from datetime import datetime

import pytest

from app import create_app
from clv import db
from clv.config import Settings
from clv.services import batch
from clv.store import runs, snapshots
from tests.api.support import TEN_FIELDS, row
from tests.conftest import EVENT_SECONDS, unreachable_redis


def test_the_reference_example_comes_out_to_the_digit(client, headers, load):
    load(row("CUST-001", 5, 48, 360))
    answer = client.get("/api/v1/customers/CUST-001/clv", headers=headers("viewer"))
    assert answer.status_code == 200
    body = answer.json
    assert list(json.loads(answer.data)) == TEN_FIELDS
    assert answer.data.index(b'"customerId"') < answer.data.index(b'"clvScore"')
    assert body["predictedRevenue"] == 1440.0
    assert body["churnProbability"] == 0.119
    assert (body["rfmRecency"], body["rfmFrequency"], body["rfmMonetary"]) == (5, 48, 360.0)
    assert body["source"] == "computed"
    assert datetime.fromisoformat(body["computedAt"]).tzinfo is not None
    assert body["computedAt"].endswith("Z") and len(body["computedAt"]) == 24


def test_a_second_read_is_cached_and_a_recompute_says_so(client, headers, load):
    load(row("a", 1, 1, 380))
    url, key = "/api/v1/customers/a/clv", headers("editor")
    first = client.get(url, headers=key).json
    second = client.get(url, headers=key).json
    third = client.post(url, headers=key, data="not json", content_type="text/plain").json
    assert [first["source"], second["source"], third["source"]] == [
        "computed",
        "cached",
        "recomputed",
    ]
    assert first["predictedRevenue"] == 1520.0
    assert {**first, "source": ""} == {**second, "source": ""}


def test_a_stored_record_serves_until_it_is_too_old_for_the_caller(client, headers, load):
    load(row("a", 1))
    url, key = "/api/v1/customers/a/clv", headers("viewer")
    client.get(url, headers=key)
    load(row("a", 0, 5))
    fresh_enough = client.get(url, headers={**key, "Cache-Control": "max-age=3600"}).json
    too_old = client.get(url, headers={**key, "Cache-Control": "max-age=0"}).json
    assert (fresh_enough["source"], fresh_enough["rfmFrequency"]) == ("cached", 1)
    assert (too_old["source"], too_old["rfmFrequency"]) == ("computed", 6)


def test_the_first_read_does_not_freeze_a_distribution_of_one(client, headers, load):
    load(row("a", 9, 1, 10))
    key = headers("editor")
    assert client.get("/api/v1/customers/a/clv", headers=key).json["segment"] == "medium"
    load(*(row(f"b{n}", 1, 9, 100 + n) for n in range(30)))
    assert client.post("/api/v1/customers/a/clv", headers=key).json["clvScore"] == 0
    assert client.get("/api/v1/customers/b29/clv", headers=key).json["segment"] == "high"


def test_an_unknown_customer_is_404_for_both(client, headers, load):
    load(row("a", 1))
    key = headers("editor")
    for answer in (
        client.get("/api/v1/customers/b/clv", headers=key),
        client.post("/api/v1/customers/b/clv", headers=key),
    ):
        assert answer.status_code == 404
        assert answer.json["message"] == "There is no customer with this id."


def test_another_tenants_customer_does_not_exist(client, headers, load):
    load(row("secret", 1))
    assert client.get("/api/v1/customers/secret/clv", headers=headers()).status_code == 200
    foreign = headers("admin", "other")
    for path in ("secret", "never-used"):
        answer = client.get(f"/api/v1/customers/{path}/clv", headers=foreign)
        assert answer.status_code == 404
        assert answer.json["message"] == "There is no customer with this id."
        assert client.post(f"/api/v1/customers/{path}/clv", headers=foreign).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("x" * 128, 404),
        ("x" * 129, 400),
        ("%20lead", 400),
        ("a%00b", 400),
        ("a%0Ab", 400),
        (".", 400),
        ("..", 400),
        ("a%2Fb", 404),
        ("K%C3%BCnde%20%E2%82%AC", 404),
    ],
)
def test_customer_ids_in_the_path_are_checked(client, headers, tenant, path, status):
    answer = client.get(f"/api/v1/customers/{path}/clv", headers=headers())
    assert answer.status_code == status, answer.text
    if status == 400:
        assert "customerId" in answer.json["message"]
        assert answer.json["errors"]["path"]["customerId"]


@pytest.mark.parametrize("raw", ["\xff", "\xed\xa0\x80"])
def test_an_id_that_is_not_utf8_is_not_taken_for_another(client, headers, tenant, raw):
    # As a server hands it over; the test client would encode it again.
    path = {"PATH_INFO": f"/api/v1/customers/{raw}/clv"}
    answer = client.get("/", headers=headers(), environ_overrides=path)
    assert answer.status_code == 400
    assert "UTF-8" in answer.json["message"]


def test_unicode_ids_work(client, headers, load):
    load(row("Kündé €÷", 1))
    answer = client.get("/api/v1/customers/Kündé €÷/clv", headers=headers())
    assert answer.status_code == 200
    assert answer.json["customerId"] == "Kündé €÷"


def test_a_refunded_customer_projects_to_nothing_and_never_to_minus_zero(client, headers, load):
    load(row("a", 1, 1, -5), row("b", 1, 1, 5))
    answer = client.get("/api/v1/customers/a/clv", headers=headers())
    assert answer.json["predictedRevenue"] == 0
    assert answer.json["rfmMonetary"] == -5
    assert b"-0" not in answer.data.split(b"computedAt")[0]


def test_needs_no_redis(settings, tenant, headers, client, load):
    load(row("a", 1))
    lonely = create_app(unreachable_redis(settings)).test_client()
    key = headers("editor")
    assert lonely.get("/api/v1/customers/a/clv", headers=key).json["source"] == "computed"
    assert lonely.post("/api/v1/customers/a/clv", headers=key).json["source"] == "recomputed"


def test_a_late_single_computation_does_not_undo_a_newer_run(
    app, client, headers, load, monkeypatch
):
    load(row("a", 1, 1, 10), row("b", 1))
    key, answers = headers(), []
    waits, take = threading.Event(), snapshots.take_lease
    url = "/api/v1/customers/a/clv"
    with db.scope():
        # Somebody else builds the first snapshot: the computation waits, with its totals read.
        assert snapshots.take_lease(1)
    late = threading.Thread(target=lambda: answers.append(app.test_client().post(url, headers=key)))
    monkeypatch.setattr(snapshots, "take_lease", lambda tenant: waits.set() or take(tenant))
    late.start()
    assert waits.wait(EVENT_SECONDS)
    load(row("a", 1, 9, 90))
    with db.scope():
        run, _ = runs.join_or_create(1, None, "test", 10**9)
        batch.work(run.id, app.extensions["clv"].queue, Settings())
    late.join()
    assert answers[0].status_code == 200
    assert client.get(url, headers=key).json["rfmFrequency"] == 9
