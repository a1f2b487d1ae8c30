"""Full runs with the setting ``auto``: they fit, measure, choose, and tell when they change."""

from dataclasses import replace

import numpy as np
import pytest

from clv import db
from clv.domain.settings import MODEL_NAMES
from clv.prediction.btyd import Parameters
from clv.prediction.choice import CALIBRATED, RFM, Findings, Verdict
from clv.services import batch, customers, fitting, snapshots
from clv.services.fitting import find_out
from clv.store import model_changes, tenants
from tests.api.bases import add
from tests.api.model.support import stored
from tests.api.pages import Visitor
from tests.jobs.support import DAY, Bell, begin, complete
from tests.support.buyers import ORIGIN, simulated

BUYERS = 700
CHANGES = "/api/v1/clv/changes"
SUMMARY, SETTINGS = "/api/v1/clv/summary", "/api/v1/settings"


@pytest.fixture
def run(tenant, queue):
    """A full run of acme, in this process."""

    def compute(segment: str | None = None) -> None:
        with db.scope():
            complete(begin(segment), Bell(queue.redis))

    return compute


@pytest.fixture
def buyers(tenant):
    """Acme has buyers as the calibrated model describes them."""
    random = np.random.default_rng(5)
    truth = Parameters(0.4, 30.0, 0.8, 2.4, 6.25, 3.74, 15.4)
    log = simulated(truth, random.integers(200, 500, BUYERS), random)
    purchases = [
        (f"c{buyer:04}", ORIGIN - day + 1, round(value, 2) + 1)
        for buyer, day, value in zip(
            log.buyer.tolist(), log.day.tolist(), log.value.tolist(), strict=True
        )
    ]
    add(tenant, purchases)


@pytest.fixture
def verdict(monkeypatch):
    """Full runs fit and measure as ever, but the backtest finds this model better."""

    def find(**better: str) -> None:
        def found(*about) -> Findings:
            measured = find_out(*about)
            assert measured.fitted is not None, measured
            verdicts = {name: Verdict(model, f"Use {model}.") for name, model in better.items()}
            return replace(measured, **verdicts)

        monkeypatch.setattr(fitting, "find_out", found)

    return find


def serving(tenant) -> tuple[str, str]:
    with db.scope():
        served = snapshots.serving(tenants.tenant_by_id(tenant.id))
    return served.revenue.name, served.churn.name


def test_a_new_tenant_is_served_by_the_better_model_after_its_first_full_run(
    client, headers, tenant, buyers, run
):
    run()
    key = headers("viewer")
    settings, summary = (client.get(url, headers=key).json for url in (SETTINGS, SUMMARY))
    assert settings["model"] == "auto" and settings["fittedAt"] == summary["asOf"]
    for prediction in ("", "Churn"):
        model, reason = (settings[f"serving{prediction}{what}"] for what in ("Model", "Reason"))
        assert model in MODEL_NAMES and reason.startswith(f"Use {model} for ")
        assert settings[f"serving{prediction}Since"] == summary["asOf"]
    assert summary["model"] == settings["servingModel"] == CALIBRATED
    by = {(s.revenue_by.name, s.churn_by.name) for s in stored(tenant).values()}
    assert by == {serving(tenant)}


def test_auto_flips_nothing_before_the_third_run_and_tells_it_then(
    client, headers, tenant, buyers, run, verdict
):
    verdict(revenue=CALIBRATED, churn=RFM)
    run()
    key = headers("viewer")
    [first] = client.get(CHANGES, headers=key).json["modelChanges"]
    assert {name: first[name] for name in ("prediction", "fromModel", "toModel", "reason")} == {
        "prediction": "revenue",
        "fromModel": RFM,
        "toModel": CALIBRATED,
        "reason": "Use calibrated.",
    }
    assert first["at"] == client.get(SUMMARY, headers=key).json["asOf"]
    verdict(revenue=RFM, churn=CALIBRATED)
    for number in (1, 2):
        run()
        assert serving(tenant) == (CALIBRATED, RFM)
        shown = client.get(SUMMARY, headers=key).json
        assert f"it was in {number}. Use calibrated." in shown["churnModelReason"]
        assert shown["modelSince"] == first["at"] != shown["asOf"]
    assert client.get(CHANGES, headers=key).json["modelChanges"] == [first]
    run()
    assert serving(tenant) == (RFM, CALIBRATED)
    shown = client.get(SUMMARY, headers=key).json
    assert shown["modelSince"] == shown["churnModelSince"] == shown["asOf"]
    told = client.get(f"{CHANGES}?since={shown['asOf']}", headers=key).json["modelChanges"]
    assert [(one["prediction"], one["toModel"]) for one in told] == [
        ("revenue", RFM),
        ("churn", CALIBRATED),
    ]
    assert {one["at"] for one in told} == {shown["asOf"]}
    everything = client.get(CHANGES, headers=key).json["modelChanges"]
    assert everything == [*told, first]
    assert client.get(CHANGES, headers=headers("viewer", "other")).json["modelChanges"] == []


