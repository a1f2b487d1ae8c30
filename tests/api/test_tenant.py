"""Settings and API keys over HTTP."""

import threading

import pytest

from clv import db
from clv.prediction.choice import NOT_FITTED_YET
from tests.api.support import row

SETTINGS, KEYS = "/api/v1/settings", "/api/v1/api-keys"
DEFAULTS = {
    "weights": {"recency": 0.35, "frequency": 0.35, "monetary": 0.3},
    "atRiskDays": 30,
    "lifespanMonths": 24,
    "minTenureMonths": 6,
    "churnHorizonDays": 90,
    "timeZone": "UTC",
    "model": "auto",
    "currency": "USD",
    "grossMargin": 1.0,
    "acquisitionCost": None,
    "servingModel": "rfm",
    "servingReason": NOT_FITTED_YET,
    "servingSince": None,
    "servingChurnModel": "rfm",
    "servingChurnReason": NOT_FITTED_YET,
    "servingChurnSince": None,
    "fittedAt": None,
}


def test_settings_are_read_by_all_and_changed_by_admins(client, headers, tenant):
    assert client.get(SETTINGS, headers=headers("viewer")).json == DEFAULTS
    change = {"atRiskDays": 90, "currency": "EUR", "timeZone": "Europe/Berlin"}
    assert client.put(SETTINGS, headers=headers("editor"), json=change).status_code == 403
    answer = client.put(SETTINGS, headers=headers("admin"), json=change)
    assert answer.json == {**DEFAULTS, **change}
    assert client.get(SETTINGS, headers=headers("viewer")).json == {**DEFAULTS, **change}
    assert client.get(SETTINGS, headers=headers("viewer", "other")).json == DEFAULTS


def test_changed_settings_change_the_next_scores(client, headers, load):
    load(row("a", 40, 1, 360), row("b", 1))
    key, url = headers(), "/api/v1/customers/a/clv"
    assert client.get(url, headers=key).json["segment"] == "at_risk"
    weights = {"recency": 0, "frequency": 0, "monetary": 1}
    change = {"atRiskDays": 90, "lifespanMonths": 12, "weights": weights}
    client.put(SETTINGS, headers=key, json=change)
    record = client.post(url, headers=key).json
    assert (record["segment"], record["clvScore"]) == ("high", 100)
    assert record["predictedRevenue"] == 720.0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"atRiskDays": 0}, "atRiskDays"),
        ({"atRiskDays": 3651}, "atRiskDays"),
        ({"atRiskDays": "30"}, "atRiskDays"),
        ({"lifespanMonths": 121}, "lifespanMonths"),
        ({"minTenureMonths": 61}, "minTenureMonths"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "USD\n"}, "currency"),
        ({"weights": {"recency": 1}}, "weights"),
        ({"weights": {"recency": 2, "frequency": -1, "monetary": 0}}, "weights"),
        ({"churnHorizonDays": 0}, "churnHorizonDays"),
        ({"churnHorizonDays": 3651}, "churnHorizonDays"),
        ({"timeZone": "Berlin"}, "timeZone"),
        ({"timeZone": "europe/berlin"}, "timeZone"),
        ({"timeZone": ""}, "timeZone"),
        ({"timeZone": "A\0"}, "timeZone"),
        ({"timeZone": 1}, "timeZone"),
        ({"timeZone": None}, "timeZone"),
        ({"model": "calibrated/1"}, "model"),
        ({"model": None}, "model"),
        ({"grossMargin": 1.01}, "grossMargin"),
        ({"grossMargin": -0.01}, "grossMargin"),
        ({"grossMargin": None}, "grossMargin"),
        ({"acquisitionCost": -0.01}, "acquisitionCost"),
        ({"acquisitionCost": "12"}, "acquisitionCost"),
        ({"acquisitionCost": 1e13}, "acquisitionCost"),
        ({"servingModel": "calibrated"}, "servingModel"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_settings_name_the_field_and_change_nothing(client, headers, tenant, change, field):
    key = headers()
    answer = client.put(SETTINGS, headers=key, json={"minTenureMonths": 3, **change})
    assert answer.status_code == 400
    assert field in answer.json["errors"]["json"] and field in answer.json["message"]
    assert client.get(SETTINGS, headers=key).json == DEFAULTS


def test_weights_must_sum_to_1(client, headers, tenant):
    weights = {"recency": 0.5, "frequency": 0.5, "monetary": 0.5}
    answer = client.put(SETTINGS, headers=headers(), json={"weights": weights})
    assert answer.status_code == 400
    assert answer.json["message"].endswith("weights: The three weights must sum to 1.")
    assert answer.json["errors"] == {"json": {"weights": ["The three weights must sum to 1."]}}


def test_a_key_is_created_used_listed_and_revoked(client, headers, tenant):
    admin = headers()
    wanted = {"role": "viewer", "label": "reports", "expiresDays": 7}
    created = client.post(KEYS, headers=admin, json=wanted)
    assert created.status_code == 201
    body = created.json
    token = body.pop("token")
    new = {"Authorization": f"Bearer {token}"}
    assert client.get(SETTINGS, headers=new).status_code == 200
    listed = client.get(KEYS, headers=admin)
    assert body in listed.json["data"]
    assert token not in listed.text and token.split("_")[2] not in listed.text
    assert body["label"] == "reports" and body["expiresAt"]
    url = f"{KEYS}/{body['id']}"
    assert client.delete(url, headers=admin).status_code == 204
    assert client.get(SETTINGS, headers=new).status_code == 401
    revoked = {key["id"]: key["revokedAt"] for key in client.get(KEYS, headers=admin).json["data"]}
    assert revoked[body["id"]]


@pytest.mark.parametrize(
    "body", [{}, {"role": "owner"}, {"role": "admin", "expiresDays": 0}, {"role": "admin", "x": 1}]
)
def test_a_wrong_key_is_refused(client, headers, tenant, body):
    assert client.post(KEYS, headers=headers(), json=body).status_code == 400


def test_keys_are_for_admins_of_the_tenant(client, headers, tenant):
    mine = headers()["Authorization"][len("Bearer clv_") :][:12]
    for role in ("viewer", "editor"):
        key = headers(role)
        assert client.get(KEYS, headers=key).status_code == 403
        assert client.post(KEYS, headers=key, json={"role": "viewer"}).status_code == 403
        assert client.delete(f"{KEYS}/{mine}", headers=key).status_code == 403
    foreign = headers("admin", "other")
    assert client.delete(f"{KEYS}/{mine}", headers=foreign).status_code == 404
    assert client.delete(f"{KEYS}/nothing", headers=foreign).status_code == 404
    assert mine not in client.get(KEYS, headers=foreign).text


def test_the_last_admin_key_stays_even_if_two_remove_each_other(app, headers, tenant):
    keys = [headers(), headers()]
    ids = [key["Authorization"][len("Bearer clv_") :][:12] for key in keys]
    statuses: list[int] = []

    def remove(key, other) -> None:
        answer = app.test_client().delete(f"{KEYS}/{other}", headers=key)
        statuses.append(answer.status_code)

    threads = [
        threading.Thread(target=remove, args=pair) for pair in zip(keys, ids[::-1], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(204) == 1
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM api_key WHERE revoked_ms IS NULL") == 1
