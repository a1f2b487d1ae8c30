"""The lines of an order become one transaction."""

import pytest

from clv.errors import Invalid
from clv.store import left_out, staged_days, staged_orders
from clv.store.left_out import LeftOutRows
from clv.store.staging import CORRECTION, COVERED, HELD, SALE
from tests.unit.staging.support import UTC, Row, at, days, stage, stage_plain, staged

NOON, LATER = at("2026-03-12T12:00:00Z"), at("2026-03-20T09:00:00Z")


def test_the_lines_of_an_order_are_added_up_to_one_sale():
    stage(
        Row("ann", NOON, 100, SALE, "1"),
        Row("bo", NOON, 7, SALE, "2"),
        Row("ann", NOON + 1, 50, None, "1"),
    )
    assert staged_orders.join_orders("sum") == []
    assert staged() == [(2, "ann", NOON, 150, SALE), (3, "bo", NOON, 7, SALE)]


def test_rows_without_a_number_stay_transactions_of_their_own():
    stage(Row("ann", NOON, 1), Row("ann", NOON, 2, None, ""), Row("ann", NOON, 3, None, "1"))
    staged_orders.join_orders("sum")
    assert [row[3] for row in staged()] == [1, 2, 3]


def test_the_first_line_that_has_a_customer_names_the_orders():
    stage(
        Row(None, NOON, 1, SALE, "1"), Row("", NOON, 2, SALE, "1"), Row("bo", LATER, 3, SALE, "1")
    )
    staged_orders.join_orders("sum")
    assert staged() == [(2, "bo", NOON, 6, SALE)]


def test_a_refund_among_the_lines_makes_its_sale_no_younger():
    stage(Row("ann", LATER, -80, CORRECTION, "1"), Row("ann", NOON, 80, SALE, "1"))
    staged_orders.join_orders("sum")
    assert staged() == [(3, "ann", NOON, 0, SALE)]


@pytest.mark.parametrize("amounts", [(-5, 3), (-5, -3)])
def test_an_order_below_zero_is_a_correction(amounts):
    stage(*(Row("ann", NOON, amount, None, "1") for amount in amounts))
    staged_orders.join_orders("sum")
    [(_, customer, time, amount, kind)] = staged()
    assert (customer, time, amount, kind) == ("ann", NOON, sum(amounts), CORRECTION)


def test_corrections_that_add_up_to_nothing_are_no_sale():
    stage(Row("ann", NOON, -5, CORRECTION, "1"), Row("ann", NOON, 5, CORRECTION, "1"))
    staged_orders.join_orders("sum")
    assert [row[4] for row in staged()] == [CORRECTION]


@pytest.mark.parametrize("how", ["sum", "first"])
def test_covered_lines_stay_as_they_are(how):
    stage(Row("ann", NOON, 0, COVERED, "1"), Row("ann", LATER, 5, SALE, "1"))
    assert staged_orders.join_orders(how) == []
    assert staged() == [(2, "ann", NOON, 0, COVERED), (3, "ann", LATER, 5, SALE)]


@pytest.mark.parametrize("how", ["sum", "first"])
def test_a_bad_line_holds_the_day_of_its_whole_order(how):
    stage(
        Row("ann", NOON, 5, SALE, "1"),
        Row(None, None, 0, HELD, "1"),
        Row("ann", LATER, 6, SALE, "2"),
    )
    staged_orders.join_orders(how)
    assert staged_days.aggregate_transactions(UTC) == 1
    assert days() == {("ann", "2026-03-20"): (1, 1, 6)}


def test_only_the_first_line_of_an_order_counts_where_each_repeats_its_amount():
    stage(*(Row("ann", NOON, 20, SALE, "1") for _ in range(8)), Row("bo", NOON, 3, SALE, "2"))
    assert staged_orders.join_orders("first") == [
        LeftOutRows(None, rows=7, total=140, lines=(3, 4, 5, 6, 7))
    ]
    assert staged() == [(2, "ann", NOON, 20, SALE), (10, "bo", NOON, 3, SALE)]


def test_a_refund_repeats_neither_its_sale_nor_another_refund():
    refund = Row("ann", LATER, -5, CORRECTION, "1")
    stage(
        Row("ann", NOON, 20, SALE, "1"),
        refund,
        refund,
        Row("ann", LATER + 1, -5, CORRECTION, "1"),
    )
    assert staged_orders.join_orders("first") == [LeftOutRows(None, 1, -5, (4,))]
    assert [row[3] for row in staged()] == [20, -5, -5]


def test_lines_in_two_currencies_are_not_added_up():
    stage(
        Row("ann", NOON, 20, SALE, "1", "EUR"),
        Row("ann", NOON, 3, SALE, "1"),
        Row("ann", NOON, 900, SALE, "1", "JPY"),
    )
    staged_orders.join_orders("sum")
    assert left_out.staged_currencies() == [("EUR", 1, 23), ("JPY", 1, 900)]


def test_an_order_that_adds_up_to_too_much_is_refused():
    stage(*(Row("ann", NOON, 10**16, SALE, "big") for _ in range(1_000)))
    with pytest.raises(Invalid, match=r"The lines of order big add up to too much\."):
        staged_orders.join_orders("sum")


def test_a_plain_file_has_no_orders():
    stage_plain(("ann", NOON, 5), ("ann", NOON, 5))
    assert staged_orders.join_orders("sum") == staged_orders.join_orders("first") == []
    assert len(staged()) == 2
