"""The decimal sign of a column of amounts."""

import pytest

from clv.files.cells.amounts import DecimalSign, amounts


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["12.50"], "."),
        (["12,50"], ","),
        (["1,234.50"], "."),
        (["1.234,50"], ","),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["1,23,456"], "."),
        (["0,500"], ","),
        (["0.500"], "."),
        ([".500"], "."),
        (["1234,567"], ","),
        (["1 234,567"], ","),
        (["1.2345"], "."),
        (["1.5E+3"], "."),
        (["-$1,234.5"], "."),
        (["1.234", "2.345", "12,5 €"], ","),
        (["1,234", "100", "99,5"], ","),
        # The first proof counts; what is no amount proves nothing.
        (["12.50", "12,50"], "."),
        (["Total, 12", "1.2.3", "12,50", "12.50"], ","),
    ],
)
def test_a_cell_proves_the_decimal_sign(cells, sign):
    decimal = DecimalSign()
    decimal.add(cells)
    assert decimal.sign == sign
    assert not decimal.is_open


def test_amounts_that_can_be_read_either_way_are_a_question_until_one_proves_a_sign():
    decimal = DecimalSign()
    decimal.add(["100", "", "1,234", "1,234", "€2.500"])
    assert decimal.sign is None
    assert decimal.is_open
    assert decimal.examples == ["1,234", "€2.500"]
    decimal.add(["0.5"])
    assert decimal.sign == "."
    assert not decimal.is_open


def test_amounts_without_a_sign_need_no_decimal_sign():
    decimal = DecimalSign()
    decimal.add(["194038", "1 000", "-5", "7 €"])
    assert decimal.sign is None
    assert not decimal.is_open


def test_amounts_after_contradicting_evidence_are_refused():
    decimal = DecimalSign()
    decimal.add(["12.50", "12,50"])
    with pytest.raises(ValueError, match="'12,50'"):
        amounts(["12.50", "12,50"], decimal.sign)
