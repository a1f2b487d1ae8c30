"""Rows that do not count are removed, counted and added up."""

from clv.store import left_out
from clv.store.left_out import LeftOutRows
from clv.store.staging import CORRECTION, COVERED, HELD, SALE
from tests.unit.staging.support import Row, at, stage, stage_plain, staged

NOON = at("2026-03-12T12:00:00Z")
WORDS = ("guest", "0")


def test_a_word_that_stands_for_several_people_is_no_customer():
    others = [(f"c{n}", NOON, 1) for n in range(96)]
    stage_plain(
        ("Guest", NOON, 5), ("GUEST", NOON, -2), ("guest", NOON, 6), ("0", NOON, 9), *others
    )
    assert left_out.leave_out_placeholders(WORDS) == [LeftOutRows("guest", 3, 9, ())]
    assert len(staged()) == 97


def test_a_word_with_few_rows_may_be_a_persons_id():
    stage_plain(*((f"c{n}", NOON, 1) for n in range(300)), ("0", NOON, 1), ("0", NOON, 1))
    assert left_out.leave_out_placeholders(WORDS, 0.01) == []
    assert len(left_out.leave_out_placeholders(WORDS, 0.005)) == 1


def test_only_sales_make_the_share():
    stage(
        Row("0", NOON, 1, SALE),
        Row("0", NOON, -1, CORRECTION),
        Row("0", NOON, 0, COVERED),
        Row("0", NOON, 0, HELD),
    )
    assert left_out.leave_out_placeholders(WORDS) == []


def test_the_first_five_lines_of_a_word_are_named():
    stage(*(Row("guest", NOON, 2) for _ in range(7)), Row("ann", NOON, 1))
    assert left_out.leave_out_placeholders(WORDS) == [LeftOutRows("guest", 7, 14, (2, 3, 4, 5, 6))]
    assert [row[1] for row in staged()] == ["ann"]


def test_rows_without_a_customer_are_left_out():
    stage(Row(None, NOON, 2), Row("", NOON, 3), Row("ann", NOON, 1), Row(None, None, 0, HELD))
    assert left_out.leave_out_nameless() == [LeftOutRows(None, 2, 5, (2, 3))]
    assert [row[1] for row in staged()] == ["ann", None]


def test_each_currency_has_its_number_and_its_sum():
    stage(
        Row("ann", NOON, 10**16, None, None, "EUR"),
        *(Row("ann", NOON, 10**16, None, None, "USD") for _ in range(1_000)),
        Row("ann", NOON, -(10**16), None, None, "EUR"),
        Row("ann", NOON, 7, COVERED, None, "GBP"),
        Row("ann", NOON, 4),
    )
    assert left_out.staged_currencies() == [("USD", 1_000, 10**19), ("EUR", 2, 0), (None, 1, 4)]


def test_other_currencies_are_left_out_and_what_they_cover_stays():
    stage(
        Row("ann", NOON, 1, None, None, "EUR"),
        Row("ann", NOON, 2, None, None, "USD"),
        Row("ann", NOON, 3, None, None, "USD"),
        Row("ann", NOON, 4, None, None, "GBP"),
        Row("ann", NOON, 5),
        Row("ann", NOON, 6, COVERED, None, "USD"),
        Row("ann", NOON, 7, HELD, None, "USD"),
    )
    assert left_out.keep_currency("EUR") == [
        LeftOutRows("USD", 2, 5, (3, 4)),
        LeftOutRows("GBP", 1, 4, (5,)),
    ]
    assert [row[0] for row in staged()] == [2, 6, 7, 8]


def test_covered_and_held_rows_of_a_word_go_uncounted():
    """They are counted where they became what they are."""
    stage(
        Row("guest", NOON, 1),
        Row("Guest", NOON, 2),
        Row("guest", NOON, 9, COVERED),
        Row("guest", NOON, 9, HELD),
        Row("ann", NOON, 5),
    )
    assert left_out.leave_out_placeholders(WORDS) == [LeftOutRows("guest", 2, 3, (2, 3))]
    assert [row[1] for row in staged()] == ["ann"]
