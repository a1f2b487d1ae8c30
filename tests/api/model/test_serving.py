"""Where the calibrated model serves, what it makes of poor bases, and why it does not."""

import math
from datetime import date

import pytest

from clv import db
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.store import logs, totals
from tests.api.bases import BASES, add
from tests.api.model.support import SETTINGS, stored
from tests.api.support import days_ago, row
from tests.support.calibrations import calibration


@pytest.mark.parametrize("base", BASES)
def test_whatever_the_base_something_serves_and_says_why(
    client, headers, tenant, run, choose, base
):
    add(tenant, list(dict.fromkeys(BASES[base])))
    choose(model="calibrated")
    run()
    found = stored(tenant)
    settings = client.get(SETTINGS, headers=headers("viewer")).json
    assert settings["servingReason"] and "nan" not in settings["servingReason"]
    assert {s.revenue_by.name for s in found.values()} == {settings["servingModel"]}
    assert {s.churn_by.name for s in found.values()} == {settings["servingChurnModel"]}
    assert len(found) == len({customer for customer, _, _ in BASES[base]})
    for scores in found.values():
        assert 0 <= scores.churn_probability <= 1
        assert 0 <= scores.predicted_revenue < 2**63
    customer = next(iter(found))
    body = client.get(
        f"/api/v1/customers/{customer}/clv/explanation", headers=headers("viewer")
    ).json
    assert (body["model"], body["modelReason"]) == (
        settings["servingModel"],
        settings["servingReason"],
    )
    numbers = [body["churnProbability"], body["predictedRevenue"]]
    assert all(map(math.isfinite, numbers))


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("few buyers", "The calibrated model needs 100 customers with conversions"),
        ("a short history", "The calibrated model needs 60 days of history with conversions"),
        ("nobody comes back", "needs 100 days on which a customer came back to buy"),
        ("refunds only", "There is no history of days with conversions"),
        ("one customer", "The calibrated model needs 100 customers with conversions"),
    ],
)
def test_the_gate_says_what_is_missing(client, headers, tenant, run, choose, base, reason):
    add(tenant, list(dict.fromkeys(BASES[base])))
    choose(model="calibrated")
    run()
    settings = client.get(SETTINGS, headers=headers("viewer")).json
    assert settings["servingModel"] == "rfm" and settings["fittedAt"]
    assert reason in settings["servingReason"]


def test_periods_other_than_days_are_served_by_rfm(client, headers, load, run, choose):
    today = date.fromisoformat(days_ago(0)[:10]).isocalendar()
    week = f"{today.year}-W{today.week:02}"
    load(row("a", 0, value=10, periodType="weekly", periodKey=week, converts=1))
    choose(model="calibrated")
    run()
    settings = client.get(SETTINGS, headers=headers("viewer")).json
    assert settings["servingModel"] == "rfm"
    assert "The tenant's summaries are weekly." in settings["servingReason"]


def test_who_never_bought_is_predicted_to_go_on_like_that(client, headers, tenant, load, run):
    load(row("buyer", 3, 2, 50, converts=1), row("visitor", 1, 9))
    run()
    with db.scope(), db.transaction():
        text = calibration(as_of_ms=now_ms()).to_json()
        db.execute("UPDATE snapshot SET calibration = %s", (text,))
        db.execute("UPDATE tenant SET model = 'calibrated'")
    key = headers("editor")
    visitor = client.post("/api/v1/customers/visitor/clv", headers=key)
    assert visitor.headers["X-CLV-Model"] == "calibrated/2"
    assert (visitor.json["predictedRevenue"], visitor.json["churnProbability"]) == (0, 1)
    explained = client.get("/api/v1/customers/visitor/clv/explanation", headers=key).json
    assert explained["predictedRevenueInterval"] is None
    buyer = client.post("/api/v1/customers/buyer/clv", headers=key).json
    assert buyer["predictedRevenue"] > 0 and 0 < buyer["churnProbability"] < 1
    # A snapshot that is built because the tenant has grown keeps the parameters.
    load(*(row(f"new{n}", 1, converts=1, value=5) for n in range(20)))
    assert client.post("/api/v1/customers/new1/clv", headers=key).headers["X-CLV-Model"] == (
        "calibrated/2"
    )
    # Of months they say nothing, and nobody would be predicted to buy again.
    month = f"buyer,monthly,{days_ago(40)[:7]},1,1,50,{days_ago(3)}"
    header = "customerId,periodType,periodKey,impressions,converts,totalValue,lastContactAt"
    replaced = client.put(
        "/api/v1/interaction-summaries?replace=true",
        data=f"{header}\n{month}\n",
        content_type="text/csv",
        headers=key,
    )
    assert replaced.status_code == 200, replaced.text
    buyer = client.post("/api/v1/customers/buyer/clv", headers=key)
    assert buyer.headers["X-CLV-Model"] == "rfm/1" and buyer.json["predictedRevenue"] > 0


def test_rows_of_one_day_are_one_purchase(tenant, load):
    load(
        row("a", 9, 1, 10, converts=1, offerId="x"),
        row("a", 9, 1, 20, converts=2, offerId="y"),
        row("a", 4, 1, -5, converts=0),
        row("a", 2, 1, 7, converts=1),
    )
    with db.scope():
        found = totals.totals(tenant.id, "a", with_purchases=True)
        assert totals.totals(tenant.id, "a").purchases is None
        log = logs.read(tenant.id, 1, tenant.settings.zone)
    today = calendar.day_of(days_ago(0)[:10])
    assert sorted(set(calendar.days_of(found.purchases.keys).tolist())) == [today - 9, today - 2]
    assert found.purchases.value == 370_000
    assert log.day.tolist() == [today - 9, today - 4, today - 2]
    assert log.converts.tolist() == [True, False, True]
    assert log.spent.tolist() == [300_000.0, 0.0, 70_000.0]
