"""Who may simulate, and what with."""

from itertools import count, takewhile

import pytest

from tests.api.simulation.support import SETTINGS, URL


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_every_role_may_simulate(client, headers, some, role):
    assert client.post(URL, headers=headers(role)).status_code == 200


def test_a_key_is_needed_of_this_tenant(client, headers, tenant):
    assert client.post(URL).status_code == 401
    foreign = {**headers("admin", "other"), "X-Tenant-Id": "acme"}
    assert client.post(URL, headers=foreign).status_code == 403


def test_another_tenants_customers_are_not_counted(client, headers, ask, some):
    found = client.post(URL, headers=headers("viewer", "other")).json
    assert found["customers"] == found["computed"] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"atRiskDays": 0}, "atRiskDays"),
        ({"atRiskDays": "30"}, "atRiskDays"),
        ({"lifespanMonths": 121}, "lifespanMonths"),
        ({"currency": "EUR"}, "currency"),
        ({"weights": {"recency": 0.5, "frequency": 0.5, "monetary": 0.5}}, "weights"),
        ({"weights": {"recency": 1}}, "weights"),
        ({"weights": None}, "weights"),
        ({"minTenureMonths": 1.5}, "minTenureMonths"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_settings_name_the_field(client, headers, tenant, changes, field):
    answer = client.post(URL, json=changes, headers=headers("viewer"))
    assert answer.status_code == 400
    assert field in answer.json["message"] and list(answer.json["errors"]["json"]) == [field]


def test_weights_that_do_not_sum_to_1_are_refused(client, headers, tenant):
    weights = {"recency": 0.3, "frequency": 0.3, "monetary": 0.3}
    answer = client.post(URL, json={"weights": weights}, headers=headers("viewer"))
    assert "sum to 1" in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"json": []}, 400),
        ({"data": "null", "content_type": "application/json"}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "atRiskDays=3", "content_type": "text/plain"}, 415),
    ],
)
def test_a_body_that_is_no_object_is_refused(client, headers, tenant, body, status):
    assert client.post(URL, headers=headers("viewer"), **body).status_code == status


def test_simulations_leave_threads_for_others(app, client, headers, some):
    key, room = headers("viewer"), app.extensions["clv"].waiting_room
    others = list(takewhile(room.take, count(1_000)))
    refused = client.post(URL, headers=key)
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    assert client.get(SETTINGS, headers=key).status_code == 200
    room.leave(others.pop())
    for _ in range(3):
        assert client.post(URL, headers=key).status_code == 200
