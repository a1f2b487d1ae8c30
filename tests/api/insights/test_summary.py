"""GET /clv/summary: the figures of the last full run."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from app import create_app
from clv import db
from clv.db.clock import now_ms
from clv.domain.calendar import iso
from clv.domain.groups import NAMES
from clv.domain.scoring import SEGMENTS
from clv.services import batch
from clv.services.settings import suggest_at_risk_days
from clv.store import runs, shards, tenants
from tests.api.insights.support import GROUP, HISTORY, NOTHING, SUMMARY
from tests.api.support import poison, row
from tests.jobs.support import LEASE, planned


def money(ten_thousandths: int) -> float:
    """Rounded half up to cents."""
    return float((Decimal(ten_thousandths) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP))


def stored() -> list[dict]:
    """Acme's records."""
    names = (
        "customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
        " monetary, segment, tenure_days"
    )
    with db.scope():
        found = db.rows(f"SELECT {names} FROM clv_record WHERE tenant_id = 1")
    return [dict(zip(names.split(", "), values, strict=True)) for values in found]


def check_group(shown: dict, records: list[dict]) -> None:
    assert list(shown) == GROUP
    assert shown["customers"] == len(records)
    mean = math.fsum(r["score"] for r in records) / len(records) if records else None
    assert shown["meanScore"] == (mean if mean is None else pytest.approx(mean, rel=1e-12))
    assert shown["revenue"] == money(sum(r["monetary"] for r in records))
    assert shown["predictedRevenue"] == money(sum(r["predicted_revenue"] for r in records))
    at_risk = math.fsum(r["predicted_revenue"] * r["churn_probability"] for r in records)
    assert shown["revenueAtRisk"] == pytest.approx(at_risk / 10_000, abs=0.006)


def check_summary(shown: dict) -> None:
    """The summary equals the sums over the records."""
    records = stored()
    check_group({name: shown[name] for name in GROUP}, records)
    assert list(shown["segments"]) == list(SEGMENTS)
    for segment in SEGMENTS:
        check_group(shown["segments"][segment], [r for r in records if r["segment"] == segment])
    check_group(shown["newCustomers"], [r for r in records if r["tenure_days"] < 90])
    silent_for = {r["customer_id"]: r["recency_days"] for r in records if r["frequency"]}
    for name, least, most in (("slipping", 30, 89), ("lost", 90, 10**6)):
        inside = [r for r in records if least <= silent_for.get(r["customer_id"], -1) <= most]
        check_group(shown[name], inside)
    counts = [0] * 20
    for r in records:
        counts[min(int(r["score"] / 5), 19)] += 1
    assert shown["histogram"] == [
        {"from": 5 * number, "to": 5 * number + 5, "customers": count}
        for number, count in enumerate(counts)
    ]
    silent = sum(r["frequency"] == 0 for r in records)
    assert shown["customersWithoutInteraction"] == silent


def test_the_summary_equals_the_sums_over_the_records_of_the_cdnow_log(shop, run, get, load):
    job_id = run()
    first = get(SUMMARY)
    check_summary(first)
    assert first["customers"] == 23_570 + 104
    assert first["jobId"] == job_id and first["message"] is None
    # Only the star scores 100.
    assert first["histogram"][19]["customers"] >= 1
    assert max(r["score"] for r in stored()) == 100
    assert first["newCustomers"]["customers"] == 94
    assert first["customersWithoutInteraction"] == 1
    with db.scope():
        snapshot = db.rows("SELECT p25, p75, as_of_ms FROM snapshot")
        tenant = tenants.tenant_by_name("acme")
        suggested = suggest_at_risk_days(tenant)
    [(p25, p75, as_of)] = snapshot
    assert (first["p25"], first["p75"], first["asOf"]) == (p25, p75, iso(as_of))
    # As the command line suggests.
    assert first["suggestion"] == {
        "atRiskDays": suggested.days,
        "shareAtRiskNow": pytest.approx(suggested.share_now, abs=0.0005),
        "shareAtRiskThen": pytest.approx(suggested.share_then, abs=0.0005),
    }
    assert suggested.days > 30 and suggested.share_then < 0.9 < suggested.share_now
    # A run of a segment: its members are computed again, of everybody else the sums are the same.
    load(*(row(f"{number:05}", 0, 3, 10) for number in range(1, 400)), row("star", 0, 1, -5))
    job_id = run("at_risk")
    second = get(SUMMARY)
    check_summary(second)
    assert second["jobId"] == job_id
    assert second["segments"]["at_risk"]["customers"] < first["segments"]["at_risk"]["customers"]
    assert second["lastFullRunAt"] == first["asOf"] < second["asOf"]


def test_the_body_has_its_fields_in_their_order(run, get, load):
    load(row("a", 1))
    before, key = get(SUMMARY), list(get(SUMMARY))
    run()
    assert list(get(SUMMARY)) == key == list(before)
    assert key == [
        *GROUP,
        "segments",
        "newCustomers",
        "slipping",
        "lost",
        "rfmGroups",
        "rfmGrid",
        "p25",
        "p75",
        "histogram",
        "customersWithoutInteraction",
        "suggestion",
        "model",
        "modelReason",
        "modelSince",
        "churnModel",
        "churnModelReason",
        "churnModelSince",
        "currency",
        "asOf",
        "jobId",
        "dataUpdatedAt",
        "lastFullRunAt",
        "stale",
        "settingsChangedSinceLastRun",
        "message",
    ]