def test_of_two_models_each_predicts_its_own_alone_and_in_a_batch(tenant, buyers, run, verdict):
    def records(**better: str) -> dict:
        with db.scope():
            db.execute("UPDATE tenant SET model = 'calibrated'")
        verdict(**better)
        run()
        return stored(tenant)

    by_rfm = records(revenue=RFM, churn=RFM)
    by_both = records(revenue=CALIBRATED, churn=CALIBRATED)
    mixed = records(revenue=CALIBRATED, churn=RFM)
    for customer, scores in mixed.items():
        assert scores.versioned_model == "calibrated/2; churn rfm/1"
        assert scores.predicted_revenue == by_both[customer].predicted_revenue
        assert scores.churn_probability == by_rfm[customer].churn_probability
    assert by_both != mixed
    with db.scope():
        shop = tenants.tenant_by_id(tenant.id)
        for customer in sorted(mixed)[:50]:
            alone = customers.recompute_clv(shop, customer)
            assert alone == mixed[customer]._replace(computed_ms=alone.computed_ms)


def test_an_explanation_a_list_and_a_simulation_follow_both_models(
    client, headers, tenant, buyers, run, verdict
):
    verdict(revenue=RFM, churn=CALIBRATED)
    run()
    key = headers("viewer")
    answer = client.get("/api/v1/customers/c0001/clv/explanation", headers=key)
    assert answer.headers["X-CLV-Model"] == "rfm/1; churn calibrated/2"
    body = answer.json
    assert (body["model"], body["modelVersion"]) == (RFM, 1)
    assert (body["churnModel"], body["churnModelVersion"]) == (CALIBRATED, 2)
    assert (body["modelReason"], body["churnModelReason"]) == ("Use rfm.", "Use calibrated.")
    # The interval is one of the calibrated model's revenue.
    assert body["predictedRevenueInterval"] is None and body["parameters"]
    listed = client.get("/api/v1/clv/records?include=model&limit=1", headers=key).json["data"]
    assert listed[0]["model"] == "rfm/1; churn calibrated/2"
    simulated = client.post("/api/v1/clv/simulate", headers=key).json["before"]["segments"]
    total = sum(s.predicted_revenue for s in stored(tenant).values()) / 10_000
    at_risk = sum(s.revenue_at_risk for s in stored(tenant).values()) / 10_000
    assert sum(one["predictedRevenue"] for one in simulated.values()) == pytest.approx(total)
    assert sum(one["revenueAtRisk"] for one in simulated.values()) == pytest.approx(at_risk)


def test_without_a_fit_rfm_serves_at_once_and_the_choice_comes_back(
    client, headers, tenant, buyers, run, verdict, monkeypatch
):
    verdict(revenue=CALIBRATED, churn=CALIBRATED)
    run()
    real = batch.fitting.find_out
    none = Findings(None, None, None, "There are too few buyers.")
    monkeypatch.setattr(fitting, "find_out", lambda *about: none)
    run()
    assert serving(tenant) == (RFM, RFM)
    settings = client.get(SETTINGS, headers=headers("viewer")).json
    assert settings["servingReason"] == settings["servingChurnReason"] == none.not_fitted
    monkeypatch.setattr(fitting, "find_out", real)
    run()
    assert serving(tenant) == (CALIBRATED, CALIBRATED)
    with db.scope():
        told = model_changes.newest(tenant.id, 0, 20)
    assert [one.to_model for one in told] == [CALIBRATED] * 2 + [RFM] * 2 + [CALIBRATED] * 2


