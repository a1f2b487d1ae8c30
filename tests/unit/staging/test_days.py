"""Transactions become summaries of local calendar days."""

import pytest

from clv import db
from clv.domain.time_zone import time_zone
from clv.errors import Invalid
from clv.store import staged_days
from clv.store.staging import CORRECTION, COVERED, HELD, SALE
from tests.unit.staging.support import UTC, Row, at, days, merge, stage, stage_plain

NOON = at("2026-03-12T12:00:00Z")
BERLIN = time_zone("Europe/Berlin")


@pytest.mark.parametrize(
    "name, time, day",
    [
        ("UTC", "2026-03-12T23:30:00Z", "2026-03-12"),
        ("Europe/Berlin", "2026-03-12T23:30:00Z", "2026-03-13"),
        ("Europe/Berlin", "2026-07-12T21:59:59Z", "2026-07-12"),
        ("Europe/Berlin", "2026-07-12T22:00:00Z", "2026-07-13"),
        ("America/New_York", "2026-03-13T03:59:59Z", "2026-03-12"),
        ("America/New_York", "2026-03-13T04:00:00Z", "2026-03-13"),
        ("Asia/Kolkata", "2026-03-12T18:30:00Z", "2026-03-13"),
        ("America/New_York", "1970-01-01T00:00:00Z", "1969-12-31"),
    ],
)
def test_a_day_is_the_time_zones(name, time, day):
    # Another transaction, on the other side of a change of the clocks.
    stage_plain(("ann", at(time), 5), ("bo", NOON, 1), ("bo", at("2026-07-01T12:00:00Z"), 1))
    assert staged_days.aggregate_transactions(time_zone(name)) == 0
    assert days()["ann", day] == (1, 1, 5)


def test_a_negative_amount_of_a_plain_file_is_a_correction():
    stage_plain(("ann", NOON, 5), ("ann", NOON + 1, -2), ("ann", NOON + 2, 0))
    staged_days.aggregate_transactions(UTC)
    assert days() == {("ann", "2026-03-12"): (2, 2, 3)}


def test_a_kind_says_more_than_the_sign():
    stage(Row("ann", NOON, -3, SALE), Row("bo", NOON, 4, CORRECTION), Row("cy", NOON, -5))
    staged_days.aggregate_transactions(UTC)
    day = "2026-03-12"
    assert days() == {("ann", day): (1, 1, -3), ("bo", day): (0, 0, 4), ("cy", day): (0, 0, -5)}


def test_an_order_that_was_cancelled_since_is_gone(tenant):
    rows = [Row("ann", NOON, 5, SALE), Row("bo", NOON, 6, SALE)]
    merge(tenant, *rows)
    merged = merge(tenant, Row("ann", NOON, 5, COVERED), rows[1])
    assert (merged.deleted, merged.unchanged, merged.lowered) == (1, 1, 1)
    assert db.rows("SELECT customer_id, total_value FROM interaction_summary") == [("bo", 6)]


def test_a_covered_row_adds_nothing_to_a_day_with_sales():
    stage(Row("ann", NOON - 1, 5, COVERED), Row("ann", NOON, 6, SALE))
    staged_days.aggregate_transactions(UTC)
    assert days() == {("ann", "2026-03-12"): (1, 1, 6)}
    contacts = "SELECT first_contact_ms, last_contact_ms FROM staged_summary"
    assert db.rows(contacts) == [(NOON, NOON)]


def test_a_bad_line_leaves_its_customers_day_as_it_is_stored(tenant):
    merge(tenant, Row("ann", NOON, 5, SALE))
    day_later = NOON + 86_400_000
    rows = (
        Row("ann", NOON, 1, SALE),
        Row("ann", NOON + 1, 0, HELD),
        Row("ann", NOON + 2, 0, HELD),
        Row("ann", day_later, 2, SALE),
        Row("bo", NOON, 3, SALE),
    )
    stage(*rows)
    assert staged_days.aggregate_transactions(UTC) == 1
    merge(tenant, *rows)
    values = "SELECT customer_id, total_value FROM interaction_summary ORDER BY total_value"
    assert db.rows(values) == [("ann", 2), ("bo", 3), ("ann", 5)]


def test_a_row_that_is_held_without_a_customer_or_a_time_holds_nothing():
    stage(Row(None, NOON, 0, HELD), Row("ann", None, 0, HELD), Row("ann", NOON, 3, SALE))
    assert staged_days.aggregate_transactions(BERLIN) == 0
    assert days() == {("ann", "2026-03-12"): (1, 1, 3)}


@pytest.mark.parametrize("is_plain", [True, False])
def test_amounts_that_add_up_to_too_much_are_refused(is_plain):
    if is_plain:
        stage_plain(*(("ann", NOON, 10**16) for _ in range(1_000)))
    else:
        stage(*(Row("ann", NOON, 10**16) for _ in range(1_000)))
    with pytest.raises(Invalid, match=r"of ann on 2026-03-12 add up to too much\."):
        staged_days.aggregate_transactions(UTC)


def test_large_amounts_of_many_customers_are_not_too_much():
    stage_plain(*((f"c{n}", NOON, 10**16) for n in range(1_000)))
    staged_days.aggregate_transactions(UTC)
    assert set(days().values()) == {(1, 1, 10**16)}


@pytest.mark.parametrize(
    "before, after",
    [
        # 23:30 on the clock, in winter and in summer.
        ("2026-03-12T22:30:00Z", "2026-04-11T21:30:00Z"),
        # 02:30 does not occur on 29 March.
        ("2026-02-27T01:30:00Z", "2026-03-29T01:30:00Z"),
        # It occurs twice on 25 October.
        ("2026-09-25T00:30:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T01:30:00Z", "2026-11-24T01:30:00Z"),
    ],
)
def test_a_replayed_transaction_keeps_its_local_time_of_day(before, after):
    stage_plain(("ann", at(before), 5), ("bo", at("2026-01-01T00:00:00Z"), 1))
    staged_days.aggregate_transactions(BERLIN, 30)
    [contact] = db.rows("SELECT first_contact_ms FROM staged_summary WHERE customer_id = 'ann'")
    assert contact == (at(after),)
    assert ("bo", "2026-01-31") in days()


def test_a_history_is_replayed_in_utc_as_it_is():
    stage_plain(("ann", NOON, 5))
    staged_days.aggregate_transactions(UTC, -3)
    assert days() == {("ann", "2026-03-09"): (1, 1, 5)}
    assert staged_days.staged_contacts() == (NOON - 3 * 86_400_000,) * 2
