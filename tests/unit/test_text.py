"""Amounts and other numbers as the text of a file."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clv.files.text import cents, rounded


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (425_050, "42.51"),
        (425_049, "42.50"),
        (14_400_000, "1440.00"),
        (-49, "0.00"),
        (-50, "-0.01"),
        (-123_450, "-12.35"),
        (10**16, "1000000000000.00"),
        (171.5 * 10_000, "171.50"),
    ],
)
def test_money_is_rounded_half_up_to_cents(amount, text):
    assert cents(amount) == text


@given(some.integers(-(10**16), 10**16))
def test_cents_are_at_most_half_a_cent_off_and_never_minus_zero(amount):
    text = cents(amount)
    assert abs(Decimal(text) - Decimal(amount) / 10_000) <= Decimal("0.005")
    assert text != "-0.00" and len(text.partition(".")[2]) == 2


@pytest.mark.parametrize(("number", "text"), [(0.0, "0.000"), (1.0, "1.000"), (0.0625, "0.063")])
def test_other_numbers_are_rounded_half_up_of_their_exact_value(number, text):
    assert rounded(number, 3) == text
