"""Forecasts in lists, files, the explanation and on the page, as a client sees them."""

import csv
import io
import json
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from clv import db
from clv.db.clock import now_ms
from clv.prediction.calibrated import Calibration
from clv.store import totals
from tests.api.dashboard.support import sign_in
from tests.api.model.support import RECORDS
from tests.api.support import insert_records, numbered_records, poison, row
from tests.unit.support import PUBLISHED

NAMES = [
    "horizonDays",
    "expectedConversions",
    "expectedRevenue",
    "expectedDaysToNextConversion",
    "probabilityActive",
    "averageConversionValue",
]
FILES = ("text/csv", "application/x-ndjson")


def fit(tenant_id: int = 1) -> None:
    """Serve by the published parameters from now on."""
    parameters = replace(PUBLISHED, v=154_500.0)
    with db.scope(), db.transaction():
        text = Calibration(parameters, "A test says so.", now_ms()).to_json()
        db.execute("UPDATE snapshot SET calibration = %s WHERE tenant_id = %s", (text, tenant_id))
        db.execute("UPDATE tenant SET model = 'calibrated' WHERE id = %s", (tenant_id,))


@pytest.fixture
def shop(tenant, load, run, client, headers):
    """Two buyers and a visitor, scored by the calibrated model."""
    load(
        row("one-time", 100, 1, 20, converts=1),
        *(row("regular", days, 1, 22.35, converts=1) for days in (272, 150, 59)),
        row("visitor", 1, 9),
    )
    run()
    fit()
    for customer in ("one-time", "regular", "visitor"):
        assert client.post(f"/api/v1/customers/{customer}/clv", headers=headers()).json


@pytest.fixture
def ask(client, headers):
    """GET as a viewer of acme."""
    key = headers("viewer")

    def get(query: str = "", accept: str = "application/json"):
        return client.get(f"{RECORDS}?{query}", headers={**key, "Accept": accept}, buffered=True)

    return get


def explanation(client, headers, customer: str, query: str = ""):
    url = f"/api/v1/customers/{customer}/clv/explanation{query}"
    return client.get(url, headers=headers("viewer"))


def lines(answer) -> list[dict]:
    if answer.mimetype == "text/csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_list_has_the_forecast_of_each_customer(ask, shop):
    one, regular, visitor = ask("include=forecast&horizonDays=273").json["data"]
    plain = ask().json["data"]
    assert [list(entry) for entry in (one, regular)] == [[*plain[0], *NAMES]] * 2
    assert {name: regular[name] for name in NAMES} == {
        "horizonDays": 273,
        "expectedConversions": 1.226,
        "expectedRevenue": 29.42,
        "expectedDaysToNextConversion": 206.326,
        "probabilityActive": 0.727,
        "averageConversionValue": 23.99,
    }
    assert [visitor[name] for name in NAMES] == [273, *[None] * 5]


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


@pytest.mark.parametrize("accept", FILES)
def test_a_file_has_the_same_forecasts_unrounded(ask, shop, accept):
    listed = ask("include=forecast,model").json["data"]
    written = lines(ask("include=model&include=forecast", accept))
    assert [list(line)[-7:] for line in written] == [[*NAMES, "model"]] * 3
    for entry, line in zip(listed, written, strict=True):
        assert (line["model"], line["customerId"]) == ("calibrated/1", entry["customerId"])
        for name in NAMES:
            if entry[name] is None:
                assert line[name] in ("", None)
            else:
                assert float(line[name]) == pytest.approx(entry[name], abs=0.0051)


def test_files_and_lists_of_any_order_have_the_same_forecasts(ask, shop):
    alike = [
        {line["customerId"]: line for line in lines(ask(f"include=forecast&sort={sort}", FILES[1]))}
        for sort in ("customerId", "-predictedRevenue")
    ]
    assert alike[0] == alike[1]


def test_the_explanation_has_three_horizons_or_the_one_asked_for(client, headers, ask, shop):
    body = explanation(client, headers, "regular").json
    assert [list(made) for made in body["forecasts"]] == [NAMES] * 3
    assert [made["horizonDays"] for made in body["forecasts"]] == [90, 365, 730]
    assert body["forecasts"][2]["expectedRevenue"] == body["predictedRevenue"]
    [listed] = ask("include=forecast&customerId=regular").json["data"]
    assert body["forecasts"][1] == {name: listed[name] for name in NAMES}
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
        assert [entry[name] for name in NAMES] == [365, *[None] * 5]
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
    assert [one[name] for name in NAMES] == [365, *[None] * 5]
    answer = ask("include=forecast", "text/csv")
    assert answer.status_code == 200 and answer.text.count("\n") == 4


def test_a_file_reads_the_totals_of_each_page_at_once_and_holds_no_connection(
    app, headers, shop, monkeypatch
):
    insert_records(numbered_records(4_100))
    read, totals_of = [], totals.totals_of

    def counted(tenant_id, customer_ids, **more):
        read.append(len(customer_ids))
        return totals_of(tenant_id, customer_ids, **more)

    monkeypatch.setattr(totals, "totals_of", counted)
    monkeypatch.setattr(totals, "totals", None)
    head = {**headers("viewer"), "Accept": "text/csv"}
    with app.test_client().get(f"{RECORDS}?include=forecast", headers=head) as answer:
        lines = 0
        for piece in answer.response:
            assert db.database.is_closed()
            lines += piece.count(b"\n")
    assert (lines, read) == (4_104, [2_000, 2_000, 103])


def test_the_page_of_a_customer_says_what_to_expect(app, headers, shop, choose):
    token = headers("viewer")["Authorization"].split()[1]
    app.test_client_class = FlaskClient
    browser = app.test_client()
    sign_in(browser, token)
    text = " ".join(browser.get("/customers/regular").text.split())
    assert "Within 365 days, revenue of 37.49 USD is to be expected." in text
    assert "The odds are even that the next conversion comes within 207 days." in text
    assert "to be expected" not in browser.get("/customers/visitor").text
    listed = browser.get("/customers?tab=all").text
    assert "/customers.csv?tab=all&amp;include=forecast" in listed
    csv_file = browser.get("/customers.csv?tab=all&include=forecast&include=model").text
    assert csv_file.split("\n")[0].endswith("averageConversionValue,model")
    choose(model="rfm")
    assert "to be expected" not in browser.get("/customers/regular").text
    assert "include=forecast" not in browser.get("/customers?tab=all").text


def test_an_export_has_the_forecasts_of_the_file_of_the_api(app, ask, shop):
    runner = app.test_cli_runner()
    query = "include=forecast,model&horizonDays=90"
    sent = ask(query, "text/csv").text
    for words in (["forecast,model"], ["model", "forecast"]):
        options = [part for word in words for part in ("--include", word)]
        command = ["export", "--tenant", "acme", *options, "--horizon-days", "90"]
        assert runner.invoke(args=command).stdout == sent
    refused = {
        "Must be one or more of: ": ["--include", "everything"],
        "needs include=forecast": ["--horizon-days", "90"],
        "Must be from 1 to 730": ["--include", "forecast", "--horizon-days", "731"],
    }
    for reason, options in refused.items():
        done = runner.invoke(args=["export", "--tenant", "acme", *options])
        assert done.exit_code and reason in done.stderr and not done.stdout
