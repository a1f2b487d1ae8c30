"""GET /clv/summary, its history, /clv/changes and a customer's history."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from app import create_app
from clv import db
from clv.api import paging
from clv.config import ROOT
from clv.db.clock import now_ms
from clv.domain import overview
from clv.domain.calendar import iso
from clv.domain.scoring import SEGMENTS
from clv.services import batch, snapshots
from clv.services.settings import suggest_at_risk_days
from clv.store import runs, shards, tenants, totals
from tests.api.support import days_ago, poison, row
from tests.conftest import unreachable_redis
from tests.jobs.support import (
    LEASE,
    Bell,
    add_customers,
    begin,
    complete,
    compute_first_chunk,
    planned,
)

LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")
SUMMARY = "/api/v1/clv/summary"
HISTORY = "/api/v1/clv/summary/history"
CHANGES = "/api/v1/clv/changes"
NOTHING = {
    "customers": 0,
    "meanScore": None,
    "revenue": 0,
    "predictedRevenue": 0,
    "revenueAtRisk": 0,
}
GROUP = list(NOTHING)
HOUR = 3_600_000


@pytest.fixture
def run(app, tenant) -> Callable[..., str]:
    """Work off a run of acme, of a segment or of everybody; its job id."""
    bell = Bell(app.extensions["clv"].queue.redis)

    def work(segment: str | None = None) -> str:
        with db.scope():
            run_id = begin(segment)
            complete(run_id, bell)
            return runs.by_id(run_id).job_id

    return work


@pytest.fixture
def get(client, headers) -> Callable[..., dict]:
    """Read as a viewer of acme."""
    key = headers("viewer")

    def read(url: str) -> dict:
        answer = client.get(url, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return read


def customer_history_url(customer_id: str) -> str:
    return f"/api/v1/customers/{customer_id}/clv/history"


def money(ten_thousandths: int) -> float:
    """Rounded half up to cents."""
    return float((Decimal(ten_thousandths) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP))


def stored() -> list[dict]:
    """Acme's records."""
    names = "score, predicted_revenue, churn_probability, frequency, monetary, segment, tenure_days"
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
    counts = [0] * 20
    for r in records:
        counts[min(int(r["score"] / 5), 19)] += 1
    assert shown["histogram"] == [
        {"from": 5 * number, "to": 5 * number + 5, "customers": count}
        for number, count in enumerate(counts)
    ]
    silent = sum(r["frequency"] == 0 for r in records)
    assert shown["customersWithoutInteraction"] == silent


@pytest.fixture
def shop(app, tenant, load):
    """The CDNOW log replayed until today in acme, with some who are special."""
    done = app.test_cli_runner().invoke(
        args=["import", LOG, "--tenant", "acme", "--replay-until", "now"]
    )
    assert done.exit_code == 0, done.output
    load(
        row("star", 0, 5_000, 99_999.99),
        row("refunded", 3, 2, -750.5),
        row("refunded-new", 3, 2, -0.0001),
        row("silent", 5, 0, 12.345, converts=1),
        *(row(f"new-{n}", n, n + 1, round(n * 1.005, 4)) for n in range(100)),
    )


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
        "shareAtRiskNow": pytest.approx(suggested.share_now),
        "shareAtRiskThen": pytest.approx(suggested.share_then),
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
        "p25",
        "p75",
        "histogram",
        "customersWithoutInteraction",
        "suggestion",
        "model",
        "modelReason",
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
    assert shown["newCustomers"] == NOTHING
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


def test_data_that_came_while_a_run_without_anybody_went_on_makes_it_stale(app, tenant, get, load):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = planned(bell)
    load(row("a", 1))
    with db.scope():
        complete(run_id, bell)
    assert get(SUMMARY)["stale"] is True


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


def test_it_needs_no_redis(app, settings, run, headers, load):
    load(row("a", 1))
    run()
    lonely = create_app(unreachable_redis(settings)).test_client()
    key = headers("viewer")
    for url in (SUMMARY, HISTORY, CHANGES, customer_history_url("a")):
        assert lonely.get(url, headers=key).status_code == 200


