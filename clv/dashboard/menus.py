"""The menus of the page Data: what can be chosen about a file, in words."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from clv.api.schemas.base import camel_case
from clv.api.schemas.choices import quoted_name
from clv.dashboard.figures import counted, money
from clv.dashboard.file_words import CURRENCIES, LABELS, NO_COLUMN, USES, VALUES
from clv.errors import ClvError
from clv.files.choices import DELIMITERS, Choices, Question
from clv.files.columns import states
from clv.files.columns.profile import all_profiles
from clv.services.preview import Preview

# The query parameters, where they are not the fields of Choices in camelCase.
_PARAMETERS = {"rates": "rate"}
_FIELDS = [field.name for field in fields(Choices)]
_COLUMNS = (
    "customer",
    "time",
    "clock",
    "amount",
    "refund",
    "quantity",
    "order",
    "currency",
    "state",
)
_REQUIRED_COLUMNS = ("customer", "time", "amount")
# From so many answers on, a question is a menu.
_MENU_FROM = 6


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a menu."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    """A choice among options, or of a text, that may be left to what the file itself says.

    :param name: the query parameter
    :param read: what the file itself says, in words
    :param chosen: what was chosen instead; None if nothing was
    :param options: empty for a text
    """

    name: str
    label: str
    read: str
    chosen: str | None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answers.

    :param name: the query parameter
    :param kind: ``radio``, ``menu``, ``several`` or ``text``
    """

    name: str
    label: str
    message: str
    kind: str
    options: tuple[Option, ...]


def parameter(name: str) -> str:
    """The query parameter of a field of :class:`Choices`: ``date_order`` is ``dateOrder``."""
    return camel_case(_PARAMETERS.get(name, name))


def questions(preview: Preview) -> list[Asked]:
    """The open questions."""
    return [_asked(question, preview) for question in preview.questions]


def column_menus(preview: Preview, choices: Choices) -> list[Menu]:
    """Which column is the customer, which the time, and so on; without those that are asked."""
    names = [column.name for column in preview.columns]
    menus = []
    for name in _COLUMNS:
        options = [(column, column) for column in names]
        if name not in _REQUIRED_COLUMNS:
            options.append(("", "None"))
        if name == "currency":
            options += _currency_options(preview)
        menus.append(_menu(name, _used(preview, name), _chosen(choices, name), options))
    return _without_asked(menus, preview)


def reading_menus(preview: Preview, choices: Choices) -> list[Menu]:
    """How the text of the file is read; without those that are asked."""
    known = [(layout.name, layout.title) for layout in all_profiles() if not layout.refusal]
    profiles = [("", "None of the known ones"), *known]
    menus = [_menu("profile", preview.title or "", _chosen(choices, "profile"), profiles)]
    for name, words in VALUES.items():
        read = _read(preview, name)
        menus.append(_menu(name, words.get(read, read), _chosen(choices, name), words.items()))
    for name in ("time_zone", "header_line", "keep_states"):
        menus.append(_menu(name, _read(preview, name), _chosen(choices, name), ()))
    return _without_asked(menus, preview)


def asked_by_error(error: ClvError) -> list[Menu]:
    """What would have to be chosen so that a file that was refused is taken after all."""
    names = map(_field, (error.fields or {}).get("query", ()))
    return [Menu(parameter(name), LABELS[name], "", None) for name in names if name in LABELS]


def uses(preview: Preview) -> dict[str, list[str]]:
    """What each used column is taken as."""
    labels: dict[str, list[str]] = {}
    for name in _COLUMNS:
        value: Any = () if name == "clock" else getattr(preview.mapping, name)
        for column in [value] if isinstance(value, str) else value or ():
            labels.setdefault(column, []).append(USES[name])
    return labels


def given_rates(choices: Choices) -> dict[str, str]:
    """The rates that were given, by currency."""
    return {currency: f"{rate:f}" for currency, rate in choices.rates}


def _asked(question: Question, preview: Preview) -> Asked:
    name = _field(question.parameter)
    labels = {"": NO_COLUMN.get(name, "None of these"), **VALUES.get(name, {})}
    labels |= _currency_labels(name, preview)
    options = tuple(
        Option(value, labels.get(value, value), name == "keep_states" and _counts(value))
        for value in question.choices
    )
    kind = _kind(name, len(options))
    return Asked(parameter(name), LABELS.get(name, ""), question.message, kind, options)


def _kind(name: str, answers: int) -> str:
    if not answers:
        return "text"
    if name == "keep_states":
        return "several"
    return "radio" if answers < _MENU_FROM else "menu"


def _counts(state: str) -> bool:
    return states.counts(state, frozenset(), frozenset()) is True


def _field(name: str) -> str:
    """The inverse of :func:`parameter`; a field's name stays as it is."""
    return next((field for field in _FIELDS if name in (field, parameter(field))), name)


def _currency_labels(name: str, preview: Preview) -> dict[str, str]:
    """The currencies with what the file has in each."""
    if name != "currency":
        return {}
    return {
        each.currency: f"Only {each.currency}: {money(each.total, 2)} in"
        f" {counted(each.transactions, 'transaction')}"
        for each in preview.currencies
        if each.currency
    }


def _currency_options(preview: Preview) -> list[tuple[str, str]]:
    codes = [each.currency for each in preview.currencies if each.currency]
    if len(codes) > 1:
        return [(code, f"Only {code}") for code in codes]
    return [(code, f"All in {code}") for code in dict.fromkeys((*codes, *CURRENCIES))]


def _menu(name: str, read: str, chosen: str | None, options: Iterable[tuple[str, str]]) -> Menu:
    listed = [Option(value, label, value == chosen) for value, label in options]
    if listed and chosen is not None and not any(option.is_chosen for option in listed):
        listed.append(Option(chosen, chosen, True))
    return Menu(parameter(name), LABELS[name], read, chosen, tuple(listed))


def _used(preview: Preview, name: str) -> str:
    """The columns that are used, as text."""
    if name in ("time", "clock"):
        return "".join(_date_and_clock(preview.mapping.time)[name == "clock"])
    value: Any = getattr(preview.mapping, name)
    return ", else ".join([value] if isinstance(value, str) else value or ())


def _read(preview: Preview, name: str) -> str:
    """What was found out about the reading; empty if the file leaves no choice, or doesn't say."""
    value = getattr(preview.reading, name, None)
    if name == "delimiter":
        return _delimiter(value or "")
    return "" if value is None else str(value)


def _date_and_clock(time: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return time[:1], time[1:2]


def _chosen(choices: Choices, name: str) -> str | None:
    if name in ("time", "clock"):
        return next(iter(_date_and_clock(choices.time or ())[name == "clock"]), None)
    value: Any = getattr(choices, name)
    if value is None:
        return None
    if name == "delimiter":
        return _delimiter(value)
    if name == "keep_states":
        return ", ".join(quoted_name(state) if set(',"') & set(state) else state for state in value)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _delimiter(sign: str) -> str:
    """The name of a delimiter, which may be given as it is."""
    return {sign: name for name, sign in DELIMITERS.items()}.get(sign, sign)


def _without_asked(menus: list[Menu], preview: Preview) -> list[Menu]:
    asked = {parameter(_field(question.parameter)) for question in preview.questions}
    return [menu for menu in menus if menu.name not in asked]
