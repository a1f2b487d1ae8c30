"""Calendar days in the tenant's time zone, from the setting to the records and all that is read."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.db.clock import now_ms
from clv.domain.calendar import iso, key_of, time_ms
from clv.domain.time_zone import time_zone
from clv.domain.units import DAY_MS
from clv.prediction import backtest, calibrated
from clv.services import customers, explanations, loading, simulation
from clv.services.settings import change_settings, suggest_at_risk_days
from clv.store import contacts, logs, snapshots, tenants, totals
from clv.store.summaries import Summary
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete, planned

SETTINGS, SUMMARIES = "/api/v1/settings", "/api/v1/interaction-summaries"
NAMES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
MINUTE_MS = 60_000
# 14 hours ahead of UTC.
EASTMOST = "Pacific/Kiritimati"
FIRST_CONTACT = "SELECT first_contact_ms FROM interaction_summary"
numbers = count()


@pytest.fixture(params=NAMES)
def name(request) -> str:
    """A time zone where the day does not end within a test."""
    zone = time_zone(request.param)
    while zone.day(now_ms_of_python()) != zone.day(now_ms_of_python() + 2 * MINUTE_MS):
        time.sleep(1)
    return request.param


@pytest.fixture
def bell(app) -> Bell:
    return Bell(app.extensions["clv"].queue.redis)


def now_ms_of_python() -> int:
    return time.time_ns() // 1_000_000


def seen_at(customer: str, ms: int) -> dict:
    """A daily summary of a customer who was first and last seen at this moment."""
    at = iso(ms)
    return row(customer, 0, 1, 5, periodKey=at[:10], firstContactAt=at, lastContactAt=at)


def recencies() -> dict[str, int]:
    return dict(db.rows("SELECT customer_id, recency_days FROM clv_record"))


def test_records_count_local_days_in_a_batch_and_one_by_one(
    app, client, headers, load, bell, tenant, name
):
    """Everybody was seen in the first or in the last moment of a local day."""
    zone, expected = ZoneInfo(name), {}
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    rows = []
    for days in range(1, 200, 3):
        # zoneinfo is asked here, not the table that the service has.
        midnight = (today - timedelta(days=days)).replace(tzinfo=zone).astimezone(UTC)
        start_ms = round(midnight.timestamp() * 1000)
        rows += [seen_at(f"first-{days}", start_ms), seen_at(f"last-{days}", start_ms - 1)]
        expected |= {f"first-{days}": days, f"last-{days}": days + 1}
    client.put(SETTINGS, json={"timeZone": name}, headers=headers())
    load(*rows)
    with db.scope():
        complete(begin(), bell)
        assert recencies() == expected
        owner = tenants.tenant_by_id(tenant.id)
        for customer, days in expected.items():
            alone = customers.recompute_clv(owner, customer)
            assert (alone.recency_days, alone.tenure_days) == (days, days)
            explained = explanations.explain_clv(owner, customer)
            assert explained.scores._replace(computed_ms=0) == alone._replace(computed_ms=0)
            assert explained.explanation.days_until_at_risk == max(0, 30 - days)
        in_records = dict(
            db.rows("SELECT segment, COUNT(*) FROM clv_record GROUP BY segment ORDER BY segment")
        )
        simulated = simulation.simulate(owner, {}).before.segments
        shares = {
            days: contacts.share_at_risk(tenant.id, now_ms(), days, time_zone(name))
            for days in (1, 2, 30, 100, 101, 300)
        }
    assert {segment: sums.customers for segment, sums in simulated.items() if sums.customers} == (
        in_records
    )
    for days, share in shares.items():
        overdue = sum(recency >= days for recency in expected.values())
        assert share == pytest.approx(overdue / len(expected))


def test_a_changed_time_zone_makes_the_snapshot_stale(client, headers, load):
    load(row("a", 1), row("b", 9))
    key, url = headers(), "/api/v1/customers/a/clv"

    def snapshot() -> tuple[int, str]:
        assert client.post(url, headers=key).status_code == 200
        with db.scope():
            current = snapshots.current(1)
        return current.id, current.settings.time_zone

    first = snapshot()
    assert (snapshot(), first[1]) == (first, "UTC")
    client.put(SETTINGS, json={"timeZone": "Asia/Kolkata"}, headers=key)
    second = snapshot()
    assert (second[0] != first[0], second[1]) == (True, "Asia/Kolkata")
    assert snapshot() == second


def test_a_run_keeps_the_time_zone_that_it_was_planned_with(load, bell, tenant):
    now = now_ms_of_python()
    zones = time_zone("UTC"), time_zone(EASTMOST)
    at = next(
        now - hours * 60 * MINUTE_MS
        for hours in range(48)
        if len({zone.day(now) - zone.day(now - hours * 60 * MINUTE_MS) for zone in zones}) == 2
    )
    utc, eastmost = (zone.day(now) - zone.day(at) for zone in zones)
    load(seen_at("a", at))
    with db.scope():
        run_id = planned(bell)
        change_settings(tenant, {"time_zone": EASTMOST})
        complete(run_id, bell)
        assert recencies() == {"a": utc}
        complete(begin(), bell)
        assert recencies() == {"a": eastmost}


def test_the_time_zone_is_shown_and_can_be_tried_out(client, headers, load):
    load(row("a", 1))
    key = headers()
    client.put(SETTINGS, json={"timeZone": "Europe/Berlin"}, headers=key)
    explained = client.get("/api/v1/customers/a/clv/explanation", headers=key).json
    assert explained["settings"]["timeZone"] == "Europe/Berlin"
    tried = {"timeZone": "Asia/Kolkata"}
    simulated = client.post("/api/v1/clv/simulate", json=tried, headers=key).json
    assert simulated["settings"]["timeZone"] == "Asia/Kolkata"
    refused = client.post("/api/v1/clv/simulate", json={"timeZone": "Kolkata"}, headers=key)
    assert (refused.status_code, "timeZone" in refused.json["message"]) == (400, True)
    assert client.get(SETTINGS, headers=key).json["timeZone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "period_type", "period_key", "start"),
    [
        ("UTC", "daily", "2026-03-12", "2026-03-12T00:00:00Z"),
        ("Europe/Berlin", "daily", "2026-03-12", "2026-03-11T23:00:00Z"),
        ("America/New_York", "weekly", "2026-W11", "2026-03-09T04:00:00Z"),
        ("Asia/Kolkata", "monthly", "2026-03", "2026-02-28T18:30:00Z"),
    ],
)
def test_the_first_contact_left_out_is_the_local_beginning_of_the_period(
    client, headers, tenant, name, period_type, period_key, start
):
    key = headers()
    client.put(SETTINGS, json={"timeZone": name}, headers=key)
    fields = {
        "customerId": "a",
        "periodType": period_type,
        "periodKey": period_key,
        "impressions": 1,
        "lastContactAt": "2026-03-12T12:00:00Z",
    }
    assert client.post(SUMMARIES, json={"data": [fields]}, headers=key).status_code == 200
    with db.scope():
        assert db.value(FIRST_CONTACT) == time_ms(start)
    table = "\n".join(",".join(map(str, line)) for line in (fields, fields.values()))
    kind = {"Content-Type": "text/csv"}
    answer = client.put(f"{SUMMARIES}?replace=true", data=table.encode(), headers=key | kind)
    assert answer.json["unchanged"] == 1, answer.text


CHANGES = [time_ms(f"2026-{day}T01:00:00Z") for day in ("03-29", "10-25")]
CHANGES += [time_ms(f"2026-{at}:00:00Z") for at in ("03-08T07", "11-01T06")]
times = some.builds(int.__add__, some.sampled_from(CHANGES), some.integers(-3 * DAY_MS, DAY_MS))
histories = some.lists(some.tuples(some.sampled_from("abc"), times), min_size=1, max_size=12)


@given_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(histories, some.sampled_from(NAMES))
def test_gaps_are_between_local_days(app, history, name):
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(numbers)}")
        rows = [
            Summary(customer, "2026-01-01", f"o{at}", "", "", 1, 0, 0, ms, ms)
            for at, (customer, ms) in enumerate(history)
        ]
        loading.add_summaries(tenant, "daily", rows)
        gaps = contacts.gaps(tenant.id, list("abc"), time_zone(name))
    expected = Counter[int]()
    for customer in "abc":
        days = {
            datetime.fromtimestamp(ms / 1000, ZoneInfo(name)).toordinal()
            for one, ms in history
            if one == customer
        }
        expected.update(after - before for before, after in pairwise(sorted(days)))
    assert gaps == sorted(expected.items())


def test_days_are_suggested_for_local_days(tenant, load):
    """Two visits within one local day of Kolkata are none of a customer who came back."""
    load(
        seen_at("a", time_ms("2026-03-12T18:31:00Z")), seen_at("a", time_ms("2026-03-13T18:29:00Z"))
    )
    with db.scope():
        assert suggest_at_risk_days(tenant).days == 1
        assert suggest_at_risk_days(change_settings(tenant, {"time_zone": "Asia/Kolkata"})) is None


def test_models_and_backtests_count_to_local_days(tenant):
    """At 23:30 UTC it is the next day in Berlin."""
    first, last = (time_ms(f"2026-03-{at}:30:00Z") for at in ("02T23", "12T23"))
    with db.scope():
        tenant = change_settings(tenant, {"time_zone": "Europe/Berlin"})
        day = time_zone("Europe/Berlin").day(last)
        assert key_of(day) == "2026-03-13"
        bought = Summary("a", "2026-03-13", "", "", "", 1, 1, 50_000, first, last)
        loading.add_summaries(tenant, "daily", [bought])
        log = logs.read(tenant.id, 1, tenant.settings.zone)
        known = totals.totals(tenant.id, "a", with_purchases=True)
    split = backtest.split_at(log, day + 5, 10)
    histories = calibrated.histories([known], tenant.settings, last + 3 * DAY_MS)
    assert histories.age.tolist() == [3]
    # Up to the day before the split.
    assert split.population.histories.age.tolist() == [4]
    assert (split.recency_days.tolist(), split.tenure_days.tolist()) == ([5], [15])
