"""What ``include`` adds to records, as parameters of a query and as fields of JSON."""

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields, validate

from clv.api.schemas.base import Amount, Items, Output, Probability, Rounded, checked
from clv.files.included import WORDS, Column, Kind, split_words

# Each of them more than once does no harm.
MAX_WORDS = 10
# How JSON rounds a number that is neither money nor a probability.
_DECIMALS = 3
_FIELD_OF: dict[Kind, Callable[..., fields.Field]] = {
    Kind.TEXT: fields.String,
    Kind.WHOLE: fields.Integer,
    Kind.NUMBER: lambda **more: Rounded(_DECIMALS, **more),
    Kind.PROBABILITY: Probability,
    Kind.MONEY: Amount,
}
_LIMITS: dict[Kind, dict[str, Any]] = {Kind.TEXT: {}, Kind.PROBABILITY: {"maximum": 1}}


class Words(Items):
    """Words of ``include``, given one by one or in one text, separated by commas."""

    def __init__(self) -> None:
        abouts = "; ".join(f"{name}: {word.about}" for name, word in WORDS.items())
        description = f"What to add to each record: {abouts}. Repeated, or separated by commas"
        super().__init__(
            fields.String(validate=validate.OneOf(tuple(WORDS))),
            None,
            MAX_WORDS,
            load_default=(),
            metadata={"description": description, "example": ["model"]},
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if len(texts) > self.most:
            raise ValidationError(f"Must have at most {self.most:,} items.")
        return checked(split_words, texts)


class HorizonDays(fields.Integer):
    """How many days a forecast is of."""

    def __init__(self, about: str) -> None:
        description = f"The days that a forecast is of, at most those of the lifespan. {about}"
        super().__init__(
            load_default=None,
            validate=validate.Range(1),
            metadata={"description": description, "example": 90},
        )


def fields_of(word: str, of_record: bool) -> dict[str, fields.Field]:
    """The fields of a word's columns.

    :param of_record: for a record, which has them where they were asked for; else for the word's
        source alone
    """
    return {column.name: _field(word, column, of_record) for column in WORDS[word].columns}


def _field(word: str, column: Column, of_record: bool) -> fields.Field:
    metadata = {
        "description": column.description + (f" (include={word})" if of_record else ""),
        **_LIMITS.get(column.kind, {"minimum": 0}),
    }
    return _FIELD_OF[column.kind](
        attribute=f"{WORDS[word].source}.{column.attribute}" if of_record else column.attribute,
        required=not of_record,
        allow_none=column.may_be_null,
        validate=validate.OneOf(column.choices) if column.choices else None,
        metadata=metadata,
    )


class Forecast(Output):
    """What the calibrated model expects of a customer within a horizon; nulls where the customer
    never had a conversion, and where rfm serves."""

    class Meta(Output.Meta):
        include = fields_of("forecast", of_record=False)
