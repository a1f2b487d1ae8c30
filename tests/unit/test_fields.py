"""What a single value may be."""

import math
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain import calendar, values

LAST_MS = 253_402_300_799_999
DAY = 86_400_000


@pytest.mark.parametrize(
    "text",
    ["a", "CUST-001", "x" * 128, "Ünïcödé 客户 😀", "a b", "...", "a.b", "%2F", "a\\b", "'; --"],
)
def test_customer_ids_that_are_kept_as_they_are(text):
    assert values.customer_id(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Must be 1 to 128 characters, and not '.' or '..'."),
        (".", "Must be 1 to 128 characters, and not '.' or '..'."),
        ("..", "Must be 1 to 128 characters, and not '.' or '..'."),
        ("/", "Must not contain '/'."),
        ("a/b", "Must not contain '/'."),
        ("x" * 129, "Must be at most 128 characters."),
        ("a\0", "Must not contain control characters or lone surrogates."),
        ("a\tb", "Must not contain control characters or lone surrogates."),
        ("a\x7fb", "Must not contain control characters or lone surrogates."),
        ("a\x85b", "Must not contain control characters or lone surrogates."),
        ("\ud800", "Must not contain control characters or lone surrogates."),
        ("a\udfffb", "Must not contain control characters or lone surrogates."),
        (" a", "Must not begin or end with space."),
        ("a ", "Must not begin or end with space."),
        (" ", "Must not begin or end with space."),
        ("\u00a0a", "Must not begin or end with space."),
        ("a\u3000", "Must not begin or end with space."),
    ],
)
def test_customer_ids_that_are_refused(text, reason):
    with pytest.raises(ValueError) as raised:
        values.customer_id(text)
    assert str(raised.value) == reason


@given(st.text(max_size=140))
def test_an_accepted_customer_id_can_be_stored_and_addressed(text):
    try:
        accepted = values.customer_id(text)
    except ValueError:
        return
    assert accepted == text == text.strip()
    assert 1 <= len(text) <= 128
    assert "/" not in text and "\0" not in text and text not in (".", "..")
    assert text.encode().decode() == text


def test_other_texts_may_be_empty_and_have_slashes():
    for text in ("", ".", "a/b", "x" * 128):
        assert values.plain_text(text) == text
    for text in ("x" * 129, "a\n", "\udc80", " a"):
        with pytest.raises(ValueError):
            values.plain_text(text)


@pytest.mark.parametrize("text", ["a", "0", "acme", "a-b-", "a" * 63])
def test_tenant_names_that_are_accepted(text):
    assert values.tenant_name(text) == text


@pytest.mark.parametrize("text", ["", "-a", "A", "a_b", "a.b", "a b", "é", "a\n", "a" * 64])
def test_tenant_names_that_are_refused(text):
    with pytest.raises(ValueError, match="1 to 63 lower-case letters"):
        values.tenant_name(text)


@pytest.mark.parametrize("value", [None, 7, True, b"a", ["a"], {}])
def test_what_is_no_text_is_refused_as_one(value):
    for check in (values.text, values.plain_text, values.customer_id, calendar.period_type):
        with pytest.raises(ValueError, match="Must be a string"):
            check(value)
    with pytest.raises(ValueError, match="Must be a string"):
        calendar.time_ms(value)


@given(
    st.text(max_size=6) | st.text(st.characters(categories=("Cc", "Cs", "Cf", "Zs")), max_size=3)
)
def test_control_characters_and_surrogates_are_found_wherever_they_are(text):
    bad = any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
    if bad or text != text.strip():
        with pytest.raises(ValueError):
            values.plain_text(text)
    else:
        assert values.plain_text(text) == text


@pytest.mark.parametrize("name", ["daily", "weekly", "monthly", "alltime"])
def test_the_four_period_types(name):
    assert calendar.period_type(name) == name


@pytest.mark.parametrize("name", ["", "Daily", "hourly", "daily "])
def test_other_period_types_are_refused(name):
    with pytest.raises(ValueError, match="Must be one of: daily, weekly, monthly, alltime."):
        calendar.period_type(name)


