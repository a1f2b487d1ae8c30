"""POST /interaction-summaries."""

import pytest

from clv import db
from tests.api.support import days_ago, row

URL = "/api/v1/interaction-summaries"


@pytest.fixture
def post(client, headers, tenant):
    key = headers("editor")
    return lambda rows: client.post(URL, json={"data": rows}, headers=key)


def stored() -> list[tuple]:
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, offer_id, impressions, converts, total_value,"
            " first_contact_ms, last_contact_ms FROM interaction_summary ORDER BY 1, 2, 3"
        )


def counts(received=0, inserted=0, updated=0, unchanged=0, deleted=0) -> dict:
    return {
        "received": received,
        "inserted": inserted,
        "updated": updated,
        "unchanged": unchanged,
        "deleted": deleted,
    }


def test_the_same_row_again_changes_nothing_and_a_corrected_one_replaces(load):
    first = row("a", 1, 2, 10.5, offerId="o1")
    assert load(first, row("b", 1)) == counts(received=2, inserted=2)
    assert load(first) == counts(received=1, unchanged=1)
    assert load({**first, "offerId": None}) == counts(received=1, inserted=1)
    assert load({**first, "totalValue": 11, "impressions": 3}) == counts(received=1, updated=1)
    assert [found[3:6] for found in stored() if found[2] == "o1"] == [(3, 0, 110_000)]


def test_a_row_of_zeros_deletes_and_the_last_one_takes_the_record_with_it(client, headers, load):
    load(row("a", 1), row("a", 2), row("b", 1))
    key = headers()
    for customer in "ab":
        client.get(f"/api/v1/customers/{customer}/clv", headers=key)
    gone = row("a", 1, impressions=0)
    assert load(gone) == counts(received=1, deleted=1)
    assert client.get("/api/v1/customers/a/clv", headers=key).json["source"] == "cached"
    assert load(gone, row("a", 2, impressions=0)) == counts(received=2, unchanged=1, deleted=1)
    assert client.get("/api/v1/customers/a/clv", headers=key).status_code == 404
    assert client.get("/api/v1/customers/b/clv", headers=key).status_code == 200
    with db.scope():
        assert db.value("SELECT customers FROM tenant WHERE name = 'acme'") == 1


def test_defaults_are_filled_in(load):
    load(
        {
            "customerId": "a",
            "periodType": "monthly",
            "periodKey": "2026-04",
            "converts": 2,
            "totalValue": 0.0001,
            "lastContactAt": "2026-04-30T09:15:00.123+02:00",
        }
    )
    april, last = 1_775_001_600_000, 1_777_533_300_123
    assert stored() == [("a", "2026-04", "", 2, 2, 1, april, last)]


def test_amounts_are_rounded_half_up_to_4_decimals(load):
    load(row("a", 1, 1, 15.299999999999999), row("b", 1, 1, -0.00005), row("c", 1, 1, 0.00004))
    assert [found[5] for found in stored()] == [153_000, -1, 0]


def test_the_first_contact_defaults_to_the_last_where_that_is_earlier(load):
    load({**row("a", 5), "periodKey": days_ago(1)[:10]})
    (found,) = stored()
    assert found[6] == found[7]


def test_a_tenant_has_one_period_type_until_all_is_deleted(post):
    alltime = {
        "customerId": "a",
        "periodType": "alltime",
        "periodKey": "alltime",
        "impressions": 3,
        "firstContactAt": days_ago(9),
        "lastContactAt": days_ago(1),
    }
    assert post([alltime]).status_code == 200
    refused = post([row("b", 1)])
    assert refused.status_code == 409
    assert "alltime" in refused.json["message"] and "daily" in refused.json["message"]
    assert post([{**alltime, "impressions": 0}]).json["deleted"] == 1
    assert post([row("b", 1)]).status_code == 200
    assert len(stored()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customerId": ""}, "customerId"),
        ({"customerId": "a/b"}, "customerId"),
        ({"customerId": "\ud800"}, "customerId"),
        ({"customerId": "a\0"}, "customerId"),
        ({"customerId": 7}, "customerId"),
        ({"customerId": None}, "customerId"),
        ({"offerId": "x" * 129}, "offerId"),
        ({"periodType": "hourly"}, "periodType"),
        ({"periodType": "weekly"}, "periodKey"),
        ({"periodKey": "2026-02-30"}, "periodKey"),
        ({"impressions": -1}, "impressions"),
        ({"impressions": 1.5}, "impressions"),
        ({"impressions": True}, "impressions"),
        ({"impressions": "7"}, "impressions"),
        ({"impressions": 1_000_000_001}, "impressions"),
        ({"converts": None}, "converts"),
        ({"totalValue": 1e13}, "totalValue"),
        ({"totalValue": -1000000000000.0001}, "totalValue"),
        ({"totalValue": "7"}, "totalValue"),
        ({"totalValue": False}, "totalValue"),
        ({"lastContactAt": "2026-04-30T09:15:00"}, "lastContactAt"),
        ({"lastContactAt": "1969-12-31T23:59:59Z"}, "lastContactAt"),
        ({"lastContactAt": "2999-01-01T00:00:00Z"}, "lastContactAt"),
        ({"lastContactAt": 1_777_533_300}, "lastContactAt"),
        ({"lastContactAt": None}, "lastContactAt"),
        ({"firstContactAt": days_ago(0)}, "firstContactAt"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_value_names_its_row_and_field_and_nothing_is_kept(post, change, field):
    answer = post([row("ok", 1), {**row("a", 1), **change}])
    assert answer.status_code == 400, answer.text
    assert field in answer.json["errors"]["json"]["data"]["1"]
    assert f"data.1.{field}" in answer.json["message"]
    assert stored() == []


def test_an_alltime_row_needs_its_first_contact(post):
    answer = post([{**row("a", 1), "periodType": "alltime", "periodKey": "alltime"}])
    assert answer.json["errors"]["json"]["data"]["0"] == {
        "firstContactAt": ["Is required for an alltime row."]
    }


def test_rows_that_contradict_each_other_are_refused(post):
    double = post([row("a", 1), row("b", 1), row("a", 1, 5)])
    assert double.status_code == 400
    assert double.json["errors"]["json"]["data"] == {"2": ["Has the same key as row 0."]}
    mixed = post([row("a", 1), {**row("b", 1), "periodType": "weekly", "periodKey": "2026-W18"}])
    assert mixed.status_code == 400
    assert "periodType" in mixed.json["message"]
    assert stored() == []


@pytest.mark.parametrize("size", [0, 1001])
def test_a_payload_has_1_to_1000_rows(post, size):
    answer = post([row(f"c{n}", 1) for n in range(size)])
    assert answer.status_code == 400
    assert "data" in answer.json["errors"]["json"]


def test_a_thousand_rows_are_fine_and_counted_by_customer(post):
    rows = [row(f"c{n % 300}", 1 + n // 300) for n in range(1000)]
    assert post(rows).json == counts(received=1000, inserted=1000)
    with db.scope():
        assert db.value("SELECT customers FROM tenant") == 300
