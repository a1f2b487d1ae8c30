"""Which rows of a file don't count, by what it says of them: states, and the rules of profiles."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from clv.files.blocks import Block
from clv.files.cells.cell_cache import CellCache
from clv.files.columns.mapping import Mapping, Rule
from clv.files.columns.states import counts
from clv.files.rows.row_columns import RowColumns
from clv.files.tally import Reasons, Rejected

CANCELLED = "cancelled"
UNKNOWN_STATE = "a state that may count or not"
# With more, the column does not have the state of an order.
MAX_UNKNOWN_STATES = 100
# Any may count by a choice; so many are named as those that do.
MAX_COUNTING_STATES = 100
# A state is judged and counted by this beginning.
_MAX_STATE = 500
# Why a row is left out, and whether its customer and day are covered by the file nevertheless.
Verdict = tuple[str, bool]


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

    def add_unknown_state(self, state: str) -> None:
        """Count a state of which nobody knows whether it counts, unless there are too many."""
        if len(self.unknown_states) <= MAX_UNKNOWN_STATES:
            self.unknown_states[state] += 1

    def reject(self, line: int, reason: str) -> None:
        """Count a line that is no row."""
        self.rows += 1
        self.rejected.add(line, reason)


class Verdicts:
    """Judges the rows of one file."""

    def __init__(self, mapping: Mapping, columns: RowColumns, outcome: Outcome) -> None:
        self._mapping, self._columns, self._outcome = mapping, columns, outcome
        self._states = CellCache(self._judged_state)

    def negated(
        self, block: Block, amounts: Sequence[Any], bases: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """The amounts, and what they were before anything was taken from them, below 0 where a rule
        says that money was paid back."""
        for rule in self._mapping.rules:
            if rule.is_negated:
                matches = list(self._matches(rule, block, bases))
                amounts, bases = (
                    [
                        -abs(value) if matched and type(value) is int else value
                        for matched, value in zip(matches, values, strict=True)
                    ]
                    for values in (amounts, bases)
                )
        return amounts, bases

    def without_voided(self, block: Block, amounts: Sequence[Any]) -> Sequence[Any]:
        """The amounts, but 0 where a rule says that nothing of it is left."""
        for rule in self._mapping.rules:
            if not rule.reason and not rule.is_negated:
                matches = self._matches(rule, block, amounts)
                amounts = [
                    0 if matched else amount
                    for matched, amount in zip(matches, amounts, strict=True)
                ]
        return amounts

    def of(self, block: Block, bases: Sequence[Any]) -> Sequence[Verdict | None]:
        """Why each row is left out, and whether its customer and day are covered nevertheless; None
        where it counts."""
        mapping = self._mapping
        verdicts: list[Verdict | None] = [None] * len(block)
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
        is_among: dict[str, bool] = {}
        for cell, base in zip(self._columns.cells(block, rule.column), bases, strict=True):
            if cell not in is_among:
                is_among[cell] = _is_among(cell.strip().lower(), rule)
            is_negative = type(base) is int and base < 0
            if rule.sign and is_negative != (rule.sign == "negative"):
                yield False
            else:
                yield is_among[cell]

    def _judged(self, state: str, cancelled: str) -> Verdict | None:
        """The verdict on a row's state, and on a filled cell that says that it was cancelled."""
        does_count = self._states[state]
        if does_count is False:
            return f"state: {_shortened(state) or 'none'}", True
        if cancelled.strip():
            return CANCELLED, True
        if does_count is None:
            self._outcome.add_unknown_state(_shortened(state))
            return UNKNOWN_STATE, True
        return None

    def _judged_state(self, state: str) -> bool | None:
        state = _shortened(state)
        does_count = counts(state, self._mapping.keep_states, self._mapping.drop_states)
        if does_count and state and len(self._outcome.counting_states) < MAX_COUNTING_STATES:
            self._outcome.counting_states.add(state)
        return does_count


def _shortened(state: str) -> str:
    return state.strip()[:_MAX_STATE]


def _is_among(text: str, rule: Rule) -> bool:
    """Whether a rule is about the rows with a cell."""
    is_value = text in rule.values or (rule.is_part and any(value in text for value in rule.values))
    return is_value != rule.is_other and bool(text or not rule.is_other)
