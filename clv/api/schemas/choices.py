"""What a caller may choose about a file of transactions, as parameters of a query."""

import csv
import re
from dataclasses import fields as fields_of
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from clv.api.schemas.base import Input, Items, TimeZoneName, Word, checked
from clv.budgets import MAX_NAMES, MAX_RATES
from clv.files.choices import DATE_ORDERS, DECIMALS, DELIMITERS, ORDER_LINES, Choices
from clv.files.names import MAX_NAME_LENGTH

# A header may stand below some lines of an address or a title, not below pages of them.
MAX_HEADER_LINE = 1_000
# What one unit of a currency is worth in another, at the very most and least.
_MAX_RATE, _MIN_RATE = Decimal("1e9"), Decimal("1e-9")
_RATE = re.compile(r"([A-Za-z]{3}):(\d{1,10}(?:\.\d{1,12})?)", re.ASCII)
_NO_RATE = "Must be a currency and what one unit of it is worth, such as USD:0.92."


class Names(Items):
    """Names, given one by one or in one text, separated by commas. A name that has a comma itself
    stands in double quotes there, as in a line of CSV: ``"Name, first",Email``."""

    def __init__(self, most: int = MAX_NAMES, **kwargs: Any) -> None:
        # Their number is checked once more after a text was split.
        super().__init__(fields.String(), 1, most, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        texts = super()._deserialize(value, *args, **kwargs)
        names = [name.strip() for name in checked(split_names, texts)]
        if not all(0 < len(name) <= MAX_NAME_LENGTH for name in names):
            raise ValidationError(f"Each name must have 1 to {MAX_NAME_LENGTH} characters.")
        return tuple(names)


class Rates(Items):
    """Exchange rates such as ``USD:0.92``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(), None, MAX_RATES, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        texts = super()._deserialize(value, *args, **kwargs)
        return checked(parse_rates, texts)


def _column(description: str) -> fields.String:
    return fields.String(
        validate=validate.Length(max=MAX_NAME_LENGTH), metadata={"description": description}
    )


class ChoicesQuery(Input):
    """How a file of transactions is to be read. What is left out is found out from the file."""

    profile = _column("The known layout that the file has, such as shopify; empty: none of them")
    customer = Names(
        metadata={
            "description": "Columns of the customer, of which the first that is filled counts:"
            " repeated, or separated by commas. A name that has a comma stands in double quotes,"
            ' or the parameter is repeated. Example: customer=Email,"Name, first"'
        }
    )
    time = Names(2, metadata={"description": "The column of the time; or two: date, hour"})
    amount = Names(metadata={"description": "Columns of the amount, like customer"})
    refund = _column("The column of what was paid back of the amount; empty: none")
    quantity = _column("The column that the amount is multiplied by; empty: none")
    order = _column(
        "The column of the order, whose lines are one transaction; empty: each line is one"
    )
    order_lines = Word(
        ORDER_LINES,
        metadata={"description": "An order's amount: the sum of its lines, or its first line's"},
    )
    currency = _column(
        "The column of the currency, or a code such as EUR that all amounts are in; in a file of"
        " several currencies, the one that counts"
    )
    state = _column("The column of the order's state; empty: none")
    keep_states = Names(
        100,
        metadata={"description": "The states that count, whatever their case"},
    )
    encoding = fields.String(
        validate=validate.Length(1, 40),
        metadata={
            "description": "Such as utf-8 or windows-1252. Left out: the charset of the"
            " Content-Type"
        },
    )
    delimiter = Word(
        (*DELIMITERS, *DELIMITERS.values()),
        metadata={"description": "By its name or as it is"},
    )
    decimal = Word(DECIMALS, metadata={"description": "The decimal sign of amounts"})
    date_order = Word(
        DATE_ORDERS,
        metadata={"description": "The order of day, month and year in dates such as 03/04/2026"},
    )
    time_zone = TimeZoneName(
        metadata={
            "description": "Of times without an offset. Left out: the tenant's, unless the layout"
            " is known to have another. Days are always the tenant's",
            "example": "Europe/Berlin",
        }
    )
    header_line = fields.Integer(
        validate=validate.Range(1, MAX_HEADER_LINE),
        metadata={"description": "The number of the line that names the columns"},
    )
    rate = Rates(
        attribute="rates",
        metadata={
            "description": "What one unit of another currency is worth in the tenant's, such as"
            " USD:0.92; repeated for each currency"
        },
    )

    @post_load
    def _gather(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        chosen = {one.name: data.pop(one.name) for one in fields_of(Choices) if one.name in data}
        return {"choices": Choices(**chosen), **data}


def split_names(texts: list[str]) -> list[str]:
    """The names in texts: several are names as they are, a single one is a line of CSV.

    :raises ValueError: when a quote is not closed
    """
    if len(texts) != 1:
        return texts
    try:
        return next(csv.reader(texts, strict=True, skipinitialspace=True), [])
    except csv.Error:
        raise ValueError(
            'A name with a comma or a quote in it must look like "Name, first".'
        ) from None


def quoted_name(name: str) -> str:
    """One name as :func:`split_names` reads it, whatever is in it."""
    return f'''"{name.replace('"', '""')}"'''


def parse_rates(texts: list[str]) -> tuple[tuple[str, Decimal], ...]:
    """Exchange rates by their currencies, in upper case.

    :raises ValueError: when one is none, or a currency has two
    """
    rates = tuple(_rate(text) for text in texts)
    if len({currency for currency, _ in rates}) < len(rates):
        raise ValueError("A currency must have only one rate.")
    return rates


def _rate(text: str) -> tuple[str, Decimal]:
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(_NO_RATE)
    rate = Decimal(match[2])
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise ValueError("A rate must be from 0.000000001 to a billion.")
    return match[1].upper(), rate
