"""How many stored customer-days a file of transactions lowers."""

import pytest

from clv.services import loading
from clv.store import merging, staging, tenants
from clv.store.staging import COVERED
from clv.store.summaries import Summary
from tests.unit.staging.support import Row, at, merge

NOON = at("2026-03-12T12:00:00Z")
DAY = 86_400_000


def summary(offer: str, impressions: int, value: int) -> Summary:
    return Summary("ann", "2026-03-12", offer, "", "", impressions, 0, value, NOON, NOON)


def test_the_same_file_again_lowers_nothing(tenant):
    rows = [Row("ann", NOON, 5), Row("bo", NOON, -5), Row("ann", NOON + DAY, 6)]
    assert merge(tenant, *rows).lowered == 0
    assert merge(tenant, *rows).lowered == 0


@pytest.mark.parametrize(
    "rows, lowered",
    [
        ([Row("ann", NOON, 11)], 1),
        ([Row("ann", NOON, 4), Row("ann", NOON, 5)], 1),
        ([Row("ann", NOON, 4), Row("ann", NOON, 6), Row("ann", NOON, 7)], 0),
        ([Row("ann", NOON, 0, COVERED)], 1),
        ([Row("ann", NOON + DAY, 1)], 0),
        ([Row("bo", NOON, 1)], 0),
    ],
)
def test_fewer_contacts_or_less_value_is_lower(tenant, rows, lowered):
    merge(tenant, Row("ann", NOON, 4), Row("ann", NOON, 6))
    assert merge(tenant, *rows).lowered == lowered


@pytest.mark.parametrize(
    "amounts, lowered", [((30,), 1), ((10, 19), 1), ((10, 20), 0), ((1, 2, 27), 0)]
)
def test_all_offers_of_a_day_are_compared_together(tenant, amounts, lowered):
    loading.add_summaries(tenant, "daily", [summary("", 1, 10), summary("mail", 1, 20)])
    merged = merge(tenant, *(Row("ann", NOON, amount) for amount in amounts))
    assert (merged.updated, merged.deleted, merged.lowered) == (1, 1, lowered)


def test_a_day_of_other_offers_only_is_compared_as_well(tenant):
    loading.add_summaries(tenant, "daily", [summary("mail", 2, 20)])
    merged = merge(tenant, Row("ann", NOON, 30), Row("bo", NOON, 1))
    assert (merged.inserted, merged.deleted, merged.lowered) == (2, 1, 1)


def test_replacing_lowers_only_days_that_the_file_has(tenant):
    merge(tenant, Row("ann", NOON, 5), Row("ann", NOON + DAY, 5), Row("bo", NOON, 5))
    merged = merge(tenant, Row("ann", NOON, 4), replace=True)
    assert (merged.updated, merged.deleted, merged.lowered) == (1, 2, 1)


def test_summaries_are_corrected_without_being_called_lower(tenant):
    loading.add_summaries(tenant, "daily", [summary("", 2, 20)])
    staging.stage_summaries([summary("", 1, 10)])
    assert merging.merge(tenant.id, "daily").lowered == 0


@pytest.mark.parametrize("stored", [[], [Row("ann", NOON, 5), Row("cy", NOON, 1)]])
def test_a_known_number_of_customers_is_not_counted_again(tenant, stored):
    if stored:
        merge(tenant, *stored)
    merge(tenant, Row("ann", NOON, 5), Row("bo", NOON, 5), staged_customers=2)
    assert tenants.tenant_by_id(tenant.id).customers == 2 + bool(stored)