def move_runs_back(hours: float) -> None:
    """As if the stored runs had been computed so many hours ago."""
    with db.scope():
        for run_id, text in db.rows("SELECT id, overview FROM run WHERE overview IS NOT NULL"):
            found = overview.from_json(text)
            moved = replace(found, as_of_ms=found.as_of_ms - int(hours * HOUR))
            db.execute(
                "UPDATE run SET overview = %s WHERE id = %s", (overview.to_json(moved), run_id)
            )
        db.execute("UPDATE tenant SET data_updated_ms = data_updated_ms - %s", (hours * HOUR,))


@pytest.mark.parametrize(("hours", "stale"), [(0, False), (35.9, False), (36.1, True)])
def test_a_full_run_older_than_36_hours_is_stale(run, get, load, hours, stale):
    load(row("a", 1))
    run()
    move_runs_back(hours)
    assert get(SUMMARY)["stale"] is stale
    run("at_risk")
    assert get(SUMMARY)["stale"] is stale
    run()
    assert get(SUMMARY)["stale"] is False


def test_data_newer_than_the_last_full_run_makes_it_stale(run, get, load):
    load(row("a", 1), row("b", 1))
    run()
    assert get(SUMMARY)["stale"] is False
    load(row("a", 0))
    shown = get(SUMMARY)
    assert shown["stale"] is True and shown["dataUpdatedAt"] > shown["lastFullRunAt"]
    # It computes some customers; the others' data is as new.
    run("medium")
    assert get(SUMMARY)["stale"] is True
    run()
    assert get(SUMMARY)["stale"] is False


def test_data_that_came_while_the_run_went_on_makes_it_stale(app, tenant, get, load):
    load(*(row(f"c{n:03}", 1) for n in range(60)))
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
    load(row("c000", 0))
    with db.scope():
        complete(run_id, bell)
    assert get(SUMMARY)["stale"] is True


def test_an_upload_that_changes_nothing_does_not_make_it_stale(client, headers, run, get, load):
    same = row("a", 1, 2, 3)
    log = b"customer_id,date,amount\nb,2026-04-30,5\n"
    key = {**headers("editor"), "Content-Type": "text/csv"}
    load(same)
    client.put("/api/v1/transactions", data=log, headers=key)
    run()
    before = get(SUMMARY)
    assert load(same)["unchanged"] == 1
    assert load(row("nobody", 1, 0))["unchanged"] == 1
    again = client.put("/api/v1/transactions", data=log, headers=key)
    assert again.status_code == 200, again.text
    after = get(SUMMARY)
    assert (after["stale"], after["dataUpdatedAt"]) == (False, before["dataUpdatedAt"])


def delete_customer(client, headers, load) -> None:
    assert client.delete("/api/v1/customers/a", headers=headers()).status_code == 204


def delete_the_row(client, headers, load) -> None:
    assert load(row("a", 1, 0))["deleted"] == 1


def replace_everything(client, headers, load) -> None:
    key = {**headers(), "Content-Type": "text/csv"}
    log = b"customer_id,date,amount\nb,2026-04-30,5\n"
    answer = client.put("/api/v1/transactions?replace=true", data=log, headers=key)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("erase", [delete_customer, delete_the_row, replace_everything])
def test_an_erasure_makes_it_stale(client, headers, run, get, load, erase):
    load(row("a", 1), row("b", 1))
    run()
    erase(client, headers, load)
    assert get(SUMMARY)["stale"] is True
    # What was found stays as it was until the next run.
    assert get(SUMMARY)["customers"] == 2
    run()
    shown = get(SUMMARY)
    assert (shown["stale"], shown["customers"]) == (False, 1)


