"""Files of transactions: what one is taken for, what has to be asked about it, and its rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from typing import Any

from clv.budgets import MAX_COLUMNS
from clv.db import Columns
from clv.domain.time_zone import TimeZone, time_zone
from clv.errors import Invalid
from clv.files.blocks import Block
from clv.files.cells.cell_reader import CellReader, Values
from clv.files.cells.customers import looks_like_name
from clv.files.choices import Choices, Question, restored, stored
from clv.files.columns.header import header_key
from clv.files.columns.mapping import Mapping
from clv.files.columns.proposal import NAMES
from clv.files.columns.resolve import resolve
from clv.files.names import MAX_NAME_LENGTH, shown
from clv.files.rows.long_cells import without_long_cells
from clv.files.rows.row_mapping import FOOTER, Extras, RowMapper
from clv.files.rows.sight import Evidence, Sight
from clv.files.rows.verdicts import Outcome
from clv.files.stream import File
from clv.files.tables.header_line import head_cell
from clv.files.tables.selection import BadRow
from clv.files.tables.table import Table, open_table

# A cell is shown up to here.
_MAX_CELL = 80
# Rates are for one file, and how its bytes are read is seen from the file.
_FORGOTTEN = ("rates", "encoding", "delimiter", "header_line")
_REMEMBERED = [field.name for field in fields(Choices) if field.name not in _FORGOTTEN]


class TransactionFile:
    """A file of transactions that has been looked into.

    :param choices: those of the caller, with the remembered ones for this header
    :param resolved: the profile and the mapping
    :param questions: what has to be answered before it can be loaded
    :param header_key: what choices are remembered by
    """

    def __init__(
        self,
        file: File,
        choices: Choices,
        zone: TimeZone,
        latest_ms: int,
        recalled: Callable[[str], dict[str, Any] | None],
        partial: bool = False,
    ) -> None:
        """Look into a file.

        :param zone: the tenant's
        :param latest_ms: later times are refused
        :param recalled: the choices that are remembered for a header
        :param partial: the file is only the first part of one
        :raises Invalid: when it is no file of transactions, or a choice does not fit it
        :raises TooLarge: when a gzip or a workbook inflates to more than it may
        """
        self._days_zone, self._latest_ms = zone, latest_ms
        self._effort = file.effort
        self._table = open_table(file, choices, partial)
        with ExitStack() as if_refused:
            if_refused.callback(self._table.close)
            _check_names(self._table)
            self.header_key = header_key(self._table.header)
            remembered = recalled(self.header_key)
            self.choices = _merged(choices, restored(remembered)) if remembered else choices
            head = self._table.head()
            self._head = [list(map(head_cell, cells)) for _, cells in head]
            self.resolved = resolve(self._table.header, self._head, self.choices)
            self.zone = self._zone()
            self._sight = self._look(self.mapping) if self.mapping else Sight()
            if_refused.pop_all()

    def __enter__(self) -> "TransactionFile":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._table.close()

    @property
    def table(self) -> Table:
        """The file as a table of text."""
        return self._table

    @property
    def mapping(self) -> Mapping | None:
        """What the columns mean; None if customer or time are not known."""
        return self.resolved.mapping

    @property
    def decimal(self) -> str | None:
        """The decimal sign of the amounts; None if none shows one."""
        return self._sight.decimal

    @property
    def date_order(self) -> str | None:
        """The order of day and month; None if no date leaves a choice."""
        return self._sight.date_order

    @property
    def questions(self) -> tuple[Question, ...]:
        """What has to be answered before the file can be loaded."""
        return (*self.resolved.questions, *self._sight.questions)

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What a person should look at: codes and messages."""
        warnings = [*self._table.warnings, *self.resolved.warnings]
        has_names = self.mapping is not None and looks_like_name(
            self._column(self.mapping.customer[0])
        )
        if has_names and NAMES[0] not in dict(warnings):
            warnings.append(NAMES)
        return warnings

    def columns(self, most: int) -> list[tuple[str, tuple[str, ...]]]:
        """The names of all columns, each with its first filled cells."""
        return [
            (name, tuple(cell[:_MAX_CELL] for cell in self._column(name) if cell.strip())[:most])
            for name in self._table.header
            if name
        ]

    def mapper(self, outcome: Outcome, *, is_detailed: bool, holds: bool) -> RowMapper:
        """What turns the rows into transactions. The mapping must be known.

        :param is_detailed: stage more than customer, time and amount, whatever the mapping
        :param holds: a bad line keeps its customer's day as it is stored
        """
        assert self.mapping is not None
        rates, currency = dict(self.choices.rates), self.resolved.fixed_currency
        converted = currency if currency in rates else None
        extras = Extras(rates, converted, self._sight.has_symbols, is_detailed, holds)
        values = Values(self.decimal, self.date_order, self.zone, self._days_zone, self._latest_ms)
        return RowMapper(self.mapping, CellReader(values), outcome, extras)

    def staged(self, mapper: RowMapper) -> Iterator[Columns]:
        """The transactions, some rows at a time, as :meth:`RowMapper.staged` gives them."""
        self._select(mapper.columns)
        self._table.rewind(is_last=True)
        for part in without_long_cells(self._parts(), mapper.columns):
            if isinstance(part, Block):
                yield mapper.staged(part)
            elif held := mapper.rejected(part):
                yield held
        footer = self._table.footer
        if footer:
            mapper.outcome.rows += len(footer)
            mapper.outcome.left_out.add(FOOTER, footer, len(footer))

    def count(self, outcome: Outcome) -> None:
        """Count the rows, where nobody knows yet what the columns mean."""
        for part in self._parts():
            if isinstance(part, Block):
                outcome.rows += len(part)
            else:
                outcome.reject(part.line, str(part))

    def remembered(self) -> dict[str, Any] | None:
        """The choices worth remembering for the next file with this header; None without any."""
        return stored(self.choices, _REMEMBERED)

    def _zone(self) -> TimeZone:
        name = self.choices.time_zone or self.resolved.time_zone
        try:
            return time_zone(name) if name else self._days_zone
        except ValueError as error:
            raise Invalid(f"timeZone: {error}", {"query": {"timeZone": [str(error)]}}) from None

    def _look(self, mapping: Mapping) -> Sight:
        """Read as many rows as it takes to know the decimal sign and the order of dates."""
        evidence = Evidence(mapping, self.resolved.profile, self.choices, self._latest_ms)
        evidence.add_head(self._column)
        if evidence.is_open:
            self._select(evidence.columns)
            for block in self._parts():
                if isinstance(block, BadRow):
                    continue
                evidence.add(dict(zip(evidence.columns, block.cells, strict=True)).__getitem__)
                if not evidence.is_open:
                    break
        return evidence.sight()

    def _column(self, name: str) -> list[str]:
        """The cells of a column in the head."""
        index = self._table.header.index(name)
        return [cells[index] for cells in self._head if index < len(cells)]

    def _select(self, names: Sequence[str]) -> None:
        """Have only these columns read."""
        header = self._table.header
        times = self.mapping.time[:1] if self.mapping else ()
        self._table.select(
            [header.index(name) for name in names], [header.index(name) for name in times]
        )

    def _parts(self) -> Iterator[Block | BadRow]:
        """The blocks of the table, and the bad lines between them."""
        while True:
            self._effort.check()
            try:
                block = self._table.read()
            except BadRow as bad:
                yield bad
                continue
            if block is None:
                return
            if len(block):
                yield block


def _check_names(table: Table) -> None:
    if len(table.header) > MAX_COLUMNS:
        raise Invalid(
            f"The header in line {table.header_line} names {len(table.header):,} columns; at most"
            f" {MAX_COLUMNS:,} can be read. Leave out those that nobody needs."
        )
    for name in table.header:
        if len(name) > MAX_NAME_LENGTH:
            raise Invalid(
                f"The header in line {table.header_line} has a name of {len(name):,} characters,"
                f" {shown(name[:40])!r} and so on; at most {MAX_NAME_LENGTH} can be read. Is there"
                " a quote that is not closed?"
            )


def _merged(choices: Choices, remembered: Choices) -> Choices:
    """The choices, and where they leave something open, the remembered ones."""
    given = {
        field.name: getattr(choices, field.name)
        for field in fields(Choices)
        if getattr(choices, field.name) is not None
    }
    return replace(remembered, **given)