def test_choosing_rfm_is_told_as_a_change_and_fits_nothing(
    tenant, buyers, run, verdict, monkeypatch
):
    verdict(revenue=CALIBRATED, churn=RFM)
    run()
    with db.scope():
        db.execute("UPDATE tenant SET model = 'rfm'")
    monkeypatch.setattr(fitting, "find_out", None)
    run()
    with db.scope():
        newest = model_changes.newest(tenant.id, 0, 1)[0]
        assert snapshots.snapshots.current_calibration(tenant.id).fitted is None
    assert (newest.prediction, newest.from_model, newest.to_model) == ("revenue", CALIBRATED, RFM)
    assert newest.reason == "The tenant's settings say so."
    assert {s.versioned_model for s in stored(tenant).values()} == {"rfm/1"}


def test_a_run_of_a_segment_chooses_nothing(tenant, buyers, run, verdict):
    verdict(revenue=CALIBRATED, churn=RFM)
    run()
    verdict(revenue=RFM, churn=RFM)
    for _ in range(3):
        run("high")
    assert serving(tenant) == (CALIBRATED, RFM)
    run()
    assert serving(tenant) == (CALIBRATED, RFM)


def test_old_changes_of_models_and_those_ahead_of_the_clock_go(tenant, buyers, run, verdict):
    verdict(revenue=CALIBRATED, churn=CALIBRATED)
    run()
    with db.scope():
        [(now, _), _] = db.rows("SELECT at_ms, prediction FROM model_change")
        db.execute(
            "UPDATE model_change SET at_ms = CASE prediction WHEN 'churn' THEN at_ms - %s"
            " ELSE at_ms + %s END",
            (401 * DAY, DAY),
        )
    run()
    with db.scope():
        assert db.rows("SELECT * FROM model_change") == []
        assert now


def test_a_tenant_is_deleted_with_the_changes_of_its_models(tenant, buyers, run, verdict):
    verdict(revenue=CALIBRATED, churn=RFM)
    run()
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM model_change") == 1
        tenants.delete_tenant(tenant.id)
        assert db.value("SELECT COUNT(*) FROM model_change") == 0


def test_the_pages_say_how_far_to_trust_each_prediction(app, headers, buyers, run, verdict):
    verdict(revenue=CALIBRATED, churn=RFM)
    run()
    visitor = Visitor(app, headers("viewer"))
    overview, settings, customer = (
        visitor.get(path).text for path in ("/", "/settings", "/customers/c0001")
    )
    assert "<strong>Revenue by calibrated.</strong> Use calibrated." in overview
    assert "<strong>Churn by rfm.</strong> Use rfm." in overview
    assert "Revenue now by <strong>calibrated</strong>, since" in settings
    assert "Churn now by <strong>rfm</strong>, since" in settings
    assert 'value="auto" checked' in settings
    assert "Revenue by calibrated. Use calibrated. Churn by rfm. Use rfm." in customer


def test_what_a_run_decides_holds_though_a_newer_distribution_was_built_meanwhile(
    tenant, buyers, run, monkeypatch
):
    """A fit takes long; a request that comes then may need a distribution of its own."""
    built = []

    def build_meanwhile(*about) -> Findings:
        measured = find_out(*about)
        owner = tenants.tenant_by_id(tenant.id)
        assert snapshots.rebuild(owner)
        built.append(snapshots.current_snapshot(owner))
        return replace(measured, revenue=Verdict(CALIBRATED, "Use calibrated."))

    monkeypatch.setattr(fitting, "find_out", build_meanwhile)
    run()
    assert serving(tenant)[0] == CALIBRATED
    with db.scope():
        current = snapshots.current_snapshot(tenants.tenant_by_id(tenant.id))
    # It is the newer one, with what the run decided.
    [newer] = built
    assert current.distribution.as_of_ms == newer.distribution.as_of_ms
    assert current.id != newer.id and newer.calibration is None
    run()
    with db.scope():
        assert len(model_changes.newest(tenant.id, 0, 20)) == len(
            {one.prediction for one in model_changes.newest(tenant.id, 0, 20)}
        )