def test_changed_settings_are_noticed_until_they_are_back_or_a_run_used_them(
    client, headers, run, get, load
):
    key = headers()

    def change(**settings) -> bool:
        assert client.put("/api/v1/settings", json=settings, headers=key).status_code == 200
        return get(SUMMARY)["settingsChangedSinceLastRun"]

    load(row("a", 1), row("b", 50))
    assert change(atRiskDays=31) is False
    run()
    assert get(SUMMARY)["settingsChangedSinceLastRun"] is False
    assert change(atRiskDays=60) is True
    assert change(atRiskDays=31) is False
    assert change(weights={"recency": 0.2, "frequency": 0.3, "monetary": 0.5}) is True
    assert change(currency="EUR") is True
    # A run of a segment leaves the others with the settings of before.
    run("high")
    assert get(SUMMARY)["settingsChangedSinceLastRun"] is True
    run()
    shown = get(SUMMARY)
    assert (shown["settingsChangedSinceLastRun"], shown["currency"]) == (False, "EUR")
    # The currency is a name only.
    assert change(currency="USD") is False
    # Nor is a run of a segment undone by going back.
    assert change(lifespanMonths=12) is True
    run("medium")
    assert change(lifespanMonths=24) is True


def test_the_suggestion_is_null_where_nobody_came_back_or_there_are_no_days(run, get, load):
    load(row("a", 1), row("b", 9))
    run()
    assert get(SUMMARY)["suggestion"] is None
    load(row("a", 8))
    run()
    assert get(SUMMARY)["suggestion"] == {
        "atRiskDays": 7,
        "shareAtRiskNow": 0,
        "shareAtRiskThen": 0.5,
    }


def test_alltime_rows_suggest_nothing(run, get, load):
    alltime = {"periodType": "alltime", "periodKey": "alltime", "firstContactAt": days_ago(50)}
    load({**row("a", 1), **alltime}, {**row("a", 9, offerId="o"), **alltime})
    run()
    assert get(SUMMARY)["suggestion"] is None


@pytest.mark.parametrize(
    ("customers", "every"), [(0, 1), (1, 1), (10, 1), (11, 2), (20, 2), (21, 4), (95, 16)]
)
def test_the_days_are_suggested_from_customers_who_are_evenly_spread(
    tenant, monkeypatch, customers, every
):
    monkeypatch.setattr(snapshots, "MAX_SAMPLE", 10)
    monkeypatch.setattr(totals, "STREAM_ROWS", 7)
    if customers:
        add_customers(tenant, customers)
    with db.scope():
        scan = snapshots.scan_customers(tenant.id, tenant.settings, now_ms())
    everybody = [f"c{n:05}" for n in range(1, customers + 1)]
    assert scan.sample == everybody[::every]


def test_a_sample_suggests_about_the_same_days_as_all_customers(shop, run, get, monkeypatch):
    run()
    found = get(SUMMARY)["suggestion"]["atRiskDays"]
    monkeypatch.setattr(snapshots, "MAX_SAMPLE", 10**6)
    with db.scope():
        of_all = suggest_at_risk_days(tenants.tenant_by_name("acme")).days
    assert found == pytest.approx(of_all, rel=0.03)


def test_each_full_run_is_a_point_of_the_history_newest_first(run, get, load):
    load(row("a", 1, 2, 30), row("b", 40, 1, 5))
    jobs = [run()]
    run("high")
    load(row("c", 1, 1, 7.5))
    jobs.append(run())
    with db.scope():
        cancelled = begin()
        runs.close(cancelled, "cancelled", "for the test")
    jobs.append(run())
    shown = get(HISTORY)
    assert [point["jobId"] for point in shown["data"]] == jobs[::-1]
    assert [point["revenue"] for point in shown["data"]] == [42.5, 42.5, 35]
    assert shown["pagination"] == {"cursor": None, "hasMore": False}
    summary, latest = get(SUMMARY), shown["data"][0]
    finished = latest.pop("finishedAt")
    assert latest.pop("asOf") == summary["asOf"] <= finished
    assert latest == {name: summary[name] for name in latest}
    assert list(latest) == ["jobId", *GROUP, "segments", "newCustomers", "p25", "p75", "model"]


def walk(get: Callable[..., dict], url: str, limit: int) -> list[dict]:
    """All entries of a list, page by page."""
    found, cursor = [], ""
    while True:
        page = get(f"{url}{'&' if '?' in url else '?'}limit={limit}{cursor}")
        assert len(page["data"]) <= limit
        found += page["data"]
        if not page["pagination"]["hasMore"]:
            assert page["pagination"]["cursor"] is None
            return found
        cursor = f"&cursor={page['pagination']['cursor']}"


