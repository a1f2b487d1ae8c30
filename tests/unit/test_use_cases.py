"""The use cases as the API, the page and the command line call them: no server, a real SQLite."""

import io

import pytest

from clv import db
from clv.config import Settings
from clv.errors import Conflict, Invalid, NotFound
from clv.files.choices import Choices
from clv.files.summaries.reader import File, Rejected
from clv.services import (
    customers,
    explanations,
    insights,
    loading,
    records,
    simulation,
    summaries,
)
from clv.services import settings as settings_service
from clv.services.loading import BadLine, Options
from clv.store import tenants
from clv.store.listing import Filter, Order
from clv.store.summaries import Chosen

ORDERS = b"""customer_id,date,amount
ann,2024-10-01,10.50
ann,2024-10-01,1.50
bob,2024-10-02,7
"""
VISITS = b"""customerId,periodType,periodKey,impressions,lastContactAt
ann,weekly,2024-W40,3,2024-10-01T09:00:00.000Z
"""


@pytest.fixture
def shop(tmp_path):
    """A new tenant, alone in a database of its own."""
    db.configure(Settings(database_url=f"sqlite:///{tmp_path / 'clv.db'}"))
    with db.scope():
        db.migrate()
        yield settings_service.create_tenant("shop")
    db.database.close_all()


def file(content: bytes) -> File:
    return File(io.BytesIO(content))


def load(shop, content=ORDERS, rejected=None, **options):
    return loading.load_transactions(shop, file(content), Choices(), Options(**options), rejected)


def now(shop):
    return tenants.tenant_by_id(shop.id)


def test_a_file_of_transactions_becomes_daily_summaries(shop):
    loaded = load(shop)
    assert (loaded.received, loaded.rejected, loaded.period_type) == (3, 0, "daily")
    assert loaded.merged.inserted == 2
    [stored] = summaries.customer_summaries(now(shop), Chosen("ann"), None, 10)
    assert stored.row.total_value == 120_000


def test_bad_lines_are_left_out_or_refuse_the_file(shop):
    bad = ORDERS + b"eve,yesterday,1\n"
    loaded = load(shop, bad, skip_bad_lines=True)
    assert loaded.rejected == 1 and loaded.errors[0].line == 5
    rejected = Rejected()
    with pytest.raises(Invalid, match="1 bad line; nothing was loaded"):
        load(shop, bad, rejected)
    assert [BadLine(*line) for line in rejected.first] == loaded.errors


def test_summaries_of_another_period_type_need_replace(shop):
    load(shop)
    with pytest.raises(Conflict):
        loading.load_summaries(now(shop), file(VISITS), Options())
    loaded = loading.load_summaries(now(shop), file(VISITS), Options(replace=True))
    assert loaded.period_type == "weekly" and now(shop).customers == 1


def test_progress_is_told_while_a_file_is_read_and_written(shop):
    told = []
    load(shop, progress=lambda: told.append("read"))
    for customer_id in ("ann", "bob"):
        customers.recompute_clv(now(shop), customer_id)
    text = records.file_of_records(shop, Filter(), Order(), "csv", progress=told.append)
    assert len("".join(text).splitlines()) == 3
    assert told == ["read", 2]


def test_a_customer_is_computed_once_then_read_explained_and_erased(shop):
    load(shop)
    scores, source = customers.get_clv(shop.id, "ann")
    assert source == "computed" and customers.get_clv(shop.id, "ann") == (scores, "cached")
    explained = explanations.explain_clv(now(shop), "ann")
    assert explained.scores.score == scores.score and explained.scores.model == 0
    assert explained.parameters is None and explained.interval is None
    customers.erase_customer(shop, "ann")
    for use in (customers.erase_customer, customers.recompute_clv, explanations.explain_clv):
        with pytest.raises(NotFound):
            use(now(shop), "ann")


def test_records_are_listed_page_by_page_and_counted(shop):
    load(shop)
    for customer_id in ("ann", "bob"):
        customers.recompute_clv(now(shop), customer_id)
    order = Order("predicted_revenue", descending=True)
    [first] = records.page_of_records(shop, Filter(), order, None, 1)
    after = (first.value, first.scores.customer_id)
    [second] = records.page_of_records(shop, Filter(), order, after, 1)
    assert {first.scores.customer_id, second.scores.customer_id} == {"ann", "bob"}
    assert records.total_of_records(now(shop), Filter(), counted=False) == 2


def test_settings_are_tried_out_then_changed(shop):
    load(shop)
    tried = simulation.simulate(now(shop), {"at_risk_days": 1})
    assert tried.exact and tried.message is None
    assert tried.after.segments["at_risk"].customers == 2
    assert now(shop).settings.at_risk_days == 30
    changed = settings_service.change_settings(shop, {"at_risk_days": 1, "currency": "EUR"})
    served = settings_service.served_settings(changed)
    assert (served.at_risk_days, served.currency, served.serving.revenue.name) == (1, "EUR", "rfm")


def test_a_setting_out_of_its_range_is_refused_by_name(shop):
    with pytest.raises(Invalid, match="at_risk_days"):
        settings_service.change_settings(shop, {"at_risk_days": 0})
    with pytest.raises(Invalid, match="currency"):
        settings_service.change_settings(shop, {"currency": "euro"})
    with pytest.raises(Invalid, match="The three weights must sum to 1"):
        simulation.simulate(shop, {"weight_recency": 0.9})


def test_before_the_first_run_the_summary_counts_the_customers_with_summaries(shop):
    load(shop)
    latest = insights.latest_overview(now(shop))
    assert latest.overview is None and latest.listed_customers == 2
    assert latest.message.startswith("No run has finished yet")


def test_a_tenant_is_created_by_a_plain_name_and_deleted_with_its_data(shop):
    with pytest.raises(Invalid, match="The name"):
        settings_service.create_tenant("Shop No. 1")
    load(shop)
    settings_service.delete_tenant(shop)
    assert tenants.all_tenants() == []


def test_days_of_another_time_zone_are_pointed_out(shop):
    load(shop)
    shop = settings_service.change_settings(now(shop), {"time_zone": "Europe/Berlin"})
    warnings = {warning.code: warning.message for warning in load(shop).warnings}
    assert "UTC" in warnings["time_zone"] and "Europe/Berlin" in warnings["time_zone"]
    # All of it anew, and the days are those of the zone.
    load(shop, replace=True)
    assert "time_zone" not in {warning.code for warning in load(now(shop)).warnings}
