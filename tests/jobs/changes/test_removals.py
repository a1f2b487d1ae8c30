"""Nobody who was removed has rows."""

from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from clv import db
from clv.config import Settings
from clv.errors import NotFound
from clv.services import loading
from clv.services.customers import erase_customer, recompute_clv
from clv.store import changes, merging, shards, staging, tenants
from clv.store.summaries import Summary
from jobs.queue import connect
from tests.jobs.changes.support import CUSTOMERS, broken_links
from tests.jobs.support import InterruptedBell, add_customers, begin, complete, planned, together


def has_rows(customer_id: str, tenant_id: int = 1) -> bool:
    return bool(changes.of_customer(tenant_id, customer_id, 2**63 - 1, 1))


def zero(customer_id: str) -> Summary:
    return Summary(customer_id, "2026-01-01", "", "", "", 0, 0, 0, 0, 0)


def erase(tenant, customer_id: str) -> None:
    erase_customer(tenant, customer_id)


def remove_the_last_summary(tenant, customer_id: str) -> None:
    loading.add_summaries(tenant, "daily", [zero(customer_id)])


def replace_all_others(tenant, customer_id: str) -> None:
    kept = [Summary(c, "2026-01-01", "", "", "", 1, 1, 1, 1, 1) for c in CUSTOMERS]
    staging.stage_summaries([row for row in kept if row.customer_id != customer_id])
    merging.merge(tenant.id, "daily", replace=True)


REMOVALS = [erase, remove_the_last_summary, replace_all_others]


@pytest.mark.parametrize("remove", REMOVALS)
def test_a_customers_rows_go_with_the_customer_and_no_other_tenants(
    tenant, customers, bell, remove
):
    with db.scope():
        other = tenants.create_tenant("other")
        complete(begin(), bell)
        loading.add_summaries(other, "daily", [zero("c00007")._replace(impressions=1)])
        recompute_clv(tenants.tenant_by_id(other.id), "c00007")
        remove(tenant, "c00007")
        assert not has_rows("c00007") and has_rows("c00008")
        assert has_rows("c00007", other.id)


def remove_between_reading_and_writing(tenant, settings: Settings, remove: Callable) -> str:
    """Remove a customer who was read ahead by a run that goes on; the customer's id."""
    add_customers(tenant, 200)
    victim = "c00150"
    with closing(connect(settings.redis_url)) as redis:
        bell = InterruptedBell(redis, 1, lambda: remove(tenant, victim))
        complete(planned(bell), bell)
    return victim


@pytest.mark.parametrize("remove", REMOVALS[:2])
def test_who_is_removed_during_a_run_has_no_row_after_it(settings, tenant, remove):
    with db.scope():
        victim = remove_between_reading_and_writing(tenant, settings, remove)
        assert not has_rows(victim) and has_rows("c00149") and has_rows("c00151")


def test_without_the_count_of_erasures_the_erased_has_rows_again(settings, tenant, monkeypatch):
    for name in ("_UNCHANGED_RUN", "_COMMIT"):
        blind = getattr(shards, name).replace("erasures = %s", "(erasures = %s OR 1 = 1)")
        assert blind != getattr(shards, name)
        monkeypatch.setattr(shards, name, blind)
    with db.scope():
        assert has_rows(remove_between_reading_and_writing(tenant, settings, erase))


def test_erasures_at_the_same_time_as_computations_leave_no_row(tenant, customers, bell):
    victims = CUSTOMERS[::3]

    def erase_all() -> None:
        for victim in victims:
            erase_customer(tenant, victim)

    def recompute_all() -> None:
        for customer in CUSTOMERS:
            with suppress(NotFound):
                recompute_clv(tenant, customer)

    with db.scope():
        complete(begin(), bell)
        run_id = begin()
        db.release()
        wrong = together(lambda: complete(run_id, bell), erase_all, recompute_all)
        assert wrong == []
        assert [victim for victim in victims if has_rows(victim)] == []
        left = sorted(set(CUSTOMERS) - set(victims))
        found = db.rows("SELECT DISTINCT customer_id FROM clv_change ORDER BY customer_id")
        assert [customer for (customer,) in found] == left
        assert broken_links(tenant.id) == []


def test_a_deleted_tenants_rows_go_with_it(tenant, customers, bell):
    with db.scope():
        complete(begin(), bell)
        other = tenants.create_tenant("other")
        loading.add_summaries(other, "daily", [zero("c00007")._replace(impressions=1)])
        recompute_clv(tenants.tenant_by_id(other.id), "c00007")
        tenants.delete_tenant(tenant.id)
        assert db.rows("SELECT tenant_id, customer_id FROM clv_change") == [(other.id, "c00007")]
