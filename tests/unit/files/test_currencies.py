"""Currencies as files write them."""

import pytest

from clv.files.cells.amounts import currency_code, currency_of


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("58,80 €", "EUR"),
        ("-€12,00", "EUR"),
        ("£12", "GBP"),
        ("EUR 12", "EUR"),
        ("12 EUR", "EUR"),
        ("12.00- EUR", "EUR"),
        ("US$12", "USD"),
        ("-US$ 12", "USD"),
        ("$12.00 USD", "USD"),
        ("৳2,999", "BDT"),
        ("Rp150.000", "IDR"),
        ("12,50 лв.", "BGN"),
        ("€.50", "EUR"),
        ("(₹1,23,456.78)", "INR"),
        ("12", None),
        ("$12", None),
        ("¥12", None),
        ("12 kr", None),
        ("€12 USD", None),
        ("1.5E+3", None),
        ("12 apples", None),
        ("", None),
        ("EUR", None),
        ("x" * 1000, None),
    ],
)
def test_the_currency_that_an_amount_names(cell, code):
    assert currency_of(cell) == code


def test_a_column_of_currencies():
    assert currency_code("eur") == currency_code(" EUR ") == "EUR"
    assert currency_code("  ") is None
    for cell in ("EURO", "XXQ", "$", "12"):
        with pytest.raises(ValueError, match="Must be a currency's code of ISO 4217"):
            currency_code(cell)
