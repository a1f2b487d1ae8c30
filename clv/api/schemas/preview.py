"""Schema of the preview of a file of transactions."""

from typing import Any

from marshmallow import fields

from clv.api.schemas.base import Amount, Output, Time, camel_case
from clv.api.schemas.uploads import BadReason, LeftOut, Warned
from clv.files.choices import DATE_ORDERS

# For the document.
EXAMPLE = {
    "profile": "shopify",
    "reading": {
        "encoding": "utf-8",
        "delimiter": "comma",
        "decimal": ".",
        "dateOrder": None,
        "timeZone": "Europe/Berlin",
        "headerLine": 1,
    },
    "mapping": {
        "customer": ["Email", "Phone", "Billing Phone"],
        "time": ["Created at"],
        "amount": ["Total"],
        "refund": "Refunded Amount",
        "quantity": None,
        "order": "Id",
        "currency": "Currency",
        "state": "Financial Status",
    },
    "questions": [],
    "rows": 3,
    "transactions": 1,
    "corrections": 0,
    "customers": 1,
    "firstDay": "2026-03-12",
    "lastDay": "2026-03-12",
    "total": 58.8,
    "currencies": [{"currency": "EUR", "transactions": 1, "total": 58.8}],
    "leftOut": [{"reason": "state: voided", "rows": 1, "total": 20.0, "lines": [4]}],
    "badLines": {
        "count": 1,
        "reasons": [{"message": "The line has too few columns.", "count": 1, "lines": [3]}],
    },
    "warnings": [],
    "sample": [
        {
            "line": 2,
            "customerId": "ann@example.com",
            "time": "2026-03-12T08:14:02.000Z",
            "day": "2026-03-12",
            "amount": 58.8,
            "kind": "sale",
        }
    ],
}


class ReadingShown(Output):
    """How a file was read."""

    encoding = fields.String(
        required=True, allow_none=True, metadata={"description": "Null for a workbook"}
    )
    delimiter = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Null for NDJSON and for a workbook"},
    )
    decimal = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The decimal sign; null if no amount has any"},
    )
    date_order = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": f"{', '.join(DATE_ORDERS)}; null if no date leaves a choice"},
    )
    time_zone = fields.String(required=True, metadata={"description": "Of times without an offset"})
    header_line = fields.Integer(
        required=True, metadata={"description": "The number of the line that names the columns"}
    )


class MappingShown(Output):
    """Which columns are used, and for what."""

    customer = fields.List(fields.String(), required=True)
    time = fields.List(fields.String(), required=True)
    amount = fields.List(fields.String(), required=True)
    refund = fields.String(required=True, allow_none=True)
    quantity = fields.String(required=True, allow_none=True)
    order = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, allow_none=True)


class ParameterName(fields.String):
    """The name of a parameter of the query."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return camel_case(value)


class QuestionShown(Output):
    """What has to be answered before the file can be loaded."""

    parameter = ParameterName(
        required=True,
        metadata={"description": "The parameter that answers it", "example": "dateOrder"},
    )
    choices = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Its possible values; empty if there are too many"},
    )
    message = fields.String(required=True)


class CurrencyTotal(Output):
    """What a file has in one currency."""

    currency = fields.String(required=True, allow_none=True)
    transactions = fields.Integer(required=True)
    total = Amount(required=True)


class BadLines(Output):
    """The lines that could not be read."""

    count = fields.Integer(required=True)
    reasons = fields.List(fields.Nested(BadReason), required=True)


class SampleRow(Output):
    """A transaction of the file as it was understood."""

    line = fields.Integer(required=True)
    customer_id = fields.String(required=True)
    time = Time(attribute="time_ms", required=True)
    day = fields.String(
        required=True,
        metadata={"description": "In the tenant's time zone", "example": "2026-03-12"},
    )
    amount = Amount(required=True)
    kind = fields.String(required=True, metadata={"description": "sale or correction"})


class PreviewShown(Output):
    """What a file of transactions would do."""

    profile = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The known layout that the file has", "example": "shopify"},
    )
    reading = fields.Nested(ReadingShown, required=True)
    mapping = fields.Nested(MappingShown, required=True)
    questions = fields.List(fields.Nested(QuestionShown), required=True)
    rows = fields.Integer(
        required=True, metadata={"description": "Of data, whether they count or not"}
    )
    transactions = fields.Integer(
        required=True, metadata={"description": "Those that count as an interaction"}
    )
    corrections = fields.Integer(
        required=True, metadata={"description": "Those that count in revenue alone"}
    )
    customers = fields.Integer(required=True)
    first_day = fields.String(required=True, allow_none=True)
    last_day = fields.String(required=True, allow_none=True)
    total = Amount(
        required=True,
        allow_none=True,
        metadata={"description": "Of what counts; null while it has several currencies"},
    )
    currencies = fields.List(fields.Nested(CurrencyTotal), required=True)
    left_out = fields.List(
        fields.Nested(LeftOut),
        required=True,
        metadata={"description": "Rows that don't count, by reason"},
    )
    bad_lines = fields.Nested(BadLines, required=True)
    warnings = fields.List(fields.Nested(Warned), required=True)
    sample = fields.List(
        fields.Nested(SampleRow),
        required=True,
        metadata={"description": "The first ten transactions"},
    )
