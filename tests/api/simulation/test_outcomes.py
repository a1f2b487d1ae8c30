"""What other settings would change equals what they do change."""

from dataclasses import asdict

import pytest

from clv import db
from clv.db import models
from clv.domain.calendar import iso
from clv.services import simulation
from clv.store import tenants
from tests.api.simulation.support import (
    CHANGES,
    SETTINGS,
    assert_equals_records,
    day_of_records,
    import_log,
    stored_sums,
)
from tests.api.support import poison, row


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
    # The first full run decides which models serve; a simulation predicts by these.
    assert client.post("/api/v1/clv/compute", headers=key).status_code == 200
    for changes in ({"weights": weights, "atRiskDays": 400}, *CHANGES[1:2]):
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
