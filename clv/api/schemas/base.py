"""The fields and schemas that resources share, and how JSON gets its camelCase."""

import re
import time
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate
from marshmallow.exceptions import SCHEMA

from clv.domain import calendar, values
from clv.domain.time_zone import time_zone
from clv.domain.units import AMOUNT_SCALE

CENT = Decimal("0.01")
# Where a time ends in an offset whose plus sign was not escaped.
_BLANK_FOR_PLUS = re.compile(r"\d \d{2}(:?\d{2})?\Z", re.ASCII)


class Count(fields.Integer):
    """An integer from 0 to a billion, given as an integer."""

    def __init__(self, **kwargs: Any) -> None:
        # For the document. The check below is stricter about what an integer is.
        super().__init__(validate=validate.Range(0, values.MAX_COUNT), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.count, value)


class Amount(fields.Number):
    """Money: a JSON number, rounded half up to 4 decimals in and to cents out; stored as an integer
    of 1/10,000."""

    num_type = Decimal

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        # As cents() rounds, in a tenth of the time: a summary has hundreds of amounts.
        whole = (abs(int(value)) + AMOUNT_SCALE // 200) // (AMOUNT_SCALE // 100)
        return (whole if value > 0 else -whole) / 100 + 0.0

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.json_amount, value)


class AmountText(fields.Float):
    """Money in a query: a number, rounded half up to 4 decimals; an integer of 1/10,000."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.amount, value)


class StoredAmount(fields.Number):
    """Money out as it was loaded: with up to 4 decimals."""

    num_type = Decimal

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value / AMOUNT_SCALE


class Rounded(fields.Float):
    """A number out, rounded half up to so many decimals of what it is written as: 1.005 is 1.01."""

    def __init__(self, decimals: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._unit = Decimal(1).scaleb(-decimals)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return float(self._decimal(value).quantize(self._unit, ROUND_HALF_UP)) + 0.0

    def _decimal(self, value: float) -> Decimal:
        return Decimal(repr(value))


class Money(Rounded):
    """Money out, given in the tenant's currency and not as an integer of 1/10,000."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(2, **kwargs)


class Probability(Rounded):
    """A probability or share out, rounded half up to 3 decimals of its exact binary value."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, **kwargs)

    def _decimal(self, value: float) -> Decimal:
        return Decimal(value)


class Exact(fields.Float):
    """A number out as it is: scores and what they are made of, which add up and are compared with
    each other, and the parameters of models."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else float(value) + 0.0


class Time(fields.DateTime):
    """A time: ISO 8601 in UTC with milliseconds; stored as milliseconds since 1970.

    :param may_be_ahead: whether it may lie in the future
    """

    def __init__(self, *, may_be_ahead: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.may_be_ahead = may_be_ahead

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return calendar.iso(value)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        latest_ms = calendar.LAST_MS if self.may_be_ahead else calendar.latest_ms(time.time())
        return checked(calendar.time_ms, value, latest_ms)


class TimeInQuery(Time):
    """A time in a query, where a plus sign means a blank unless it is escaped."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, *args, **kwargs)
        except ValidationError as error:
            if not _BLANK_FOR_PLUS.search(value):
                raise
            hint = "In a query, the plus sign of an offset is written %2B."
            raise ValidationError(f"{error.messages[0]} {hint}") from None


class Word(fields.String):
    """One of these words. Whatever else comes, the error names them."""

    def __init__(self, words: Sequence[str], **kwargs: Any) -> None:
        wanted = f"Must be one of: {', '.join(words)}."
        super().__init__(
            validate=validate.OneOf(words, error=wanted),
            error_messages={"invalid": wanted, "null": wanted},
            **kwargs,
        )


class PlainText(fields.String):
    """Text without control characters, lone surrogates or outer space; null means empty."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.plain_text, value)


class CustomerId(fields.String):
    """A customer's id."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.customer_id, value)


class PeriodType(fields.String):
    """What a period is: a day, a week, a month or all time."""

    def __init__(self, **kwargs: Any) -> None:
        # For the document, too.
        super().__init__(validate=validate.OneOf(calendar.PERIOD_TYPES), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(calendar.period_type, value)


class PeriodKey(fields.String):
    """Which period. Its form depends on the type."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.text, value)


class TimeZoneName(fields.String):
    """The name of a time zone."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(time_zone, checked(values.text, value)).name


class Items(fields.List):
    """A list that comes in. It is counted before any of its items is looked at: marshmallow looks
    at the length last, when each of a million items has its errors."""

    def __init__(self, item: fields.Field, least: int | None, most: int, **kwargs: Any) -> None:
        super().__init__(item, validate=validate.Length(least, most), **kwargs)
        self.most = most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > self.most:
            raise ValidationError(f"Must have at most {self.most:,} items.")
        return super()._deserialize(value, *args, **kwargs)


def cents(amount: int | Decimal) -> Decimal:
    """1/10,000 as money, rounded half up to cents: 425,050 as 42.51."""
    return (Decimal(amount) / AMOUNT_SCALE).quantize(CENT, ROUND_HALF_UP)


def camel_case(name: str) -> str:
    """``customer_id`` as ``customerId``."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def checked(check: Callable[..., Any], *args: Any, field: str = SCHEMA) -> Any:
    """The value that a check of :mod:`clv.domain.values` returns.

    :raises ValidationError: of this field, with what the check says
    """
    try:
        return check(*args)
    except ValueError as error:
        raise ValidationError(str(error), field) from None


class _CamelCase(Schema):
    """Attributes in snake_case, names in JSON in camelCase; a field's own ``data_key`` stays."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        """Name the field in JSON."""
        if field_obj.data_key is None:
            field_obj.data_key = camel_case(field_name)


class Input(_CamelCase):
    """Base of what comes in: an unknown field is an error that names it. Its lists are
    :class:`Items`."""

    class Meta:
        unknown = RAISE


class Output(_CamelCase):
    """Base of what goes out."""

    class Meta:
        unknown = EXCLUDE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """The value of a field. marshmallow looks for a key before the attribute, which takes
        longer than all else where the object is a tuple."""
        if isinstance(obj, dict) or "." in attr:
            return super().get_attribute(obj, attr, default)
        return getattr(obj, attr, default)


class PageQuery(Input):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=20,
        validate=validate.Range(1, 100),
        metadata={"description": "Entries a page, at most 100"},
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "The cursor that the page before returned"}
    )


class Pagination(Output):
    """Where a list goes on."""

    cursor = fields.String(
        required=True, allow_none=True, metadata={"description": "Null on the last page"}
    )
    has_more = fields.Boolean(required=True)
