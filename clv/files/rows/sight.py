"""What the cells of a file show together: their decimal sign, and the order of day and month."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clv.files.cells.amounts import DecimalSign, currency_of
from clv.files.cells.date_order import DateOrder
from clv.files.choices import Choices, Question
from clv.files.columns.mapping import Mapping
from clv.files.columns.profile import Profile
from clv.files.names import PLAIN_COLUMNS, spellings

_SHOWN_EXAMPLES = 3
_FIRSTS = {"ymd": "year", "dmy": "day", "mdy": "month"}


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen in a file, read through as far as needed.

    :param decimal: the decimal sign; None if no amount shows one
    :param date_order: of day and month; None if no date leaves a choice
    :param has_symbols: amounts name their currency themselves: 12.50 EUR
    :param questions: what cannot be told
    """

    decimal: str | None = None
    date_order: str | None = None
    has_symbols: bool = False
    questions: tuple[Question, ...] = ()


class Evidence:
    """Collects what the cells of a file show, until it is enough.

    :param columns: the names of the columns whose cells count
    """

    def __init__(
        self, mapping: Mapping, profile: Profile | None, choices: Choices, latest_ms: int
    ) -> None:
        self._mapping, self._profile, self._choices = mapping, profile, choices
        self._order, self._sign = DateOrder(latest_ms), DecimalSign()
        self._first_times: list[str] = []
        self._has_symbols = False
        self._numbers = _number_columns(mapping)
        self.columns = list(dict.fromkeys([*mapping.time, *self._numbers]))

    @property
    def is_open(self) -> bool:
        """Whether further rows may tell what the rows so far have not told."""
        is_order_open = self._order.is_open and self._choices.date_order is None
        is_sign_open = self._sign.is_open and not self._choices.decimal and not self._is_plain()
        return is_order_open or is_sign_open

    def add_head(self, column: Callable[[str], Sequence[str]]) -> None:
        """Add the cells of the first rows.

        :param column: the cells of the column with a name
        """
        self._first_times = [cell for name in self._mapping.time for cell in column(name)]
        ways = self._mapping.amounts
        if not any(way.currency for way in ways):
            cells = (cell for way in ways for cell in column(way.column))
            self._has_symbols = any(map(currency_of, cells))
        self.add(column)

    def add(self, column: Callable[[str], Sequence[str]]) -> None:
        """Add the cells of further rows, likewise."""
        for name in self._mapping.time:
            self._order.add(column(name))
        for name in self._numbers:
            self._sign.add(column(name))

    def sight(self) -> Sight:
        """What the cells have shown."""
        date_order, decimal = self._date_order(), self._decimal()
        questions = []
        if self._order.is_open and date_order is None:
            questions.append(self._question_of_order())
        if self._sign.is_open and decimal is None:
            questions.append(self._question_of_decimal())
        return Sight(decimal, date_order, self._has_symbols, tuple(questions))

    def _date_order(self) -> str | None:
        known = self._choices.date_order or self._order.order
        if known is None and self._profile:
            known = self._profile.date_order(self._first_times)
        likeliest = self._order.likeliest
        return known or (likeliest[0] if self._order.is_open and len(likeliest) == 1 else None)

    def _decimal(self) -> str | None:
        known = self._choices.decimal or self._sign.sign or ("." if self._is_plain() else None)
        return known or (self._profile.decimal if self._profile else None)

    def _is_plain(self) -> bool:
        """Whether the file has the columns of this service, and no amount so far has a comma."""
        mapping = self._mapping
        if any("," in example for example in self._sign.examples):
            return False
        names = (*mapping.customer, *mapping.time, *(way.column for way in mapping.amounts))
        return len(names) == len(PLAIN_COLUMNS) and all(
            name in spellings(plain) for name, plain in zip(names, PLAIN_COLUMNS, strict=True)
        )

    def _question_of_order(self) -> Question:
        examples = ", ".join(self._order.examples[:_SHOWN_EXAMPLES])
        orders = self._order.likeliest
        firsts = " or the ".join(_FIRSTS[order] for order in orders)
        both = "both" if len(orders) == 2 else "all"
        message = f"Is the {firsts} first? The dates fit {both}: {examples}."
        return Question("dateOrder", orders, message)

    def _question_of_decimal(self) -> Question:
        examples = ", ".join(self._sign.examples[:_SHOWN_EXAMPLES])
        message = f"Which sign separates the decimals? All amounts read both ways: {examples}."
        return Question("decimal", (".", ","), message)


def _number_columns(mapping: Mapping) -> list[str]:
    names = [way.column for way in mapping.amounts]
    for way in mapping.amounts:
        names += [less.column for less in way.less if less.pattern is None]
        names += [way.times] if way.times else []
    return list(dict.fromkeys(names))
