"""The figures of a preview, and of the warnings about a file."""

import pytest

from clv.services import loading
from clv.store import staged_days, staged_figures
from clv.store.staged_figures import Figures, StagedTransaction
from clv.store.staging import CORRECTION, COVERED, HELD, SALE
from clv.store.summaries import Summary
from tests.unit.staging.support import UTC, Row, at, merge, stage, stage_plain

NOON = at("2026-03-12T12:00:00Z")
DAY = 86_400_000


def figures_of(*rows: Row) -> Figures:
    stage(*rows)
    staged_days.aggregate_transactions(UTC)
    return staged_figures.figures()


def test_the_figures_are_those_of_what_counts():
    assert figures_of(
        Row("ann", NOON, 5),
        Row("ann", NOON + 9 * DAY, 6),
        Row("ann", NOON + DAY, -2),
        Row("bo", NOON - DAY, 4, SALE),
        Row("cy", NOON - 9 * DAY, 4, COVERED),
        Row("di", NOON - 9 * DAY, 0, HELD),
        Row("di", NOON - 9 * DAY, 8, SALE),
        Row("di", NOON - 9 * DAY, -8, CORRECTION),
    ) == Figures(3, 1, 2, "2026-03-11", "2026-03-21", 13, "ann", 2)


def test_nothing_has_figures_of_nothing():
    assert figures_of(Row("ann", NOON, 0, HELD)) == Figures(0, 0, 0, None, None, 0, None, 0)


def test_a_total_may_pass_every_integer_of_the_database():
    rows = [Row(f"c{n}", NOON, 10**16) for n in range(1_000)]
    assert figures_of(*rows).total == 10**19


@pytest.mark.parametrize("customers, is_one_each", [("abc", True), ("aab", False), ("aabc", False)])
def test_one_transaction_each_is_told_from_a_mean_of_one(customers, is_one_each):
    rows = [Row(name, NOON + n * DAY, 1) for n, name in enumerate(customers)]
    # A customer with corrections only would make up for one with two sales.
    assert figures_of(*rows, Row("z", NOON, -1)).is_one_each is False
    assert figures_of(*rows).is_one_each is is_one_each


def test_the_sample_has_the_first_rows_that_count():
    stage(
        Row("ann", NOON, 5, COVERED),
        Row("bo", NOON, -5),
        Row("cy", NOON, 6),
        Row("di", NOON, 7, CORRECTION),
    )
    assert staged_figures.sample(2) == [
        StagedTransaction(3, "bo", NOON, -5, CORRECTION),
        StagedTransaction(4, "cy", NOON, 6, SALE),
    ]


def test_the_sample_of_a_plain_file_has_no_lines():
    stage_plain(("bo", NOON, 5), ("ann", NOON, -6))
    assert staged_figures.sample(9) == [
        StagedTransaction(None, "bo", NOON, 5, SALE),
        StagedTransaction(None, "ann", NOON, -6, CORRECTION),
    ]


def test_the_newest_day_is_the_tenants_own(tenant, headers):
    headers(name="globex")
    assert staged_figures.newest_day(tenant.id) is None
    merge(tenant, Row("ann", NOON, 5), Row("bo", NOON - DAY, 5))
    assert staged_figures.newest_day(tenant.id) == "2026-03-12"
    assert staged_figures.newest_day(tenant.id + 1) is None


def test_weeks_have_no_newest_day(tenant):
    row = Summary("ann", "2026-W11", "", "", "", 1, 1, 5, NOON, NOON)
    loading.add_summaries(tenant, "weekly", [row])
    assert staged_figures.newest_day(tenant.id) is None