def test_counts_are_integers_up_to_a_billion():
    for value in (0, 1, 1_000_000_000):
        assert values.count(value) == values.count_in_text(str(value)) == value
    assert values.count_in_text("007") == 7


@pytest.mark.parametrize("value", [-1, 1_000_000_001, 10**400, 1.0, 1.5, True, None, "7", [1]])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ValueError, match="Must be an integer from 0 to 1000000000."):
        values.count(value)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", "1_0", " 1", "٣", "1e3", "1000000001", "9" * 5000]
)
def test_texts_that_are_no_count_are_refused(text):
    with pytest.raises(ValueError, match="Must be an integer from 0 to 1000000000."):
        values.count_in_text(text)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (0, 0),
        (-0.0, 0),
        (12.3456, 123_456),
        (0.1, 1_000),
        (-7.5, -75_000),
        (1e9, 10_000_000_000_000),
        (-1_000_000_000, -10_000_000_000_000),
        (999_999_999.9999, 9_999_999_999_999),
        ("11.77", 117_700),
        ("-0.0001", -1),
        ("+5", 50_000),
        ("1e3", 10_000_000),
        ("1.50000000", 15_000),
        ("-0", 0),
        ("-0.5", -5_000),
        ("007.10", 71_000),
        ("999999999.9999", 9_999_999_999_999),
        ("1000000000", 10_000_000_000_000),
        (Decimal("12.3456"), 123_456),
    ],
)
def test_amounts_are_stored_exactly(value, stored):
    assert values.amount(value) == stored
    assert type(values.amount(value)) is int


@pytest.mark.parametrize(
    "value",
    [12.34567, 0.1 + 0.2, 1e-7, 5e-324, "0.00001", "1e-5", "1e-999999", Decimal("1.00001")],
)
def test_amounts_with_more_than_4_decimals_are_refused(value):
    with pytest.raises(ValueError, match="at most 4 decimals"):
        values.amount(value)


@pytest.mark.parametrize("text", ["1." + "0" * 30 + "1", "1e-1000100"])
def test_amounts_with_very_many_decimals_are_refused_too(text):
    with pytest.raises(ValueError, match="at most 4 decimals"):
        values.amount(text)


@pytest.mark.parametrize(
    "value",
    [1_000_000_001, 1e9 + 1, -1e10, "1e999999", "-1e999999", math.nan, math.inf, -math.inf]
    + ["NaN", "sNaN", "Infinity", "1000000000.0001", 10**50],
)
def test_amounts_that_are_not_finite_or_too_large_are_refused(value):
    with pytest.raises(ValueError, match="from -1000000000 to 1000000000"):
        values.amount(value)


@pytest.mark.parametrize("text", ["", "-", "abc", "1,5", "1.234,5", "$5", "0x10", "1 000", "1_000"])
def test_texts_that_are_no_amount_are_refused(text):
    with pytest.raises(ValueError, match="Must be a number"):
        values.amount(text)


