"""Forecasts in lists and in the explanation, as a client sees them."""

import pytest

from clv import db
from clv.store import totals
from tests.api.model.support import FILES, FORECAST, RECORDS, explanation, fit, lines
from tests.api.support import poison, row


def test_a_list_has_the_forecast_of_each_customer(ask, shop):
    one, regular, visitor = ask("include=forecast&horizonDays=273").json["data"]
    plain = ask().json["data"]
    assert [list(entry) for entry in (one, regular)] == [[*plain[0], *FORECAST]] * 2
    assert {name: regular[name] for name in FORECAST} == {
        "horizonDays": 273,
        "expectedConversions": 1.226,
        "expectedRevenue": 29.42,
        "expectedDaysToNextConversion": 206.326,
        "probabilityActive": 0.727,
        "averageConversionValue": 23.99,
    }
    assert [visitor[name] for name in FORECAST] == [273, *[None] * 5]


def test_a_year_is_forecast_unless_another_horizon_is_asked_for(ask, shop, choose):
    assert {entry["horizonDays"] for entry in ask("include=forecast").json["data"]} == {365}
    choose(lifespanMonths=3)
    assert {entry["horizonDays"] for entry in ask("include=forecast").json["data"]} == {91}


def test_the_lifespan_brings_the_predicted_revenue(ask, shop):
    found = ask("include=forecast&horizonDays=730", FILES[1])
    buyers = [line for line in lines(found) if line["expectedRevenue"] is not None]
    assert len(buyers) == 2
    for line in buyers:
        assert line["expectedRevenue"] == line["predictedRevenue"] > 0


def test_the_explanation_has_three_horizons_or_the_one_asked_for(client, headers, ask, shop):
    body = explanation(client, headers, "regular").json
    assert [list(made) for made in body["forecasts"]] == [FORECAST] * 3
    assert [made["horizonDays"] for made in body["forecasts"]] == [90, 365, 730]
    assert body["forecasts"][2]["expectedRevenue"] == body["predictedRevenue"]
    [listed] = ask("include=forecast&customerId=regular").json["data"]
    assert body["forecasts"][1] == {name: listed[name] for name in FORECAST}
    [asked] = explanation(client, headers, "regular", "?horizonDays=90").json["forecasts"]
    assert asked == body["forecasts"][0]


def test_a_customer_without_a_record_is_forecast_as_of_now(client, headers, shop, load):
    load(row("new", 40, 1, 30, converts=1))
    body = explanation(client, headers, "new").json
    assert body["message"].startswith("There is no stored record")
    assert body["forecasts"][2]["expectedRevenue"] == body["predictedRevenue"] > 0


def test_there_is_nothing_to_forecast_for_visitors_and_where_rfm_serves(
    client, headers, ask, shop, choose
):
    nulls = [[days, *[None] * 5] for days in (90, 365, 730)]
    visitor = explanation(client, headers, "visitor").json["forecasts"]
    assert [list(made.values()) for made in visitor] == nulls
    choose(model="rfm")
    buyer = explanation(client, headers, "regular").json["forecasts"]
    assert [list(made.values()) for made in buyer] == nulls
    for entry in ask("include=forecast").json["data"]:
        assert [entry[name] for name in FORECAST] == [365, *[None] * 5]
    assert ask("include=forecast", "text/csv").text.count(",365,,,,,\n") == 3


@pytest.mark.parametrize("days", ["0", "-1", "731", "1.5", "soon", "", "9" * 30])
def test_a_horizon_is_a_number_of_days_within_the_lifespan(client, headers, ask, shop, days):
    for accept in ("application/json", *FILES):
        answer = ask(f"include=forecast&horizonDays={days}", accept)
        assert answer.status_code == 400, days
        assert list(answer.json["errors"]["query"]) == ["horizonDays"]
    answer = explanation(client, headers, "regular", f"?horizonDays={days}")
    assert answer.status_code == 400 and "horizonDays" in answer.json["message"]


def test_a_horizon_beyond_the_lifespan_is_told_its_days(ask, shop):
    answer = ask("include=forecast&horizonDays=731")
    assert "Must be from 1 to 730: the days of the lifespan." in answer.json["message"]


def test_a_horizon_needs_a_forecast(ask, shop):
    for accept in ("application/json", *FILES):
        for query in ("horizonDays=90", "horizonDays=90&include=model"):
            answer = ask(query, accept)
            assert answer.status_code == 400
            assert "needs include=forecast" in answer.json["errors"]["query"]["horizonDays"][0]


@pytest.mark.parametrize(
    "query", ["all", "model,all", "model&include=all", "", "forecast,", "FORECAST"]
)
def test_an_unknown_word_is_refused_with_those_there_are(ask, shop, query):
    for accept in ("application/json", *FILES):
        answer = ask(f"include={query}", accept)
        assert answer.status_code == 400
        [message] = answer.json["errors"]["query"]["include"]
        assert message.startswith("Must be one or more of: ")
        assert "forecast" in message and "model" in message


def test_another_tenants_customer_of_the_same_id_is_not_in_a_forecast(
    client, headers, ask, shop, run, load
):
    theirs = headers("admin", "other")
    rows = [row("regular", days, 1, 9_999, converts=1) for days in (3, 2, 1)]
    sent = client.post("/api/v1/interaction-summaries", json={"data": rows}, headers=theirs)
    assert sent.status_code == 200
    assert client.post("/api/v1/customers/regular/clv", headers=theirs).status_code == 200
    before = ask("include=forecast&customerId=regular").json["data"]
    fit(2)
    assert ask("include=forecast&customerId=regular").json["data"] == before
    url = f"{RECORDS}?include=forecast&customerId=regular&customerId=one-time"
    [found] = client.get(url, headers=theirs).json["data"]
    assert found["averageConversionValue"] > 5_000
    assert explanation(client, headers, "regular").json["forecasts"][1]["expectedRevenue"] < 100
    ours = client.get("/api/v1/customers/one-time/clv/explanation", headers=theirs)
    assert ours.status_code == 404


def test_a_forecast_is_of_the_summaries_as_they_are_now(ask, shop, load):
    [before] = ask("include=forecast&customerId=one-time").json["data"]
    load(row("one-time", 2, 1, 500, converts=1))
    [after] = ask("include=forecast&customerId=one-time").json["data"]
    assert after["predictedRevenue"] == before["predictedRevenue"]
    assert after["expectedRevenue"] > 2 * before["expectedRevenue"]


def test_who_cannot_be_added_up_hides_nobody_else(ask, shop, load, tenant):
    before = ask("include=forecast").json["data"]
    with db.scope():
        found = totals.totals_of(tenant.id, ["regular", "visitor", "nobody"], with_purchases=True)
        assert sorted(found) == ["regular", "visitor"] and found["visitor"].purchases is None
        assert found["regular"] == totals.totals(tenant.id, "regular", with_purchases=True)
    trillions = [row("one-time", 1, 1, 10**12, converts=1, offerId=f"{n:04}") for n in range(923)]
    load(*trillions)
    with db.scope():
        poison("visitor")
    one, regular, visitor = ask("include=forecast").json["data"]
    assert (regular, visitor) == tuple(before[1:])
    assert [one[name] for name in FORECAST] == [365, *[None] * 5]
    answer = ask("include=forecast", "text/csv")
    assert answer.status_code == 200 and answer.text.count("\n") == 4
