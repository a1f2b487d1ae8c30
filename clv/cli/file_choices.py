"""Options of ``flask import`` that say how a file of transactions is to be read, and questions
about what they leave open."""

import re
from collections.abc import Callable
from typing import Any

import click
from marshmallow import ValidationError

from clv.api.schemas.base import camel_case
from clv.api.schemas.choices import ChoicesQuery, quoted_name
from clv.files.choices import DATE_ORDERS, DECIMALS, DELIMITERS, ORDER_LINES, Choices, Question

# What an option may be given several times for, as the API's parameter may be.
_LISTS = ("customer", "time", "amount", "keep_states", "rate")
_COLUMNS = "COLUMN,…"
_OPTIONS = (
    click.option("--profile", metavar="NAME", help="The known layout that the file has."),
    click.option(
        "--customer",
        multiple=True,
        metavar=_COLUMNS,
        help="Columns of the customer, of which the first that is filled counts. A name with a"
        " comma stands in double quotes, as in 'Email,\"Name, first\"'.",
    ),
    click.option(
        "--time",
        multiple=True,
        metavar=_COLUMNS,
        help="The column of the time; or two: of the date, and of the time of day.",
    ),
    click.option(
        "--amount", multiple=True, metavar=_COLUMNS, help="Columns of the amount, like --customer."
    ),
    click.option("--refund", metavar="COLUMN", help="What was paid back of the amount."),
    click.option("--quantity", metavar="COLUMN", help="What the amount is multiplied by."),
    click.option(
        "--order",
        metavar="COLUMN",
        help="The order, whose lines are one transaction; '': each line is one.",
    ),
    click.option(
        "--order-lines",
        type=click.Choice(ORDER_LINES),
        help="An order's amount: the sum of its lines, or its first line's.",
    ),
    click.option(
        "--currency", metavar="COLUMN|CODE", help="The column of the currency, or a code: EUR."
    ),
    click.option("--state", metavar="COLUMN", help="The state of the order."),
    click.option("--keep-states", multiple=True, metavar="STATE,…", help="The states that count."),
    click.option("--encoding", metavar="NAME", help="Such as utf-8 or windows-1252."),
    click.option(
        "--delimiter",
        metavar=f"[{'|'.join(DELIMITERS)}]",
        help="What separates the columns of a CSV, by its name or as it is.",
    ),
    click.option("--decimal", type=click.Choice(DECIMALS), help="The decimal sign of amounts."),
    click.option(
        "--date-order",
        type=click.Choice(DATE_ORDERS),
        help="The order of day, month and year in dates such as 03/04/2026.",
    ),
    click.option(
        "--time-zone",
        metavar="NAME",
        help="Of times without an offset, such as Europe/Berlin; left out: the tenant's.",
    ),
    click.option("--header-line", type=int, help="The number of the line that names the columns."),
    click.option(
        "--rate",
        multiple=True,
        metavar="CODE:RATE",
        help="What one unit of another currency is worth in the tenant's: USD:0.92.",
    ),
)
# Of older versions.
_OLD_OPTIONS = {"customer_column": "customer", "date_column": "time", "amount_column": "amount"}


def choices_options(command: Callable) -> Callable:
    """Give a command an option for each choice."""
    for name in reversed(_OLD_OPTIONS):
        command = click.option(option_of(name), hidden=True)(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def option_of(name: str) -> str:
    """``date_order``, or the API's ``dateOrder``, as ``--date-order``."""
    return f"--{_snake_case(name).replace('_', '-')}"


def given_choices(options: dict[str, Any]) -> dict[str, Any]:
    """What was given of the options, by the name of the choice."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    for old, name in _OLD_OPTIONS.items():
        if old in given:
            given[name] = (quoted_name(given.pop(old)),)
    return given


def checked_choices(given: dict[str, Any]) -> Choices:
    """The choices that were given.

    :raises UsageError: naming the options that are wrong
    """
    query = {camel_case(name): _listed(value) for name, value in given.items()}
    try:
        return ChoicesQuery().load(query)["choices"]
    except ValidationError as error:
        messages = error.normalized_messages()
        raise click.UsageError(
            " ".join(f"{option_of(name)}: {_text(m)}" for name, m in messages.items())
        ) from None


def asked(questions: tuple[Question, ...]) -> dict[str, Any]:
    """Ask on the terminal what a file leaves open; the answers by the name of the choice."""
    return {_snake_case(question.parameter): _ask(question) for question in questions}


def named(question: Question) -> str:
    """What is open, with the option that answers it."""
    choices = f" Must be one of: {', '.join(question.choices)}." if question.choices else ""
    return f"{option_of(question.parameter)}: {question.message}{choices}"


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _snake_case(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def _text(messages: Any) -> str:
    texts = messages.values() if isinstance(messages, dict) else messages
    return " ".join(_text(text) if isinstance(text, dict | list) else text for text in texts)


def _ask(question: Question) -> Any:
    name = _snake_case(question.parameter)
    if name == "keep_states":
        click.echo(question.message, err=True)
        return (click.prompt(f"Of {', '.join(question.choices)}, separated by commas", err=True),)
    kind = click.Choice(question.choices) if question.choices else None
    answer = click.prompt(question.message, type=kind, err=True)
    if name not in _LISTS:
        return answer
    # A column that the file has, whatever its name; or several, typed.
    return (quoted_name(answer) if question.choices else answer,)