def test_before_the_first_run_there_is_only_the_number_of_customers(get, load):
    load(row("a", 1), row("b", 1))
    shown = get(SUMMARY)
    assert shown.pop("message") == "No run has finished yet: POST /api/v1/clv/compute starts one."
    updated = datetime.fromisoformat(shown.pop("dataUpdatedAt"))
    assert datetime.now(UTC) - updated < timedelta(minutes=5)
    assert {name: value for name, value in shown.items() if value is not None} == {
        "customers": 2,
        "currency": "USD",
        "stale": True,
        "settingsChangedSinceLastRun": False,
    }


def test_a_run_of_a_tenant_without_customers_finds_nothing(run, get):
    assert get(SUMMARY)["stale"] is False
    job_id = run()
    shown = get(SUMMARY)
    assert {name: shown[name] for name in GROUP} == NOTHING
    assert shown["segments"] == dict.fromkeys(SEGMENTS, NOTHING)
    assert shown["newCustomers"] == shown["slipping"] == shown["lost"] == NOTHING
    assert shown["rfmGroups"] == dict.fromkeys(NAMES, NOTHING)
    assert [cell["customers"] for cell in shown["rfmGrid"]] == [0] * 25
    assert (shown["p25"], shown["p75"], shown["suggestion"]) == (None, None, None)
    assert [found["customers"] for found in shown["histogram"]] == [0] * 20
    assert (shown["customersWithoutInteraction"], shown["jobId"]) == (0, job_id)
    assert shown["asOf"] == shown["lastFullRunAt"] is not None
    assert (shown["stale"], shown["dataUpdatedAt"]) == (False, None)
    assert len(get(HISTORY)["data"]) == 1


def test_a_run_in_which_nobody_can_be_scored_finds_nothing(run, get, load):
    load(row("a", 1), row("b", 2))
    with db.scope():
        poison("a")
        poison("b")
    run()
    shown = get(SUMMARY)
    assert {name: shown[name] for name in GROUP} == NOTHING
    assert (shown["p25"], shown["stale"]) == (None, False)
    assert get("/api/v1/clv/jobs")["data"][0]["errors"] == 2


@pytest.mark.parametrize(("customers", "says"), [(19, True), (20, False)])
def test_with_few_customers_it_says_that_scores_mean_little(run, get, load, customers, says):
    load(*(row(f"c{n}", n) for n in range(customers)))
    run()
    message = get(SUMMARY)["message"]
    wanted = "With fewer than 20 customers, scores mean little yet."
    assert message == (wanted if says else None)


def test_the_summary_is_what_the_run_stored_and_nothing_is_scanned(run, get, load):
    load(row("a", 1, 2, 30), row("b", 40, 1, 5))
    run()
    before = (get(SUMMARY), get(HISTORY))
    with db.scope():
        for table in ("clv_record", "interaction_summary", "snapshot", "clv_change"):
            db.execute(f"DELETE FROM {table}")
    assert (get(SUMMARY), get(HISTORY)) == before


def test_a_single_computation_is_in_the_summary_of_the_next_run(client, headers, run, get, load):
    load(row("a", 1, 1, 30), row("b", 40, 1, 5))
    run()
    before = get(SUMMARY)
    load(row("a", 0, 9, 70))
    client.post("/api/v1/customers/a/clv", headers=headers("editor"))
    after = get(SUMMARY)
    assert after["revenue"] == before["revenue"] == 35
    assert after["asOf"] == before["asOf"]
    run()
    assert get(SUMMARY)["revenue"] == 105
    check_summary(get(SUMMARY))


def test_a_web_process_rings_for_the_end_of_a_run_and_leaves_it_to_a_worker(
    settings, tenant, headers, load
):
    load(*(row(f"c{n}", 1) for n in range(60)))
    app = create_app(replace(settings, redis_url=settings.redis_url[:-1] + "7"))
    queue = app.extensions["clv"].queue
    queue.redis.delete("rq:queue:clv")
    with db.scope():
        run_id = planned(queue)
        with queue.reporting(runs.by_id(run_id).job_id) as report:
            batch.compute_shard(shards.claim_shard(run_id, LEASE), report, until=float("inf"))
        url = f"/api/v1/clv/jobs/{runs.by_id(run_id).job_id}"
    shown = app.test_client().get(url, headers=headers()).json
    assert (shown["status"], shown["processed"], shown["percent"]) == ("running", 60, 99.9)
    assert queue.waiting(1) == 1
    with db.scope():
        batch.work(run_id, queue, settings)
        assert runs.by_id(run_id).status == "finished"
    queue.redis.delete("rq:queue:clv")


def test_the_figures_are_json_numbers_and_never_minus_zero(client, headers, run, load):
    load(row("a", 1, 1, -0.0001), row("b", 1, 1, 0))
    run()
    answer = client.get(SUMMARY, headers=headers("viewer"))
    assert b"-0" not in answer.data.split(b'"model"')[0]
    assert json.loads(answer.data)["revenue"] == 0
    with db.scope():
        assert now_ms() >= db.value("SELECT MAX(computed_ms) FROM clv_record")
