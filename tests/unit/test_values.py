"""What a single value may be."""

import math
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain import calendar, values


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
    for check in (values.text, values.plain_text, values.customer_id, calendar.time_ms):
        with pytest.raises(ValueError, match="Must be a string"):
            check(value)
    with pytest.raises(ValueError, match="Must be one of: daily, weekly, monthly, alltime"):
        calendar.period_type(value)


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
        (1e12, 10**16),
        (-(10**12), -(10**16)),
        (999_999_999.9999, 9_999_999_999_999),
        ("11.77", 117_700),
        ("-0.0001", -1),
        ("+5", 50_000),
        ("1e3", 10_000_000),
        ("1.50000000", 15_000),
        ("-0", 0),
        ("-0.5", -5_000),
        ("007.10", 71_000),
        ("999999999999.9999", 9_999_999_999_999_999),
        ("1000000000000", 10**16),
        (Decimal("12.3456"), 123_456),
    ],
)
def test_amounts_are_stored_exactly(value, stored):
    assert values.amount(value) == stored
    assert type(values.amount(value)) is int


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("15.299999999999999", 153_000),
        (15.299999999999999, 153_000),
        (0.1 + 0.2, 3_000),
        (12.34567, 123_457),
        ("12.34565", 123_457),
        ("12.34564999", 123_456),
        ("0.00005", 1),
        ("0.00004", 0),
        ("1e-5", 0),
        (5e-324, 0),
        ("1." + "0" * 30 + "1", 10_000),
        ("1e-1000100", 0),
        (Decimal("1.00015"), 10_002),
    ],
)
def test_amounts_are_rounded_half_up_to_4_decimals_and_refunds_as_their_sales(value, stored):
    assert values.amount(value) == stored
    assert values.amount(f"-{value}" if isinstance(value, str) else -value) == -stored


@pytest.mark.parametrize(
    "value",
    [10**12 + 1, 1e12 + 1, -1e13, "1e999999", "-1e999999", math.nan, math.inf, -math.inf]
    + ["NaN", "sNaN", "Infinity", "1000000000000.0001", "1000000000000.00001", 10**50],
)
def test_amounts_that_are_not_finite_or_too_large_are_refused(value):
    with pytest.raises(ValueError, match="from -1000000000000 to 1000000000000"):
        values.amount(value)


@pytest.mark.parametrize("text", ["", "-", "abc", "1,5", "1.234,5", "$5", "0x10", "1 000", "1_000"])
def test_texts_that_are_no_amount_are_refused(text):
    with pytest.raises(ValueError, match="Must be a number"):
        values.amount(text)


@given(st.integers(-(10**16), 10**16))
def test_an_amount_with_4_decimals_comes_back_as_it_was(stored):
    assert values.amount(Decimal(stored) / 10_000) == stored
    assert values.amount(str(Decimal(stored) / 10_000)) == stored


@given(st.integers(-(10**13), 10**13))
def test_so_does_one_that_was_a_float(stored):
    assert values.amount(stored / 10_000) == stored


def test_json_gives_amounts_as_numbers_only():
    assert values.json_amount(1.5) == values.json_amount(Decimal("1.5")) == 15_000
    for value in ("1.5", True, None, [1]):
        with pytest.raises(ValueError, match="Must be a number."):
            values.json_amount(value)