def test_the_points_are_read_in_pages(run, get, load):
    load(row("a", 1))
    jobs = [run() for _ in range(5)]
    for limit in (1, 2, 5, 100):
        assert [point["jobId"] for point in walk(get, HISTORY, limit)] == jobs[::-1]


def test_a_customers_history_has_a_row_for_the_first_scores_and_for_each_move(
    client, headers, run, get, load
):
    url, key = customer_history_url("a"), headers("editor")
    load(row("a", 1, 5, 50), row("b", 2, 9, 10), row("c", 3, 1, 90))
    run()
    [first] = get(url)["data"]
    record = get("/api/v1/customers/a/clv")
    assert first == {
        "at": record["computedAt"],
        "clvScore": record["clvScore"],
        "score": first["score"],
        "segment": record["segment"],
        "previousSegment": None,
    }
    assert int(first["score"] + 0.5) == first["clvScore"]
    # Nothing moved.
    client.post("/api/v1/customers/a/clv", headers=key)
    assert get(url)["data"] == [first]
    # By a single computation, by a read of what is too old, and by a run.
    load(row("a", 0, 90, 900))
    again = client.post("/api/v1/customers/a/clv", headers=key).json
    [second, *rest] = get(url)["data"]
    assert rest == [first] and second["previousSegment"] == first["segment"]
    assert (second["at"], second["clvScore"]) == (again["computedAt"], again["clvScore"])
    load({**row("a", 0, 0), **{"periodKey": days_ago(0)[:10]}}, row("a", 1, 1, 1))
    too_old = {**key, "Cache-Control": "max-age=0"}
    assert client.get("/api/v1/customers/a/clv", headers=too_old).json["source"] == "computed"
    [third, *rest] = get(url)["data"]
    assert rest == [second, first] and third["previousSegment"] == second["segment"]
    client.put("/api/v1/settings", json={"atRiskDays": 1}, headers=headers())
    run()
    [fourth, *rest] = get(url)["data"]
    assert rest == [third, second, first]
    assert (fourth["segment"], fourth["previousSegment"]) == ("at_risk", third["segment"])
    for limit in (1, 3):
        assert walk(get, url, limit) == [fourth, third, second, first]


def test_a_customer_who_was_never_scored_has_an_empty_history_and_a_stranger_none(
    client, headers, get, load
):
    load(row("a", 1))
    assert get(customer_history_url("a")) == {
        "data": [],
        "pagination": {"cursor": None, "hasMore": False},
    }
    client.get("/api/v1/customers/a/clv", headers=headers())
    assert len(get(customer_history_url("a"))["data"]) == 1
    for url, key in (
        (customer_history_url("b"), headers("viewer")),
        (customer_history_url("a"), headers("viewer", "other")),
    ):
        answer = client.get(url, headers=key)
        assert answer.status_code == 404
        assert answer.json["message"] == "There is no customer with this id."
    client.delete("/api/v1/customers/a", headers=headers())
    assert client.get(customer_history_url("a"), headers=headers()).status_code == 404
    assert get(CHANGES)["data"] == []