@given(st.integers(-(10**13), 10**13))
def test_an_amount_with_4_decimals_comes_back_as_it_was(stored):
    assert values.amount(Decimal(stored) / 10_000) == stored
    assert values.amount(str(Decimal(stored) / 10_000)) == stored
    assert values.amount(stored / 10_000) == stored


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01", 0),
        ("2026-04-30", 1_777_507_200_000),
        ("2026-04-30T09:15:00Z", 1_777_540_500_000),
        ("2026-04-30 09:15:00Z", 1_777_540_500_000),
        ("2026-04-30T09:15Z", 1_777_540_500_000),
        ("2026-04-30 09:15:00 UTC", 1_777_540_500_000),
        ("2026-04-30T09:15:00+00", 1_777_540_500_000),
        ("2026-04-30T09:15:00+00:00", 1_777_540_500_000),
        ("2026-04-30T09:15:00-00:00", 1_777_540_500_000),
        ("2026-04-30T11:15:00+02:00", 1_777_540_500_000),
        ("2026-04-30T11:15:00+0200", 1_777_540_500_000),
        ("2026-04-29T23:45:00-09:30", 1_777_540_500_000),
        ("2026-04-30T09:15:00.1Z", 1_777_540_500_100),
        ("2026-04-30T09:15:00.123Z", 1_777_540_500_123),
        ("2026-04-30T09:15:00.123999Z", 1_777_540_500_123),
        ("2024-02-29", 1_709_164_800_000),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
    ],
)
def test_times_with_an_offset_and_bare_dates_are_read(text, ms):
    assert calendar.time_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-04-30T09:15:00", "UTC offset"),
        ("2026-04-30 09:15", "UTC offset"),
        ("2026-04-30T09Z", "UTC offset"),
        ("2026-04-30T09:15:00.1234567Z", "UTC offset"),
        ("2026-04-30T09:15:00 CET", "UTC offset"),
        ("2026-04-30T09:15:00z", "UTC offset"),
        ("2026-04-30Z", "UTC offset"),
        ("30.04.2026", "UTC offset"),
        ("2026-4-30", "UTC offset"),
        ("20260430", "UTC offset"),
        ("1777540500", "UTC offset"),
        ("2026-04-30\n", "UTC offset"),
        ("", "UTC offset"),
        ("2026-02-30", "real date"),
        ("2026-13-01", "real date"),
        ("0000-01-01", "real date"),
        ("2026-04-30T25:00:00Z", "real date"),
        ("2026-04-30T09:60:00Z", "real date"),
        ("2026-04-30T09:15:00+24:00", "real date"),
        ("1969-12-31T23:59:59.999Z", "before 1970"),
        ("1970-01-01T00:00:00+01:00", "before 1970"),
        ("0001-01-01T00:00:00+01:00", "before 1970"),
    ],
)
def test_times_that_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        calendar.time_ms(text)


def test_json_gives_amounts_as_numbers_only():
    assert values.json_amount(1.5) == values.json_amount(Decimal("1.5")) == 15_000
    for value in ("1.5", True, None, [1]):
        with pytest.raises(ValueError, match="Must be a number."):
            values.json_amount(value)


def test_a_time_that_is_later_than_believed_is_in_the_future():
    latest = calendar.latest_ms(1_777_540_500)
    assert calendar.time_ms("2026-04-30T09:20:00Z", latest) == latest
    with pytest.raises(ValueError, match="Must not be in the future."):
        calendar.time_ms("2026-04-30T09:20:00.001Z", latest)


A_TIME = st.one_of(
    st.integers(0, 1_800_000_000_000).map(calendar.iso),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms)[:19] + "Z"),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms)[:10]),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms).replace("T", " ")),
)
ODD_TIME = st.sampled_from(
    ["", "1969-12-31T23:59:59Z", "1969-12-31", "2999-01-01", "2999-01-01T00:00:00Z"]
    + ["2026-02-30", "2026-04-30T24:00:00Z", "2026-04-30T09:15:60Z", "9999-12-31T23:59:59Z"]
    + ["0000-01-01", "2026-04-30T25:00:00Z", "2026-04-30T09:15:00,123Z", "2026-W18-4T09:15:00Z"]
    + ["2026-04-30_09:15:00Z", "2026-04-30T09:15:00", "2026-04-30T09:15+02", " 2026-04-30"]
    + ["2026-04-30T09:15:00Z\n2026-04-30T09:15:00Z", "２０２６-04-30", "2026-04-30T09:15:00z"]
)


@given(
    st.lists(A_TIME, max_size=4) | st.lists(A_TIME | ODD_TIME | st.text(max_size=25), max_size=4)
)
def test_many_times_are_read_as_each_of_them_is(texts):
    latest = 1_777_540_500_000

    def each():
        return [calendar.time_ms(text, latest) for text in texts]

    try:
        expected = each()
    except ValueError:
        with pytest.raises(ValueError):
            calendar.times_ms(texts, latest)
    else:
        assert calendar.times_ms(texts, latest) == expected


