"""Turns the rows of a file into transactions, as a mapping says.

Works by column, as far as a block allows: a function call for each cell of a million rows would
take longer than everything else. Only what differs from row to row is decided row by row.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import compress
from operator import not_
from typing import Any

from clv.db import Columns
from clv.files.blocks import Block
from clv.files.cells import CellReader, Problem
from clv.files.mapping import Mapping, Rule
from clv.files.row_columns import RowColumns
from clv.files.states import counts
from clv.files.tally import Reasons, Rejected
from clv.store.staging import CORRECTION, COVERED, HELD, SALE

NO_CUSTOMER = "no customer"
CONTINUED = "a further line of an order"
TOTAL = "a total"
FOOTER = "a footer"
CANCELLED = "cancelled"
UNKNOWN_STATE = "a state that may count or not"
# The columns of a detailed row.
_WIDTH = 7
_TOTAL_WORDS = frozenset(
    ("total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "somme", "totale")
)


@dataclass(slots=True)
class Outcome:
    """What became of the rows of a file.

    :param rows: all rows of data
    :param left_out: those that do not count
    :param unknown_states: how often each state occurs of which nobody knows whether it counts
    :param counting_states: the others, as far as they count
    """

    rejected: Rejected
    rows: int = 0
    left_out: Reasons = field(default_factory=Reasons)
    unknown_states: Counter[str] = field(default_factory=Counter)
    counting_states: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Extras:
    """What else decides about rows.

    :param rates: what one unit of another currency is worth; its amounts are converted
    :param has_symbols: amounts name their currency themselves: 12.50 EUR
    :param is_detailed: stage kind, order, currency and line of each row as well
    :param holds: a row that can't be read keeps its customer's day as it is stored
    """

    rates: Dict[str, Decimal] = field(default_factory=dict)
    has_symbols: bool = False
    is_detailed: bool = False
    holds: bool = False


class RowMapper:
    """Maps the blocks of one file, and counts what becomes of its rows.

    :param is_detailed: whether staged rows have all their columns, or only the first three
    """

    def __init__(
        self, mapping: Mapping, reader: CellReader, outcome: Outcome, extras: Extras
    ) -> None:
        self._mapping, self._reader, self._extras = mapping, reader, extras
        self._outcome = outcome
        self._columns = RowColumns(mapping, reader, extras.has_symbols)
        self._is_simple = _is_simple(mapping) and not extras.has_symbols
        self.is_detailed = extras.is_detailed or extras.holds or not self._is_simple
        self._states: dict[str, bool | None] = {}

    @property
    def columns(self) -> list[str]:
        """The names of the columns that a block must have, in this order."""
        return self._columns.names

    def staged(self, block: Block) -> Columns:
        """The transactions in a block, by column: customers, times, amounts; if detailed, kinds,
        orders, currencies and line numbers as well."""
        self._outcome.rows += len(block)
        return (self._simple(block) if self._is_simple else None) or self._by_row(block)

    def _simple(self, block: Block) -> Columns | None:
        """The transactions of a block that has no row in need of a closer look."""
        reads = (self._reader.ids, self._reader.times, self._reader.amounts)
        columns: list[list] = [read(cells) for read, cells in zip(reads, block.cells, strict=True)]
        ids, times, amounts = columns
        if "" in ids or None in times or None in amounts or _has_problem(columns):
            return None
        if self.is_detailed:
            kinds = [_kind(amount) for amount in amounts]
            blank = [None] * len(ids)
            columns += [kinds, blank, blank, list(block.lines)]
        return columns

    def _by_row(self, block: Block) -> Columns:
        block = self._without_continuations(block)
        rows = [row for row in map(self._row, *self._by_column(block)) if row] if block else []
        columns = [list(column) for column in zip(*rows, strict=True)]
        return (columns or [[] for _ in range(_WIDTH)])[: _WIDTH if self.is_detailed else 3]

    def _without_continuations(self, block: Block) -> Block:
        if not self._mapping.line_has or not block:
            return block
        has = [bool(cell.strip()) for cell in self._columns.cells(block, self._mapping.line_has)]
        if all(has):
            return block
        lines = list(compress(block.lines, map(not_, has)))
        self._outcome.left_out.add(CONTINUED, lines, len(lines))
        cells = [list(compress(column, has)) for column in block.cells]
        return Block(list(compress(block.lines, has)), cells)

    def _by_column(self, block: Block) -> Iterator[Sequence[Any]]:
        """The arguments of :meth:`_row`, by column."""
        columns = self._columns
        amounts, bases, currencies = columns.amounts(block)
        yield block.lines
        yield columns.ids(block)
        yield columns.ids_of_corrections(block)
        yield columns.times(block)
        yield self._without_voided(block, amounts)
        yield bases
        yield currencies
        yield columns.orders(block)
        yield self._verdicts(block, bases)

    def _row(
        self,
        line: int,
        customer: Any,
        customer_of_correction: Any,
        time: Any,
        amount: Any,
        base: Any,
        currency: Any,
        order: str | None,
        verdict: tuple[str, bool] | None,
    ) -> tuple | None:
        """A row as it is staged; None if it is not."""
        if customer_of_correction is not None and type(base) is int and base < 0:
            customer = customer_of_correction
        if not customer and not (order and self._mapping.order_lines == "sum"):
            self._leave_out(NO_CUSTOMER, line, amount)
            return None
        if time is None and (verdict or not customer or customer.lower() in _TOTAL_WORDS):
            self._leave_out(verdict[0] if verdict else TOTAL, line, amount)
            return None
        if verdict and not verdict[1]:
            self._leave_out(verdict[0], line, amount)
            return None
        problem = _problem(customer, time, *((0, None) if verdict else (amount, currency)))
        if problem:
            self._outcome.rejected.add(line, problem)
            return self._held(customer, time, order, line) if self._extras.holds else None
        if verdict:
            self._leave_out(verdict[0], line, amount)
            return (customer, time, 0, COVERED, None, None, line)
        if currency in self._extras.rates:
            amount, currency = converted(amount, self._extras.rates[currency]), None
        return (customer, time, amount, _kind(base), order, currency, line)

    def _held(self, customer: Any, time: Any, order: str | None, line: int) -> tuple:
        """A row that can't be read, with what is known of it."""
        known_customer = None if type(customer) is Problem else customer
        return (known_customer, time if type(time) is int else None, 0, HELD, order, None, line)

    def _leave_out(self, reason: str, line: int, amount: Any) -> None:
        """Count a row that is left out."""
        total = amount if type(amount) is int else 0
        self._outcome.left_out.add(reason, [line], total=total)

    def _without_voided(self, block: Block, amounts: Sequence[Any]) -> Sequence[Any]:
        """The amounts, but 0 where a rule says that nothing of it is left."""
        for rule in self._mapping.rules:
            if not rule.reason:
                matches = self._matches(rule, block, amounts)
                amounts = [
                    0 if matched else amount
                    for matched, amount in zip(matches, amounts, strict=True)
                ]
        return amounts

    def _verdicts(self, block: Block, bases: Sequence[Any]) -> Sequence[tuple[str, bool] | None]:
        """Why each row is left out, and whether its customer and day are covered nevertheless; None
        where it counts."""
        mapping = self._mapping
        verdicts: list[tuple[str, bool] | None] = [None] * len(block)
        for rule in mapping.rules:
            if rule.reason:
                matches = self._matches(rule, block, bases)
                verdicts = [
                    (rule.reason, rule.is_covering) if matched and not verdict else verdict
                    for matched, verdict in zip(matches, verdicts, strict=True)
                ]
        if mapping.state or mapping.cancelled:
            judged = map(
                self._judged,
                self._cells_or_empty(block, mapping.state),
                self._cells_or_empty(block, mapping.cancelled),
            )
            verdicts = [verdict or other for verdict, other in zip(verdicts, judged, strict=True)]
        return verdicts

    def _cells_or_empty(self, block: Block, name: str | None) -> Sequence[str]:
        return self._columns.cells(block, name) if name else [""] * len(block)

    def _matches(self, rule: Rule, block: Block, bases: Sequence[Any]) -> Iterator[bool]:
        for cell, base in zip(self._columns.cells(block, rule.column), bases, strict=True):
            text = cell.strip().lower()
            is_negative = type(base) is int and base < 0
            if rule.sign and is_negative != (rule.sign == "negative"):
                yield False
            else:
                yield _is_among(text, rule) != rule.is_other and bool(text or not rule.is_other)

    def _judged(self, state: str, cancelled: str) -> tuple[str, bool] | None:
        """The verdict on a row's state, and on a filled cell that says that it was cancelled."""
        if state not in self._states:
            self._states[state] = self._judged_state(state.strip())
        does_count = self._states[state]
        if does_count is False:
            return f"state: {state.strip() or 'none'}", True
        if cancelled.strip():
            return CANCELLED, True
        if does_count is None:
            self._outcome.unknown_states[state.strip()] += 1
            return UNKNOWN_STATE, True
        return None

    def _judged_state(self, state: str) -> bool | None:
        does_count = counts(state, self._mapping.keep_states, self._mapping.drop_states)
        if does_count and state:
            self._outcome.counting_states.add(state)
        return does_count


