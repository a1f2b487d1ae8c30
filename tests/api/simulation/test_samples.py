"""Of many customers, a sample is simulated."""

from dataclasses import asdict, replace

import psycopg
import pytest

from clv import db
from clv.domain.settings import ScoreSettings
from clv.errors import Unavailable
from clv.services import simulation
from clv.store import tenants
from clv.store.totals import sample_totals
from tests.api.simulation.support import LOG, import_log
from tests.api.support import poison, row


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
