"""Turns the rows of a file into transactions, as a mapping says.

Works by column, as far as a block allows: a function call for each cell of a million rows would
take longer than everything else. Only what differs from row to row is decided row by row.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import compress
from operator import not_
from typing import Any

from clv.db import Columns
from clv.files.blocks import Block
from clv.files.cells.cell_reader import CellReader, Problem
from clv.files.columns.mapping import Mapping
from clv.files.rows.row_columns import RowColumns
from clv.files.rows.verdicts import Outcome, Verdict, Verdicts
from clv.files.tables.encoding import is_clean
from clv.files.tables.selection import BadRow
from clv.store.staging import CORRECTION, COVERED, HELD, SALE

NO_CUSTOMER = "no customer"
CONTINUED = "a further line of an order"
TOTAL = "a total"
FOOTER = "a footer"
# The columns of a detailed row.
_WIDTH = 7
_TOTAL_WORDS = frozenset(
    ("total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "somme", "totale")
)


@dataclass(frozen=True, slots=True)
class Extras:
    """What else decides about rows.

    :param rates: what one unit of another currency is worth; its amounts are converted
    :param currency: of the amounts that name none, if these are converted
    :param has_symbols: amounts name their currency themselves: 12.50 EUR
    :param is_detailed: stage kind, order, currency and line of each row as well
    :param holds: a row that can't be read keeps its customer's day as it is stored
    """

    rates: Dict[str, Decimal] = field(default_factory=dict)
    currency: str | None = None
    has_symbols: bool = False
    is_detailed: bool = False
    holds: bool = False


class RowMapper:
    """Maps the blocks of one file, and counts in ``outcome`` what becomes of its rows.

    :ivar is_detailed: whether staged rows have all their columns, or only the first three
    """

    def __init__(
        self, mapping: Mapping, reader: CellReader, outcome: Outcome, extras: Extras
    ) -> None:
        self._mapping, self._reader, self._extras = mapping, reader, extras
        self.outcome = outcome
        self._columns = RowColumns(mapping, reader, extras.has_symbols)
        is_as_it_stands = not extras.has_symbols and not extras.currency
        self._is_simple = _is_simple(mapping) and is_as_it_stands
        self.is_detailed = extras.is_detailed or extras.holds or not self._is_simple
        self._verdicts = Verdicts(mapping, self._columns, outcome)
        # The order of the last row that counts.
        self._order_above: str | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns that a block must have, in this order."""
        return self._columns.names

    def staged(self, block: Block) -> Columns:
        """The transactions in a block, by column: customers, times, amounts; if detailed, kinds,
        orders, currencies and line numbers as well."""
        self.outcome.rows += len(block)
        return (self._simple(block) if self._is_simple else None) or self._by_row(block)

    def rejected(self, bad: BadRow) -> Columns | None:
        """Count a line that is no row; what keeps the customer's day that it names, if that is
        wanted and it names one."""
        self.outcome.reject(bad.line, str(bad))
        if not self._extras.holds or not bad.cells:
            return None
        block = Block([bad.line], [[cell] for cell in bad.cells])
        reads = (self._columns.ids, self._columns.times, self._columns.orders)
        (customer,), (time,), (order,) = (read(block) for read in reads)
        known_order = order if order and is_clean(order) else None
        return [[value] for value in self._held(customer, time, known_order, bad.line)]

    def _simple(self, block: Block) -> Columns | None:
        """The transactions of a block that has no row in need of a closer look."""
        reads = (self._reader.ids, self._reader.times, self._reader.amounts)
        columns: list[list] = [read(cells) for read, cells in zip(reads, block.cells, strict=True)]
        ids, times, amounts = columns
        if not _are_sound(ids, times, amounts):
            return None
        if any(self._reader.unexpected_symbols(block.cells[-1])):
            return None
        if self.is_detailed:
            kinds = [_kind(amount) for amount in amounts]
            blank = [None] * len(ids)
            columns += [kinds, blank, blank, list(block.lines)]
        return columns

    def _by_row(self, block: Block) -> Columns:
        columns: Columns = []
        if block := self._without_continuations(block):
            read = list(self._by_column(block))
            rows = filter(None, map(self._row, *read))
            columns = self._sound(*read) or [list(column) for column in zip(*rows, strict=True)]
        return (columns or [[] for _ in range(_WIDTH)])[: _WIDTH if self.is_detailed else 3]

    def _without_continuations(self, block: Block) -> Block:
        if not self._mapping.line_has or not block:
            return block
        has = [bool(cell.strip()) for cell in self._columns.cells(block, self._mapping.line_has)]
        if all(has):
            return block
        lines = list(compress(block.lines, map(not_, has)))
        self.outcome.left_out.add(CONTINUED, lines, len(lines))
        cells = [list(compress(column, has)) for column in block.cells]
        return Block(list(compress(block.lines, has)), cells)

    def _by_column(self, block: Block) -> Iterator[Sequence[Any]]:
        """The arguments of :meth:`_row`, by column."""
        columns = self._columns
        amounts, bases, currencies = columns.amounts(block)
        amounts, bases = self._verdicts.negated(block, amounts, bases)
        yield block.lines
        yield columns.ids(block)
        yield columns.ids_of_corrections(block)
        yield columns.times(block)
        yield self._verdicts.without_voided(block, amounts)
        yield bases
        yield currencies
        yield columns.orders(block)
        yield self._verdicts.of(block, bases)

    def _sound(
        self,
        lines: Sequence[int],
        ids: Sequence[Any],
        ids_of_corrections: Sequence[Any],
        times: Sequence[Any],
        amounts: Sequence[Any],
        bases: Sequence[Any],
        currencies: Sequence[Any],
        orders: Sequence[str | None],
        verdicts: Sequence[Verdict | None],
    ) -> Columns | None:
        """A block all of whose rows count as they are, as it is staged; None if one may not."""
        extras, has_others = self._extras, bool(self._mapping.customer_of_corrections)
        if any(verdicts) or has_others or extras.rates or extras.currency:
            return None
        if not _are_sound(ids, times, amounts, currencies):
            return None
        self._order_above = orders[-1]
        return [ids, times, amounts, list(map(_kind, bases)), orders, currencies, lines]

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
        verdict: Verdict | None,
    ) -> tuple | None:
        """A row as it is staged; None if it is not."""
        if customer_of_correction is not None and type(base) is int and base < 0:
            customer = customer_of_correction
        reason = self._reason_to_leave_out(customer, time, amount, order, verdict)
        if reason:
            self._leave_out(reason, line, amount)
            return None
        problem = _problem(customer, time, *((0, None) if verdict else (amount, currency)))
        if problem:
            self.outcome.rejected.add(line, problem)
            return self._held(customer, time, order, line) if self._extras.holds else None
        if verdict:
            self._leave_out(verdict[0], line, amount)
            return (customer, time, 0, COVERED, None, None, line)
        self._order_above = order
        currency = currency or self._extras.currency
        if currency in self._extras.rates:
            amount, currency = converted(amount, self._extras.rates[currency]), None
        return (customer, time, amount, _kind(base), order, currency, line)

    def _reason_to_leave_out(
        self,
        customer: Any,
        time: Any,
        amount: Any,
        order: str | None,
        verdict: Verdict | None,
    ) -> str | None:
        """Why a row does not even cover its customer's day; None if it does."""
        is_line = order is not None and self._mapping.order_lines == "sum"
        if verdict and (not customer or time is None or not verdict[1]):
            return verdict[0]
        if not customer and not is_line:
            return NO_CUSTOMER
        if time is None and _is_total(customer or (order if is_line else None)):
            return TOTAL
        if amount is None and order is not None and order == self._order_above:
            return CONTINUED
        return None

    def _held(self, customer: Any, time: Any, order: str | None, line: int) -> tuple:
        """A row that can't be read, with what is known of it."""
        known_customer = None if type(customer) is Problem else customer
        return (known_customer, time if type(time) is int else None, 0, HELD, order, None, line)

    def _leave_out(self, reason: str, line: int, amount: Any) -> None:
        """Count a row that is left out."""
        total = amount if type(amount) is int else 0
        self.outcome.left_out.add(reason, [line], total=total)


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


def _is_total(name: str | None) -> bool:
    """Whether a row without a time is a total, of all or of one customer: ``Ann Example Total``.

    :param name: its customer, or else its order
    """
    if not name:
        return True
    text = name.lower().strip(" :")
    return text in _TOTAL_WORDS or text.rpartition(" ")[2] in _TOTAL_WORDS


def _kind(base: int) -> int:
    return CORRECTION if base < 0 else SALE


def _are_sound(
    ids: Sequence[Any],
    times: Sequence[Any],
    amounts: Sequence[Any],
    currencies: Sequence[Any] = (),
) -> bool:
    """Whether every row of a block has a customer, a time and an amount, and all can be read."""
    columns = (ids, times, amounts, currencies)
    is_filled = "" not in ids and None not in times and None not in amounts
    return is_filled and not any(Problem in set(map(type, column)) for column in columns)


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
