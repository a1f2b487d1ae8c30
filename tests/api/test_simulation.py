"""POST /clv/simulate: other settings, tried out."""

import math
import random
from dataclasses import asdict, replace
from decimal import ROUND_HALF_UP, Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv import db
from clv.config import ROOT
from clv.db import models
from clv.domain.calendar import iso
from clv.domain.scoring import SEGMENTS, Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.errors import Unavailable
from clv.services import simulation
from clv.services.simulation import Sums
from clv.store import tenants
from clv.store.totals import sample_totals
from tests.api.support import poison, row
from tests.unit.support import survey

URL, SETTINGS = "/api/v1/clv/simulate", "/api/v1/settings"
LOG = ROOT / "clv" / "sample" / "cdnow.csv.gz"
NOW = 20_000 * DAY_MS
CHANGES = [
    {"weights": {"recency": 0, "frequency": 0.25, "monetary": 0.75}},
    {"atRiskDays": 2},
    {"lifespanMonths": 36, "minTenureMonths": 1},
    {"weights": {"recency": 1, "frequency": 0, "monetary": 0}, "atRiskDays": 900},
]


@pytest.fixture
def ask(client, headers, tenant):
    key = headers("viewer")

    def send(changes=None, **more):
        body = {} if changes is None else {"json": changes}
        answer = client.post(URL, headers=key, **body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    return send


@pytest.fixture
def some(load):
    """Twelve customers: refunds, no interaction, silence, all alike."""
    load(
        row("refunded", 3, 2, -50),
        row("idle", 5, 0, 10, converts=1),
        row("silent", 400, 9, 900),
        *(row(f"same{n}", 10, 1, 5) for n in range(4)),
        *(row(f"c{n}", n * 7, n + 1, n * 100.25) for n in range(5)),
    )


def stored_sums() -> dict[str, Sums]:
    """What the records add up to, by segment."""
    with db.scope():
        found = db.rows(
            "SELECT segment, monetary, predicted_revenue, churn_probability FROM clv_record"
        )
    return {name: summed([row[1:] for row in found if row[0] == name]) for name in SEGMENTS}


def summed(rows: list[tuple[int, int, float]], scale: int = 1) -> Sums:
    """Revenue, predicted revenue and churn probability of customers, added up."""
    at_risk = math.fsum(predicted * churn for _, predicted, churn in rows)
    revenue, predicted = (sum(row[i] for row in rows) for i in (0, 1))
    return Sums(scale * len(rows), scale * revenue, scale * predicted, scale * at_risk)


def shown(sums: Sums) -> dict:
    """Sums as the API shows them."""
    amounts = {
        "revenue": sums.revenue,
        "predictedRevenue": sums.predicted_revenue,
        "revenueAtRisk": sums.revenue_at_risk,
    }
    cents = {
        name: float((Decimal(amount) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP))
        for name, amount in amounts.items()
    }
    return {"customers": sums.customers, **cents}


def day_of_records() -> str:
    """The day as of which the records were computed: at midnight, days since a contact change."""
    with db.scope():
        return iso(db.value("SELECT MAX(computed_ms) FROM clv_record"))[:10]


def assert_equals_records(found: dict, which: str) -> None:
    if found["asOf"][:10] == day_of_records():
        expected = {name: shown(sums) for name, sums in stored_sums().items()}
        assert found[which]["segments"] == expected


@pytest.mark.parametrize("changes", [None, {}, {"atRiskDays": 30}])
def test_the_present_settings_change_nothing(ask, some, changes):
    found = ask(changes)
    assert found["before"] == found["after"]
    assert found["exact"] is True and found["message"] is None
    assert found["customers"] == found["computed"] == 12


@pytest.mark.parametrize("changes", CHANGES)
def test_other_settings_equal_saving_them_and_running_a_batch(
    client, headers, some, ask, worker, changes
):
    found, key = ask(changes), headers()
    assert client.post("/api/v1/clv/compute", headers=key).status_code == 200
    assert_equals_records(found, "before")
    assert client.put(SETTINGS, json=changes, headers=key).status_code == 200
    assert client.post("/api/v1/clv/compute", headers=key).json["computed"] == 12
    assert_equals_records(found, "after")
    assert ask()["before"] == found["after"]


def test_the_cdnow_log_is_simulated_to_the_last_bit(app, client, headers, worker):
    import_log(app)
    with db.scope():
        shop = tenants.tenant_by_name("shop")
    key = headers("admin", "shop")
    weights = {"recency": 0.2, "frequency": 0.3, "monetary": 0.5}
    for changes in ({"weights": weights, "atRiskDays": 400}, *CHANGES[1:3]):
        assert client.put(SETTINGS, json=changes, headers=key).status_code == 200
        with db.scope():
            wanted = tenants.tenant_by_id(shop.id).settings
            found = simulation.simulate(shop, asdict(wanted))
        assert client.post("/api/v1/clv/compute", headers=key).json["computed"] == 23_570
        if iso(found.as_of_ms)[:10] != day_of_records():
            continue
        assert found.after.segments == stored_sums()
        assert len({sums.customers for sums in found.after.segments.values()}) > 1
        with db.scope():
            percentiles = db.row(
                "SELECT p25, p75 FROM snapshot WHERE id = (SELECT snapshot_id FROM tenant"
                " WHERE id = %s)",
                (shop.id,),
            )
        assert (found.after.p25, found.after.p75) == percentiles


def import_log(app) -> None:
    """The tenant ``shop`` with the log replayed until now."""
    run = app.test_cli_runner().invoke
    for command in (
        ("tenants", "create", "shop"),
        ("import", str(LOG), "--tenant", "shop", "--replay-until", "now"),
    ):
        done = run(args=command)
        assert done.exit_code == 0, done.output


def test_nothing_is_stored(client, headers, ask, some):
    client.get("/api/v1/customers/c1/clv", headers=headers())

    def tables():
        with db.scope():
            names = [t._meta.table_name for t in models.TABLES]
            return {name: sorted(map(repr, db.rows(f"SELECT * FROM {name}"))) for name in names}

    before = tables()
    assert len(before["snapshot"]) == len(before["clv_record"]) == 1
    ask({"weights": {"recency": 1, "frequency": 0, "monetary": 0}, "atRiskDays": 5})
    assert tables() == before


def test_who_cannot_be_scored_is_left_out(ask, some):
    with db.scope():
        poison("silent")
    found = ask()
    assert (found["customers"], found["computed"]) == (12, 11)
    assert sum(s["customers"] for s in found["before"]["segments"].values()) == 11


def test_customers_none_of_whom_can_be_scored_are_in_no_segment(ask, load):
    load(row("only", 3, 2, 5))
    with db.scope():
        poison("only")
    found = ask()
    assert (found["customers"], found["computed"], found["before"]["p75"]) == (1, 0, None)
    assert found["before"]["segments"]["medium"]["customers"] == 0


def test_a_single_customer_is_medium_until_at_risk(ask, load):
    load(row("only", 3, 2, 360))
    found = ask({"atRiskDays": 3})
    assert found["before"]["segments"]["medium"] == {
        "customers": 1,
        "revenue": 360.0,
        "predictedRevenue": 1440.0,
        # 1440 / (1 + e^2.16)
        "revenueAtRisk": 148.9,
    }
    assert found["after"]["segments"]["at_risk"]["revenueAtRisk"] == 720.0
    assert found["before"]["p25"] == found["before"]["p75"] == 50.0


def test_a_tenant_without_customers_gets_zeros(ask):
    found = ask({"atRiskDays": 5})
    assert found["exact"] is True and found["after"]["p25"] is None
    assert all(sums["customers"] == 0 for sums in found["after"]["segments"].values())


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


def test_a_sample_is_seeded_and_close(app):
    import_log(app)
    with db.scope():
        shop = tenants.tenant_by_name("shop")
        other = ScoreSettings(at_risk_days=400)
        exact = simulation.simulate(shop, asdict(other))
        sample = simulation.simulate(shop, asdict(other), max_computed=3_000)
        again = simulation.simulate(shop, asdict(other), max_computed=3_000)
    assert exact.exact and not sample.exact
    assert (sample.before, sample.after) == (again.before, again.after)
    assert 23_570 / 8 - 1 <= sample.computed <= 3_000
    every, of_all = exact.after.segments.values(), sample.after.segments.values()
    assert sum(s.customers for s in of_all) == pytest.approx(23_570, abs=8)
    revenue, predicted, at_risk = (
        sum(getattr(s, name) for s in every)
        for name in ("revenue", "predicted_revenue", "revenue_at_risk")
    )
    for name, sums in exact.after.segments.items():
        found = sample.after.segments[name]
        assert found.customers == pytest.approx(sums.customers, abs=0.03 * 23_570)
        assert found.revenue == pytest.approx(sums.revenue, abs=0.1 * revenue)
        assert found.predicted_revenue == pytest.approx(sums.predicted_revenue, abs=0.1 * predicted)
        assert found.revenue_at_risk == pytest.approx(sums.revenue_at_risk, abs=0.1 * at_risk)


def test_a_sample_is_read_in_time_from_a_table_that_postgresql_takes_for_empty(app, settings):
    if db.is_sqlite():
        return
    import_log(app)
    look = "SELECT reltuples FROM pg_class WHERE relname = 'interaction_summary'"
    with db.scope():
        db.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM interaction_summary")
        db.execute("TRUNCATE interaction_summary")
        with psycopg.connect(settings.database_url, autocommit=True) as other, db.transaction():
            db.execute("INSERT INTO interaction_summary SELECT * FROM kept")
            # What nobody may see yet is not counted.
            other.execute("ANALYZE interaction_summary")
        db.execute("DROP TABLE kept")
        assert db.value(look) < 100
        shop = tenants.tenant_by_name("shop")
    # Gone through once a row, the table takes hours.
    with db.within(60):
        assert simulation.simulate(shop, {}, max_computed=3_000).computed == 2_946
    run = app.test_cli_runner().invoke
    again = run(args=("import", str(LOG), "--tenant", "shop", "--replay-until", "now"))
    assert again.exit_code == 0, again.output
    with db.scope():
        assert db.value(look) > 60_000


@pytest.mark.parametrize(("every", "first"), [(1, 1), (2, 1), (2, 2), (3, 2), (12, 12), (20, 13)])
def test_a_sample_is_every_so_many_th_customer_without_who_cannot_be_scored(
    client, headers, some, tenant, every, first
):
    others = {"data": [row(name, 1) for name in ("a", "c1", "same5", "z")]}
    key = headers("editor", "other")
    assert client.post("/api/v1/interaction-summaries", json=others, headers=key).json["inserted"]
    with db.scope():
        everybody = sample_totals(tenant.id, 1, 1, 99)
        ids = [totals.customer_id for totals in everybody]
        assert len(ids) == 12 and ids == sorted(ids)
        poison("same0")
        sample = sample_totals(tenant.id, every, first, 99)
        expected = [t for t in everybody[first - 1 :: every] if t.customer_id != "same0"]
        assert sample == expected
        assert sample_totals(tenant.id, every, first, 2) == expected[:2]


def test_an_answer_from_a_sample_says_so(ask, some):
    with db.scope():
        # As if the others of these customers were beyond the limit.
        db.execute("UPDATE tenant SET customers = 150000")
    found = ask()
    assert found["exact"] is False and found["computed"] == 4
    assert found["message"] == "Estimated from 4 of 150000 customers."
    assert sum(s["customers"] for s in found["after"]["segments"].values()) == 12


def test_a_tenant_that_outgrew_its_number_is_asked_to_come_again(some, tenant):
    with db.scope():
        grown = replace(tenants.tenant_by_id(tenant.id), customers=11)
        with pytest.raises(Unavailable):
            simulation.simulate(grown, {}, max_computed=11)
        assert simulation.simulate(grown, {}, max_computed=12).computed == 12


def test_simulations_leave_threads_for_others(app, client, headers, some):
    key, room = headers("viewer"), app.extensions["clv"].waiting_room
    while room.take():
        pass
    refused = client.post(URL, headers=key)
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    assert client.get(SETTINGS, headers=key).status_code == 200
    room.leave()
    for _ in range(3):
        assert client.post(URL, headers=key).status_code == 200


customers = st.lists(
    st.builds(
        Totals,
        customer_id=st.just("c"),
        frequency=st.integers(0, 50),
        monetary=st.integers(-10_000, 5_000_000),
        first_contact_ms=st.integers(NOW - 900 * DAY_MS, NOW - 500 * DAY_MS),
        last_contact_ms=st.integers(NOW - 500 * DAY_MS, NOW),
    ),
    max_size=30,
)


@given(customers, st.integers(1, 500), st.integers(1, 9))
def test_an_outcome_holds_everybody_once(found, at_risk_days, scale):
    settings = ScoreSettings(at_risk_days=at_risk_days)
    outcome = simulation.outcome(found, settings, NOW, scale)
    segments = outcome.segments.values()
    assert sum(s.customers for s in segments) == scale * len(found)
    assert sum(s.revenue for s in segments) == scale * sum(t.monetary for t in found)
    assert all(0 <= s.revenue_at_risk <= s.predicted_revenue for s in segments)
    assert (outcome.p25 is None) == (not found)


weights = st.sampled_from([(0.35, 0.35, 0.30), (1, 0, 0), (0, 1, 0), (0.2, 0.3, 0.5)])
lengths = st.tuples(st.integers(1, 900), st.integers(1, 120), st.integers(1, 60))


@given(customers.filter(bool), weights, lengths, st.integers(1, 9), st.randoms())
def test_an_outcome_is_the_sum_of_single_computations_in_any_order(
    found, weights, lengths, scale, order: random.Random
):
    settings = ScoreSettings(*weights, *lengths)
    spread = survey(found, settings, NOW)
    rows: dict[str, list] = {name: [] for name in SEGMENTS}
    for totals in found:
        s = score_customer(totals, spread, settings, NOW)
        rows[s.segment].append((s.monetary, s.predicted_revenue, s.churn_probability))
    outcome = simulation.outcome(found, settings, NOW, scale)
    assert outcome.segments == {name: summed(rows[name], scale) for name in SEGMENTS}
    assert (outcome.p25, outcome.p75) == (spread.p25, spread.p75)
    order.shuffle(found)
    assert simulation.outcome(found, settings, NOW, scale) == outcome