def test_changes_are_the_rows_of_all_customers_newest_first(client, headers, run, get, load):
    load(*(row(f"c{n:02}", n, n + 1, n) for n in range(40)))
    run()
    run()
    [first] = {change["at"] for change in get(f"{CHANGES}?limit=100")["data"]}
    load(row("c35", 0, 99, 999))
    client.post("/api/v1/customers/c35/clv", headers=headers("editor"))
    # c31 stays at risk, with a better score.
    load(row("c20", 0, 98, 998), row("c31", 38, 500, 500))
    run()
    found = walk(get, CHANGES, 100)
    times = [change["at"] for change in found]
    assert times == sorted(times, reverse=True) and times.count(first) == 40
    ids = [change["customerId"] for change in found]
    assert ids[-40:] == [f"c{n:02}" for n in range(39, -1, -1)]
    assert ids.index("c20") < ids.index("c35") < len(ids) - 40
    for limit in (1, 7, 40):
        assert walk(get, CHANGES, limit) == found
    # Whoever came into a segment, first rows included, and not whose score alone has moved.
    for segment in SEGMENTS:
        came = [c for c in found if c["segment"] == segment != c["previousSegment"]]
        assert walk(get, f"{CHANGES}?to={segment}", 3) == came
    assert "c31" in {c["customerId"] for c in found if c["segment"] == c["previousSegment"]}
    # The limit belongs to it.
    since = found[0]["at"]
    late = [change for change in found if change["at"] >= since]
    assert walk(get, f"{CHANGES}?since={since}", 2) == late != found
    assert walk(get, f"{CHANGES}?since={days_ago(1)}", 50) == found
    assert walk(get, f"{CHANGES}?to=high&since={since}", 2) == [
        c for c in late if c["segment"] == "high" != c["previousSegment"]
    ]


def test_another_tenant_sees_nothing_of_it(client, headers, run, get, load):
    load(row("a", 1))
    run()
    foreign = headers("viewer", "other")
    with db.scope():
        last = db.value("SELECT MAX(id) FROM run")
    assert client.get(SUMMARY, headers=foreign).json["jobId"] is None
    for url in (HISTORY, CHANGES):
        for query in ("", f"?cursor={paging.encode(last + 1)}" if url == HISTORY else ""):
            assert client.get(url + query, headers=foreign).json["data"] == []
    assert len(get(f"{HISTORY}?cursor={paging.encode(last + 1)}")["data"]) == 1


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (f"{CHANGES}?to=lost", "to"),
        (f"{CHANGES}?to=", "to"),
        (f"{CHANGES}?since=yesterday", "since"),
        (f"{CHANGES}?since=2026-04-30T09:15:00", "since"),
        (f"{CHANGES}?since=2999-01-01", "since"),
        (f"{CHANGES}?since=-1", "since"),
        (f"{CHANGES}?from=low", "from"),
        (f"{CHANGES}?limit=101", "limit"),
        (f"{CHANGES}?cursor=x", "cursor"),
        (f"{CHANGES}?cursor={paging.encode(1)}", "cursor"),
        (f"{HISTORY}?cursor={paging.encode('x')}", "cursor"),
        (f"{HISTORY}?limit=0", "limit"),
        (f"{customer_history_url('a')}?cursor={paging.encode(1, 'a')}", "cursor"),
        (f"{customer_history_url('a')}?since=2026-04-30", "since"),
    ],
)
def test_a_wrong_query_names_the_field(client, headers, load, url, field):
    load(row("a", 1))
    answer = client.get(url, headers=headers("viewer"))
    assert answer.status_code == 400, answer.text
    assert field in answer.json["errors"]["query"] and field in answer.json["message"]
    if field == "to":
        assert "high, medium, low, at_risk" in answer.json["message"]


def test_every_role_reads_and_nobody_without_a_key(client, headers, load):
    load(row("a", 1))
    for url in (SUMMARY, HISTORY, CHANGES, customer_history_url("a")):
        for role in ("viewer", "editor", "admin"):
            assert client.get(url, headers=headers(role)).status_code == 200
        assert client.get(url).status_code == 401
    assert client.get(customer_history_url("%20"), headers=headers()).status_code == 400


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
    assert queue.waiting(run_id) == 1
    with db.scope():
        batch.work(run_id, queue, settings)
        assert runs.by_id(run_id).status == "finished"
    queue.redis.delete("rq:queue:clv")


def test_the_figures_are_json_numbers_and_never_minus_zero(client, headers, run, load):
    load(row("a", 1, 1, -0.0001), row("b", 1, 1, 0))
    run()
    answer = client.get(SUMMARY, headers=headers("viewer"))
    assert b"-0" not in answer.data.split(b'"currency"')[0]
    assert json.loads(answer.data)["revenue"] == 0
    with db.scope():
        assert now_ms() >= db.value("SELECT MAX(computed_ms) FROM clv_record")
