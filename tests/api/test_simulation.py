"""POST /clv/simulate: other settings, tried out."""

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from clv import db, models, simulation
from clv.config import ROOT
from clv.scoring import DAY_MS, ScoreSettings, Totals
from clv.store import tenants
from tests.api.support import poison, row

URL, SETTINGS = "/api/v1/clv/simulate", "/api/v1/settings"
LOG = (ROOT / "clv" / "sample" / "cdnow.csv.gz").read_bytes()
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


def stored_sums() -> dict:
    """What the records add up to, by segment: customers, revenue, predicted, at risk."""
    with db.scope():
        found = db.rows(
            "SELECT segment, monetary, predicted_revenue, churn_probability FROM clv_record"
        )
    sums: dict = {name: [0, 0, 0, 0.0] for name in ("high", "medium", "low", "at_risk")}
    for segment, monetary, predicted, churn in found:
        values = (1, monetary, predicted, predicted * churn)
        sums[segment] = [a + b for a, b in zip(sums[segment], values, strict=True)]
    return sums


def assert_equals_records(outcome: dict) -> None:
    for name, (customers, *amounts) in stored_sums().items():
        found = outcome["segments"][name]
        assert found["customers"] == customers
        shown = (found["revenue"], found["predictedRevenue"], found["revenueAtRisk"])
        for value, amount in zip(shown, amounts, strict=True):
            assert value == pytest.approx(amount / 10_000, abs=0.0051)


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
    client.post("/api/v1/clv/compute", headers=key)
    assert_equals_records(found["before"])
    assert client.put(SETTINGS, json=changes, headers=key).status_code == 200
    assert client.post("/api/v1/clv/compute", headers=key).json["computed"] == 12
    assert_equals_records(found["after"])
    assert ask()["before"] == found["after"]


def test_the_cdnow_log_is_simulated_exactly(client, headers, ask, worker):
    key = headers()
    client.put("/api/v1/transactions", data=LOG, content_type="text/csv", headers=key)
    changes = {"weights": {"recency": 0.2, "frequency": 0.3, "monetary": 0.5}, "atRiskDays": 100}
    found = ask(changes)
    client.put(SETTINGS, json=changes, headers=key)
    assert client.post("/api/v1/clv/compute", headers=key).json["computed"] == 23_570
    assert_equals_records(found["after"])


def test_nothing_is_stored(ask, some):
    def tables():
        with db.scope():
            names = [t._meta.table_name for t in models.TABLES]
            return {name: sorted(map(repr, db.rows(f"SELECT * FROM {name}"))) for name in names}

    before = tables()
    ask({"atRiskDays": 5})
    assert tables() == before


def test_who_cannot_be_scored_is_left_out(ask, some):
    with db.scope():
        poison("silent")
    found = ask()
    assert (found["customers"], found["computed"]) == (12, 11)


def test_a_tenant_without_customers_gets_zeros(ask):
    found = ask({"atRiskDays": 5})
    assert found["exact"] is True and found["after"]["p25"] is None
    assert all(sums["customers"] == 0 for sums in found["after"]["segments"].values())


def test_another_tenants_customers_are_not_counted(client, headers, ask, some):
    found = client.post(URL, headers=headers("viewer", "other")).json
    assert found["customers"] == found["computed"] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"atRiskDays": 0}, "atRiskDays"),
        ({"currency": "EUR"}, "currency"),
        ({"weights": {"recency": 0.5, "frequency": 0.5, "monetary": 0.5}}, "sum to 1"),
        ({"minTenureMonths": 1.5}, "minTenureMonths"),
    ],
)
def test_wrong_settings_name_the_field(client, headers, tenant, changes, field):
    answer = client.post(URL, json=changes, headers=headers("viewer"))
    assert answer.status_code == 400 and field in answer.json["message"]


def test_a_sample_is_seeded_close_and_says_what_it_is(client, headers, tenant):
    client.put("/api/v1/transactions", data=LOG, content_type="text/csv", headers=headers("editor"))
    with db.scope():
        owner = tenants.tenant_by_id(tenant.id)
        other = ScoreSettings(at_risk_days=9_000)
        exact = simulation.simulate(owner, other)
        sample = simulation.simulate(owner, other, most=3_000)
        again = simulation.simulate(owner, other, most=3_000)
    assert exact.exact and not sample.exact
    assert (sample.before, sample.after) == (again.before, again.after)
    assert 23_570 / 8 - 1 <= sample.computed <= 3_000
    for name, sums in exact.after.segments.items():
        assert sample.after.segments[name].customers == pytest.approx(
            sums.customers, abs=0.03 * 23_570
        )


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
@profile(deadline=None)
def test_an_outcome_holds_everybody_once(found, at_risk_days, scale):
    settings = ScoreSettings(at_risk_days=at_risk_days)
    outcome = simulation.outcome(found, settings, NOW, scale)
    segments = outcome.segments.values()
    assert sum(s.customers for s in segments) == scale * len(found)
    assert sum(s.revenue for s in segments) == scale * sum(t.monetary for t in found)
    assert all(0 <= s.revenue_at_risk <= s.predicted_revenue for s in segments)
    assert (outcome.p25 is None) == (not found)
