"""What can be chosen about a file of transactions, and what has to be asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from clv.errors import Invalid

# The orders of year, month and day in a date; ymd alone needs no choice, but for 2-digit years.
DATE_ORDERS = ("ymd", "dmy", "mdy")
DECIMALS = (".", ",")
# How the lines of an order make its amount, where that may be chosen.
ORDER_LINES = ("sum", "first")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller has decided about a file; what is None is found out from the file itself.

    A column is named as in the file's header, whatever its case; the empty string means that the
    file has none (``order=""``: each row is a transaction of its own).

    :param profile: the known layout that the file is to be read as; "" for none of them
    :param customer: columns, of which the first filled one is the customer
    :param time: the column of the time; or two, of the date and the time of day
    :param amount: columns, of which the first filled one is the amount
    :param refund: the column of what was paid back of the amount
    :param quantity: the column that the amount is multiplied by
    :param order: the column of the order, whose lines are one transaction
    :param order_lines: ``sum`` if an order's amount is that of all its lines, ``first`` if one line
        has it, or each repeats it
    :param currency: a column, or a code of ISO 4217 that all amounts are in. With several
        currencies in the file, a code chooses the one that is kept
    :param state: the column of the order's state
    :param keep_states: the states that count, whatever their case
    :param delimiter: one of :data:`DELIMITERS`, by its name or as it is
    :param time_zone: of times without an offset
    :param header_line: its number in the file, from 1
    :param rates: what one unit of another currency is worth in the tenant's
    """

    profile: str | None = None
    customer: tuple[str, ...] | None = None
    time: tuple[str, ...] | None = None
    amount: tuple[str, ...] | None = None
    refund: str | None = None
    quantity: str | None = None
    order: str | None = None
    order_lines: str | None = None
    currency: str | None = None
    state: str | None = None
    keep_states: tuple[str, ...] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    date_order: str | None = None
    time_zone: str | None = None
    header_line: int | None = None
    rates: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What only a person can know about a file.

    :param parameter: the field of :class:`Choices` that answers it
    :param choices: its possible values; empty if there are too many to name
    """

    parameter: str
    choices: tuple[str, ...]
    message: str


class OpenQuestions(Invalid):
    """A file can't be loaded before these are answered."""

    def __init__(self, questions: Sequence[Question]) -> None:
        fields: dict[str, list[str]] = {}
        for question in questions:
            fields.setdefault(question.parameter, []).append(_answerable(question))
        super().__init__(
            " ".join(f"{question.parameter}: {_answerable(question)}" for question in questions),
            {"query": fields},
        )
        self.questions = tuple(questions)


def wrong_choice(parameter: str, reason: str) -> Invalid:
    """The error that a choice does not fit the file.

    :param parameter: its name in the API
    """
    return Invalid(f"{parameter}: {reason}", {"query": {parameter: [reason]}})


def stored(choices: Choices, names: Collection[str]) -> dict[str, Any] | None:
    """These fields of the choices as JSON values, without those that are None; None if all are."""
    values = {name: getattr(choices, name) for name in names}
    return {name: value for name, value in values.items() if value is not None} or None


def restored(values: Mapping[str, Any]) -> Choices:
    """The choices from JSON values; what a later version stored besides is ignored."""
    known = {field.name for field in fields(Choices)}
    chosen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name in known
    }
    return Choices(**chosen)


def _answerable(question: Question) -> str:
    """The question with its choices."""
    choices = ", ".join(question.choices)
    return f"{question.message} Choose one of: {choices}." if choices else question.message
