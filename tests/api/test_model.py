"""The calibrated model behind the ten fields: where it serves, what it predicts, and why not."""

import csv
import io
import json
import math
import random
from collections.abc import Sequence
from datetime import date

import pytest

from clv import db
from clv.config import ROOT
from clv.db.clock import now_ms
from clv.domain import calendar
from clv.domain.scoring import MODELS, Scores
from clv.prediction import calibrated
from clv.prediction.calibrated import Calibration
from clv.services import customers, loading
from clv.store import records, snapshots, tenants, totals
from clv.store.summaries import Summary
from tests.api.support import days_ago, row
from tests.jobs.support import DAY, Bell, begin, complete

SETTINGS, RECORDS, SIMULATE = "/api/v1/settings", "/api/v1/clv/records", "/api/v1/clv/simulate"
SUMMARY, HISTORY = "/api/v1/clv/summary", "/api/v1/clv/summary/history"
LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")
TEN_FIELDS = [
    "customerId",
    "clvScore",
    "predictedRevenue",
    "churnProbability",
    "rfmRecency",
    "rfmFrequency",
    "rfmMonetary",
    "segment",
    "computedAt",
    "source",
]


@pytest.fixture
def run(app, tenant):
    """A full run of acme, in this process."""

    def compute(segment: str | None = None) -> None:
        with db.scope():
            complete(begin(segment), Bell(app.extensions["clv"].queue.redis))

    return compute


@pytest.fixture
def choose(client, headers):
    """Change acme's settings; the answer."""
    key = headers()

    def put(**changes) -> dict:
        answer = client.put(SETTINGS, json=changes, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return put


def import_log(app) -> None:
    command = ["import", LOG, "--tenant", "acme", "--replay-until", "now"]
    assert app.test_cli_runner().invoke(args=command).exit_code == 0


def add(tenant, purchases: Sequence[tuple[str, int, float]], period_type: str = "daily") -> None:
    """Purchases: customer, how many days ago, and the amount (negative: a refund)."""
    with db.scope():
        now = now_ms()
        rows = [
            Summary(
                customer,
                days_ago(days)[:10],
                "" if amount >= 0 else "refund",
                "",
                "",
                int(amount >= 0),
                int(amount >= 0),
                int(amount * 10_000),
                now - days * DAY,
                now - days * DAY,
            )
            for customer, days, amount in purchases
        ]
        loading.add_summaries(tenant, period_type, rows)


def stored(tenant) -> dict[str, Scores]:
    """All records by customer."""
    with db.scope():
        found = db.rows(
            f"SELECT {records.COLUMNS} FROM clv_record WHERE tenant_id = %s", (tenant.id,)
        )
    return {row[0]: Scores(*row) for row in found}


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


def one_time(count: int) -> list[tuple[str, int, float]]:
    return [(f"c{n:04}", 1 + n % 400, 10 + n % 7) for n in range(count)]


def returning(count: int, amount: float | None = None) -> list[tuple[str, int, float]]:
    """Customers who buy some 1 to 6 times in 400 days."""
    dice = random.Random(7)
    return [
        (f"c{n:04}", days, amount or dice.randint(5, 90))
        for n in range(count)
        for days in {dice.randint(1, 400) for _ in range(dice.choice((1, 1, 1, 2, 3, 6)))}
    ]


DAILY_FOR_TEN_YEARS = [("eager", days, 5.0) for days in range(1, 3_650)]
BASES = {
    "nobody comes back": one_time(600),
    "equal amounts": returning(600, 20.0),
    "one customer": [("only", 400, 10.0), ("only", 1, 10.0)],
    "daily for ten years": DAILY_FOR_TEN_YEARS,
    "daily for ten years among others": DAILY_FOR_TEN_YEARS + returning(600),
    "refunds only": [(f"c{n:04}", 1 + n % 400, -10.0) for n in range(600)],
    "more refunds than sales": [*returning(600), *((f"c{n:04}", 1, -999.0) for n in range(600))],
    "nothing but free": [(customer, days, 0.0) for customer, days, _ in returning(600)],
    "a short history": [(customer, days % 100, 10.0) for customer, days, _ in returning(600)],
    "few buyers": returning(400),
}


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
    assert {MODELS[s.model].split("/")[0] for s in found.values()} == {settings["servingModel"]}
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
        ("few buyers", "The calibrated model needs 500 customers with conversions"),
        ("a short history", "The calibrated model needs a history of 180 days"),
        ("nobody comes back", "No buyer has come back on a second day."),
        ("refunds only", "There is no history of days with conversions"),
        ("one customer", "The calibrated model needs 500 customers with conversions"),
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
    parameters = calibrated.Parameters(0.25, 30.0, 0.8, 2.4, 6.25, 3.74, 150_000.0)
    with db.scope(), db.transaction():
        text = Calibration(parameters, "A test says so.", now_ms()).to_json()
        db.execute("UPDATE snapshot SET calibration = %s", (text,))
        db.execute("UPDATE tenant SET model = 'calibrated'")
    key = headers("editor")
    visitor = client.post("/api/v1/customers/visitor/clv", headers=key)
    assert visitor.headers["X-CLV-Model"] == "calibrated/1"
    assert (visitor.json["predictedRevenue"], visitor.json["churnProbability"]) == (0, 1)
    explained = client.get("/api/v1/customers/visitor/clv/explanation", headers=key).json
    assert explained["predictedRevenueInterval"] is None
    buyer = client.post("/api/v1/customers/buyer/clv", headers=key).json
    assert buyer["predictedRevenue"] > 0 and 0 < buyer["churnProbability"] < 1
    # A snapshot that is built because the tenant has grown keeps the parameters.
    load(*(row(f"new{n}", 1, converts=1, value=5) for n in range(20)))
    assert client.post("/api/v1/customers/new1/clv", headers=key).headers["X-CLV-Model"] == (
        "calibrated/1"
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
        [page] = totals.stream_totals(tenant.id, with_purchases=True)
    bought = found.purchases
    assert (bought.days, bought.last_day - bought.first_day, bought.value) == (2, 7, 370_000)
    days, first, last, value = page[0][4:]
    assert (days, calendar.day_of(first), calendar.day_of(last), value) == (
        2,
        bought.first_day,
        bought.last_day,
        370_000,
    )
