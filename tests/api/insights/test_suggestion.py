"""The at-risk days that the summary suggests."""

import pytest

from clv import db
from clv.db.clock import now_ms
from clv.services import snapshots
from clv.services.settings import suggest_at_risk_days
from clv.store import tenants, totals
from tests.api.insights.support import SUMMARY
from tests.api.support import days_ago, row
from tests.jobs.support import add_customers


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
