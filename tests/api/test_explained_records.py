"""The explanation is of the stored record, and says when a computation would give another."""

import pytest

from clv import db
from tests.api.support import poison, row

SHOWN = ("clvScore", "segment", "predictedRevenue", "churnProbability")


@pytest.fixture
def key(headers):
    return headers()


@pytest.fixture
def record(client, key):
    return lambda customer: client.get(f"/api/v1/customers/{customer}/clv", headers=key).json


@pytest.fixture
def explained(client, key, record):
    """An explanation, which is of what GET says."""

    def explain(customer: str) -> dict:
        answer = client.get(f"/api/v1/customers/{customer}/clv/explanation", headers=key)
        assert answer.status_code == 200, answer.text
        body, stored = answer.json, record(customer)
        assert [body[name] for name in SHOWN] == [stored[name] for name in SHOWN]
        values = [part["value"] for part in body["contributions"]]
        assert values == [stored[f"rfm{n}"] for n in ("Recency", "Frequency", "Monetary")]
        return body

    return explain


@pytest.fixture
def computed(client, key, load, worker):
    """Thirty customers whom a run has computed; ``c29`` is the worst of them in all."""
    values = [200 + n if 5 < n < 25 else 100 - n for n in range(30)]
    load(*(row(f"c{n:02}", n + 5, 30 - n, value) for n, value in enumerate(values)))
    assert client.post("/api/v1/clv/compute", headers=key).json["computed"] == 30


def points(body: dict) -> float:
    return sum(part["points"] for part in body["contributions"])


def test_a_record_is_explained_as_it_is_stored_whatever_came_since(
    client, key, load, computed, explained, record
):
    before = explained("c29")
    assert (before["clvScore"], before["segment"]) == (0, "at_risk")
    assert (before["wouldChange"], before["message"]) == (None, None)
    load(row("c29", 0, 500, 9_000))
    after = explained("c29")
    assert {**after, "wouldChange": None} == before
    assert points(after) == pytest.approx(after["score"])
    would = after["wouldChange"]
    assert (would["clvScore"], would["segment"], would["rfmFrequency"]) == (100, "high", 501)
    assert client.post("/api/v1/customers/c29/clv", headers=key).status_code == 200
    assert [record("c29")[name] for name in SHOWN] == [would[name] for name in SHOWN]
    fresh = explained("c29")
    assert fresh["wouldChange"] is None and fresh["message"] is None
    assert points(fresh) == pytest.approx(fresh["score"])


def test_changed_at_risk_days_are_what_would_change(client, key, computed, explained):
    client.put("/api/v1/settings", json={"atRiskDays": 300}, headers=key)
    body = explained("c29")
    assert body["thresholds"]["atRiskDays"] == body["settings"]["atRiskDays"] == 30
    assert "34 days ago" in body["reason"]
    assert (body["segment"], body["wouldChange"]["segment"]) == ("at_risk", "low")
    assert body["message"] is None


def test_what_is_no_longer_kept_is_said_plainly(client, key, computed, explained):
    weights = {"recency": 0.1, "frequency": 0.1, "monetary": 0.8}
    client.put("/api/v1/settings", json={"weights": weights}, headers=key)
    # The settings of the run are kept for as long as its distribution is.
    assert explained("c10")["settings"]["weights"]["recency"] == 0.35
    # Another computation makes a new distribution, and the old one goes.
    body = explained("c10")
    assert "no longer kept" in body["message"] and "no longer kept" in body["reason"]
    assert body["settings"]["weights"]["recency"] == 0.1
    assert body["wouldChange"]["score"] == pytest.approx(points(body))
    assert client.post("/api/v1/customers/c10/clv", headers=key).status_code == 200
    assert explained("c10")["message"] is None


def test_without_a_record_what_a_computation_gives_is_explained(client, key, load):
    load(row("a", 5, 3, 20))
    url = "/api/v1/customers/a/clv/explanation"
    body = client.get(url, headers=key).json
    assert "no stored record" in body["message"] and body["wouldChange"] is None
    assert client.get("/api/v1/customers/a/clv", headers=key).json["source"] == "computed"
    again = client.get(url, headers=key).json
    assert again["message"] is None and again["wouldChange"] is None


def test_a_record_that_could_not_be_computed_again_is_explained_all_the_same(computed, explained):
    with db.scope():
        poison("c03")
    body = explained("c03")
    assert "would fail now: A count" in body["message"] and body["wouldChange"] is None
    assert points(body) == pytest.approx(body["score"])