@given(st.integers(0, LAST_MS))
def test_a_time_comes_back_as_it_was(ms):
    shown = calendar.iso(ms)
    assert len(shown) == 24 and shown[10] == "T" and shown[-1] == "Z"
    assert calendar.time_ms(shown) == ms


def test_times_are_shown_with_milliseconds():
    assert calendar.iso(1_775_212_200_000) == "2026-04-03T10:30:00.000Z"
    assert calendar.iso(1_775_212_200_007) == "2026-04-03T10:30:00.007Z"
    assert calendar.iso(None) is None


@given(st.text(max_size=30))
def test_whatever_the_text_a_time_is_read_or_refused(text):
    try:
        assert calendar.time_ms(text) >= 0
    except ValueError as error:
        assert str(error).startswith("Must ")


@pytest.mark.parametrize(
    ("period_type", "period_key", "start_ms"),
    [
        ("daily", "2026-04-30", 1_777_507_200_000),
        ("daily", "1970-01-01", 0),
        ("weekly", "2026-W18", 1_777_248_000_000),
        ("weekly", "2026-W53", 1_798_416_000_000),
        ("weekly", "1970-W01", 0),
        ("weekly", "1970-W02", 4 * DAY),
        ("monthly", "2026-04", 1_775_001_600_000),
        ("monthly", "1970-01", 0),
        ("alltime", "alltime", 0),
    ],
)
def test_a_period_begins_at_its_first_day(period_type, period_key, start_ms):
    assert calendar.period_start_ms(period_type, period_key) == start_ms


@pytest.mark.parametrize(
    ("period_type", "period_key", "reason"),
    [
        ("daily", "2026-04", "look like 2026-04-30"),
        ("daily", "2026-4-30", "look like 2026-04-30"),
        ("daily", "2026-04-30\n", "look like 2026-04-30"),
        ("daily", "2026-W18", "look like 2026-04-30"),
        ("daily", "2026-02-29", "period of the calendar"),
        ("daily", "1969-12-28", "before 1970"),
        ("daily", "1969-12-31", "before 1970"),
        ("weekly", "2026-18", "look like 2026-W18"),
        ("weekly", "2026-W1", "look like 2026-W18"),
        ("weekly", "2026-W00", "period of the calendar"),
        ("weekly", "2025-W53", "period of the calendar"),
        ("weekly", "1969-W52", "before 1970"),
        ("monthly", "2026-13", "period of the calendar"),
        ("monthly", "2026-04-30", "look like 2026-04"),
        ("monthly", "1969-12", "before 1970"),
        ("alltime", "", "look like alltime"),
        ("alltime", "2026", "look like alltime"),
    ],
)
def test_period_keys_that_are_refused(period_type, period_key, reason):
    with pytest.raises(ValueError, match=reason):
        calendar.period_start_ms(period_type, period_key)


@pytest.mark.parametrize(
    ("period_type", "period_key"),
    [("daily", "２０２６-０４-３０"), ("weekly", "２０２６-W１８"), ("monthly", "２０２６-０４")],
)
def test_a_period_has_one_key_and_none_in_foreign_digits(period_type, period_key):
    with pytest.raises(ValueError):
        calendar.period_start_ms(period_type, period_key)


def test_the_first_contact_left_out_is_the_earlier_of_the_periods_start_and_the_last_contact():
    assert calendar.first_contact_ms("daily", 5, 7, None) == 5
    assert calendar.first_contact_ms("daily", 7, 5, None) == 5
    assert calendar.first_contact_ms("daily", 5, 7, 7) == 7
    assert calendar.first_contact_ms("alltime", 0, 7, 3) == 3
    with pytest.raises(ValueError, match="Is required for an alltime row."):
        calendar.first_contact_ms("alltime", 0, 7, None)
    with pytest.raises(ValueError, match="Must not be after lastContactAt."):
        calendar.first_contact_ms("daily", 5, 7, 8)
