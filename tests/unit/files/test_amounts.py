"""Amounts as files write them."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.files.cells.amounts import DecimalSign, amount, amounts

POINT = [
    ("58.80", "58.80"),
    ("0.00", "0"),
    ("0.500", "0.5"),
    (".5", "0.5"),
    ("12.", "12"),
    ("+12", "12"),
    ("007", "7"),
    ("58.8000", "58.80"),
    ("15.299999999999999", "15.30"),
    ("0.00005", "0.0001"),
    ("-0.00005", "-0.0001"),
    ("0.00004999999999999999999999999999999999999", "0"),
    ("1,234", "1234"),
    ("1,234.50", "1234.50"),
    ("1,234,567.89", "1234567.89"),
    ("1,23,456.78", "123456.78"),
    ("12,34,567", "1234567"),
    ("1,00,000", "100000"),
    ("1 234.50", "1234.50"),
    ("1\u00a0234.50", "1234.50"),
    ("1\u202f234\u202f567", "1234567"),
    ("1\u2009234", "1234"),
    ("1'234.50", "1234.50"),
    ("1’234.50", "1234.50"),
    ("CHF 1'234.50", "1234.50"),
    ("$1,243.50", "1243.50"),
    ("-$12.00", "-12"),
    ("$-12.00", "-12"),
    ("- 12.00", "-12"),
    ("12.00-", "-12"),
    ("12.00- USD", "-12"),
    ("12.00 USD-", "-12"),
    ("\u221212.00", "-12"),
    ("(12.00)", "-12"),
    ("($12.00)", "-12"),
    ("$(12.00)", "-12"),
    ("৳2,999", "2999"),
    ("US$ 12", "12"),
    ("12 kr", "12"),
    ("kr. 12", "12"),
    ("Rs. 1,23,456.78", "123456.78"),
    ("EUR12.00", "12"),
    ("R 1,234.50", "1234.50"),
    ("$          12.00", "12"),
    ("$12.00 USD", "12"),
    ("1.5E+3", "1500"),
    ("1.5e3", "1500"),
    ("1E-2", "0.01"),
    ("194038", "194038"),
    ("1000000000000", "1000000000000"),
    (" 12.00 ", "12"),
    ("\u00a012.00\n", "12"),
]
COMMA = [
    ("58,80", "58.80"),
    ("1.234", "1234"),
    ("1.234,50", "1234.50"),
    ("58,80 €", "58.80"),
    ("1 234,50 €", "1234.50"),
    ("1\u202f234,50\u00a0€", "1234.50"),
    ("€1.234,50", "1234.50"),
    ("-€12,00", "-12"),
    ("-42,30", "-42.30"),
    ("1'234,50", "1234.50"),
    (",5", "0.5"),
    ("1,5E+3", "1500"),
    ("1.234.567,8", "1234567.8"),
]
# Never a guess, whatever the decimal sign.
NO_AMOUNTS = [
    "",
    "  ",
    "-",
    "--",
    "()",
    "$",
    "12 %",
    "12%",
    "twelve",
    "12 apples",
    "12x",
    "12 13",
    "1 2",
    "12 345 6",
    "1.2.3",
    "1,2,3",
    "12,34.50",
    "1,234 567.00",
    "1.234 567,00",
    "1234.567,00",
    "1,234.567,00",
    "1,2345.00",
    "012,345.00",
    "(12",
    "12)",
    "((12))",
    "(-12)",
    "-(12)",
    "--12",
    "-12-",
    "12,-",
    "12.-",
    "12,--",
    "€12 USD",
    "€ $12 USD",
    "1,234E+3,0",
    "1E+1000",
    "nan",
    "inf",
    "-Infinity",
    "1_000",
    "0x12",
    "٣",
    "１２",
    "²",
    "1\u30002",
    "12\x00",
    "1" * 65,
    "1000000000000.0001",
    "-1000000000001",
]


@pytest.mark.parametrize(("cell", "value"), POINT)
def test_amounts_with_a_decimal_point(cell, value):
    assert amount(cell, ".") == Decimal(value) * 10_000


@pytest.mark.parametrize(("cell", "value"), COMMA)
def test_amounts_with_a_decimal_comma(cell, value):
    assert amount(cell, ",") == Decimal(value) * 10_000


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("cell", NO_AMOUNTS)
def test_what_is_no_amount_is_refused(cell, decimal):
    with pytest.raises(ValueError, match="Must be an amount"):
        amount(cell, decimal)


@pytest.mark.parametrize(("cell", "decimal"), [("12,50", "."), ("12.50", ","), ("0,500", ".")])
def test_an_amount_with_the_other_decimal_sign_is_refused(cell, decimal):
    with pytest.raises(ValueError, match="Must be an amount"):
        amount(cell, decimal)


def test_messages_name_the_value_and_what_would_be_right():
    with pytest.raises(ValueError) as wrong:
        amount("12,34.50", ".")
    assert str(wrong.value) == "Must be an amount such as 1234.50 or 1,234.50: '12,34.50'."
    with pytest.raises(ValueError) as empty:
        amount(" ", ",")
    assert str(empty.value) == "Must be an amount such as 1234,50 or 1.234,50: it is empty."
    with pytest.raises(ValueError) as long:
        amount("x" * 1_000_000, ".")
    assert len(str(long.value)) < 200


@dataclass(frozen=True)
class Style:
    """How a file writes all its amounts."""

    decimal: str
    group: str
    is_lakh: bool
    decimals: int
    pattern: str
    minus: str

    def cell(self, value: Decimal) -> str:
        digits = f"{abs(value):.{self.decimals}f}"
        whole, _, fraction = digits.partition(".")
        number = self.grouped(whole) + (self.decimal + fraction if fraction else "")
        text = self.pattern.format(number)
        return self.minus.format(text) if value < 0 else text

    def grouped(self, whole: str) -> str:
        head, groups = whole[:-3], [whole[-3:]]
        size = 2 if self.is_lakh else 3
        while head:
            head, group = head[:-size], head[-size:]
            groups.insert(0, group)
        return self.group.join(groups)


styles = st.builds(
    Style,
    decimal=st.sampled_from(".,"),
    group=st.sampled_from(["", " ", "\u00a0", "\u202f", "\u2009", "'", "’", "other"]),
    is_lakh=st.booleans(),
    decimals=st.integers(0, 4),
    pattern=st.sampled_from(["{}", "${}", "{} €", "EUR {}", "{}\u00a0CHF", "kr {}", "₹{}"]),
    minus=st.sampled_from(["-{}", "{}-", "({})", "\u2212{}", "- {}"]),
).map(
    lambda style: Style(
        style.decimal,
        {"other": ",." if style.decimal == "," else ","}.get(style.group, style.group)[-1:],
        style.is_lakh and style.group == "other" and style.decimal == ".",
        style.decimals,
        style.pattern,
        style.minus,
    )
)


@given(styles, st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=5))
def test_amounts_in_any_style_are_read_back_or_are_a_question(style, numbers):
    values = [Decimal(number).scaleb(-style.decimals) for number in numbers]
    values = [value for value in values if abs(value) <= 10**12]
    cells = [style.cell(value) for value in values]
    decimal = DecimalSign()
    decimal.add(cells)
    if decimal.is_open:
        return
    assert amounts(cells, decimal.sign or ".") == [value * 10_000 for value in values]
    assert decimal.sign in (None, style.decimal)


@given(
    st.lists(st.text("0123456789.,-+eE ()$€'\u00a0\n", max_size=12), min_size=1, max_size=3)
    | st.lists(st.decimals(-(10**10), 10**10, places=4).map(str), min_size=1),
    st.sampled_from(".,"),
)
def test_many_amounts_are_the_same_as_one_by_one(cells, decimal):
    try:
        one_by_one = [amount(cell, decimal) for cell in cells]
    except ValueError as error:
        with pytest.raises(ValueError) as many:
            amounts(cells, decimal)
        assert str(many.value) == str(error)
    else:
        assert amounts(cells, decimal) == one_by_one


def test_a_line_feed_in_a_cell_does_not_make_two_amounts_of_it():
    with pytest.raises(ValueError, match="Must be an amount"):
        amounts(["1\n2", "3"], ".")


def test_many_amounts_of_nothing_are_nothing():
    assert amounts([], ".") == []
