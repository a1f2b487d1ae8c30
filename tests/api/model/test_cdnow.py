"""The CDNOW log, predicted by the calibrated model wherever its customers are shown."""

import csv
import io
import json
import random

import pytest

from clv import db
from clv.db.clock import now_ms
from clv.domain.scoring import Scores
from clv.services import customers
from clv.store import snapshots, tenants
from tests.api.bases import import_log
from tests.api.model.support import RECORDS, SETTINGS, SIMULATE, stored
from tests.api.support import TEN_FIELDS, days_ago
from tests.jobs.support import DAY

SUMMARY, HISTORY = "/api/v1/clv/summary", "/api/v1/clv/summary/history"


def test_cdnow_is_predicted_by_the_calibrated_model_after_a_full_run(
    app, client, headers, tenant, run, choose
):
    import_log(app)
    run()
    before, key = stored(tenant), headers("editor")
    assert {scores.model for scores in before.values()} == {0}
    chosen = choose(model="calibrated")
    assert (chosen["model"], chosen["servingModel"]) == ("calibrated", "rfm")
    assert "full run" in chosen["servingReason"] and chosen["fittedAt"] is None
    run()
    after = stored(tenant)
    assert {scores.model for scores in after.values()} == {1}
    if day(before) == day(after):
        # What the model does not predict stays.
        same = ("score", "segment", "recency_days", "frequency", "monetary")
        assert [[getattr(s, n) for n in same] for s in before.values()] == [
            [getattr(after[c], n) for n in same] for c in before
        ]
    total, rate = (sum(s.predicted_revenue for s in found.values()) for found in (after, before))
    assert 0 < total < rate / 2
    assert all(0 <= s.churn_probability <= 1 and s.predicted_revenue >= 0 for s in after.values())
    check_settings_and_summary(client, headers("viewer"))
    check_lists(client, headers("viewer"))
    check_singles(tenant, after)
    check_one_customer(client, key, max(after.values(), key=lambda s: s.predicted_revenue))
    check_simulation(client, headers("viewer"), after)
    # A run of a segment keeps the parameters; so do single computations until rfm is chosen.
    with db.scope():
        fitted = snapshots.current_calibration(tenant.id)
    run("high")
    with db.scope():
        assert snapshots.current_calibration(tenant.id) == fitted
    assert choose(model="rfm")["servingModel"] == "rfm"
    customer = next(iter(before))
    answer = client.post(f"/api/v1/customers/{customer}/clv", headers=key)
    assert answer.headers["X-CLV-Model"] == "rfm/1"


def day(found: dict[str, Scores]) -> int:
    return next(iter(found.values())).computed_ms // DAY


def check_settings_and_summary(client, key) -> None:
    settings = client.get(SETTINGS, headers=key).json
    assert (settings["servingModel"], settings["churnHorizonDays"]) == ("calibrated", 90)
    assert settings["servingReason"].startswith("Use calibrated: over 273 days it predicted")
    summary = client.get(SUMMARY, headers=key).json
    assert summary["model"] == "calibrated"
    assert summary["modelReason"] == settings["servingReason"]
    assert summary["asOf"] == settings["fittedAt"]
    points = client.get(HISTORY, headers=key).json["data"]
    assert [point["model"] for point in points] == ["calibrated", "rfm"]


def check_lists(client, key) -> None:
    plain = client.get(RECORDS, headers=key).json["data"]
    asked = client.get(f"{RECORDS}?include=model", headers=key).json["data"]
    assert [{**entry, "model": "calibrated/1"} for entry in plain] == asked
    for kind in ("text/csv", "application/x-ndjson"):
        head = {**key, "Accept": kind}
        url = f"{RECORDS}?customerId={plain[0]['customerId']}"
        without, with_model = (
            client.get(u, headers=head).text for u in (url, f"{url}&include=model")
        )
        [one], [more] = (parsed(text, kind) for text in (without, with_model))
        assert list(more.items()) == [*one.items(), ("model", "calibrated/1")]
    assert client.get(f"{RECORDS}?include=all", headers=key).status_code == 400
    head = {**key, "Accept": "text/csv"}
    forecasts = client.get(f"{RECORDS}?include=forecast&horizonDays=730", headers=head).text
    for line in parsed(forecasts, "text/csv"):
        assert line["expectedRevenue"] == line["predictedRevenue"], line["customerId"]


def parsed(text: str, kind: str) -> list[dict]:
    if kind == "text/csv":
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()]


def check_singles(tenant, batch: dict[str, Scores]) -> None:
    """Computed alone, 200 customers have the batch's scores to the last bit."""
    with db.scope():
        owner = tenants.tenant_by_id(tenant.id)
        for customer in random.Random(1).sample(sorted(batch), 200):
            alone = customers.recompute_clv(owner, customer)
            if alone.computed_ms // DAY == day(batch):
                expected = batch[customer]
                assert alone.predicted_revenue == expected.predicted_revenue
                assert alone.churn_probability == expected.churn_probability
                assert alone.score == expected.score and alone.model == expected.model == 1


def check_one_customer(client, key, scores: Scores) -> None:
    url = f"/api/v1/customers/{scores.customer_id}/clv"
    for answer in (client.get(url, headers=key), client.post(url, headers=key)):
        assert answer.headers["X-CLV-Model"] == "calibrated/1"
        assert list(answer.json) == TEN_FIELDS
    answer = client.get(f"{url}/explanation", headers=key)
    assert answer.headers["X-CLV-Model"] == "calibrated/1"
    body = answer.json
    assert (body["model"], body["modelVersion"]) == ("calibrated", 1)
    assert body["modelReason"].startswith("Use calibrated")
    assert set(body["parameters"]) == {"r", "alpha", "a", "b", "p", "q", "v"}
    interval = body["predictedRevenueInterval"]
    assert interval["level"] == 0.8
    assert 0 <= interval["low"] < body["predictedRevenue"] < interval["high"]
    assert "the sum of their intervals" in interval["note"]


def check_simulation(client, key, batch: dict[str, Scores]) -> None:
    """It predicts by the model that serves, as the batch did; with another horizon, otherwise."""
    found = client.post(SIMULATE, json={"churnHorizonDays": 365}, headers=key).json
    assert found["settings"]["churnHorizonDays"] == 365
    if found["asOf"][:10] == days_ago(0)[:10] and day(batch) == now_day():
        predicted = sum(s["predictedRevenue"] for s in found["before"]["segments"].values())
        total = sum(s.predicted_revenue for s in batch.values()) / 10_000
        assert predicted == pytest.approx(total, abs=0.03)
    risk, less = (
        sum(s["revenueAtRisk"] for s in found[which]["segments"].values())
        for which in ("before", "after")
    )
    assert less < risk
    # What serves is not simulated: it takes a fit.
    assert client.post(SIMULATE, json={"model": "rfm"}, headers=key).status_code == 400


def now_day() -> int:
    with db.scope():
        return now_ms() // DAY
