"""Rows and numbers as the text of a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from clv.domain.units import AMOUNT_SCALE


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def json_line(columns: Sequence[str]) -> str:
    """The template of a line of NDJSON with these names; the values are to be JSON already."""
    return "{" + ", ".join(f'"{name}": %s' for name in columns) + "}\n"


def money(amount: int) -> str:
    """An amount in 1/10,000 as a decimal: 123,400 is 12.34, and -5,000 is -0.5."""
    whole, rest = divmod(abs(amount), AMOUNT_SCALE)
    text = f"{whole}.{rest:04d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"-{text}" if amount < 0 else text


def fraction(number: float) -> str:
    """The shortest decimal, without exponent, that gives back the same float."""
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text


def cents(amount: float) -> str:
    """An amount in 1/10,000 as a decimal, rounded half up to cents: 425,050 is 42.51."""
    return _rounded(Decimal(amount) / AMOUNT_SCALE, 2)


def rounded(number: float, decimals: int) -> str:
    """A number as a decimal, its exact binary value rounded half up to so many places."""
    return _rounded(Decimal(number), decimals)


def _rounded(number: Decimal, decimals: int) -> str:
    # Adding 0 makes -0.00 0.00.
    return format(number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0, "f")