def converted(amount: int, rate: Decimal) -> int:
    """An amount in the tenant's currency, rounded half away from zero."""
    return int((amount * rate).to_integral_value(ROUND_HALF_UP))


def _is_simple(mapping: Mapping) -> bool:
    """Whether a row is a customer, a time and an amount, and nothing else."""
    if len(mapping.customer) != 1 or len(mapping.time) != 1 or len(mapping.amounts) != 1:
        return False
    [customer], [time], [way] = mapping.customer, mapping.time, mapping.amounts
    plain = Mapping((customer,), (time,), (type(way)(way.column),))
    return mapping == plain and len({customer, time, way.column}) == 3


def _is_among(text: str, rule: Rule) -> bool:
    return text in rule.values or (rule.is_part and any(value in text for value in rule.values))


def _kind(base: int) -> int:
    return CORRECTION if base < 0 else SALE


def _has_problem(columns: Sequence[Sequence[Any]]) -> bool:
    return any(Problem in set(map(type, column)) for column in columns)


def _problem(customer: Any, time: Any, amount: Any, currency: Any) -> str | None:
    """What is wrong with a row that should count; None if nothing is."""
    for label, value in (
        ("customer", customer),
        ("date", time),
        ("amount", amount),
        ("currency", currency),
    ):
        if type(value) is Problem:
            return f"{label}: {value}"
        if value is None and label != "currency":
            return f"{label}: Is empty."
    return None
