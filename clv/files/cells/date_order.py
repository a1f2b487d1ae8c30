"""Whether 03/04/2026 is in March or in April."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import combinations

from clv.files.cells.dates import MAX_TIME_LENGTH, numeric_date, numeric_parts
from clv.files.choices import DATE_ORDERS

# Between the numbers of a date; a point behind a weekday has no digit in front.
_SIGNS = re.compile(r"(?<=[0-9])[-/.]")
_MAX_EXAMPLES = 5
_CACHED_DATES = 4_096
_FIRST = date(1970, 1, 1)
# A date at the beginning of a cell, with its weekday; numeric_parts() has the last word.
_START = re.compile(
    r"\s*((?:[^\W\d_]+[.,]{0,2} )?[0-9]{1,2}[-/.] ?[0-9]{1,2}[-/.] ?[0-9]+)(?![^T, ])"
)


class DateOrder:
    """The order of day, month and year in the dates that were added so far.

    An order is excluded by a date that it can't be; years first, also by one that would be before
    1970 or in the future: 28/03/12 is no day of 2028. The first evidence counts: dates that
    contradict it can then not be read. Dates with the year first in four digits, or with the
    month's name, leave no choice and are no evidence.

    :ivar candidates: the orders that all these dates fit
    """

    def __init__(self, latest_ms: int) -> None:
        """
        :param latest_ms: anything later is in the future
        """
        self.candidates: tuple[str, ...] = DATE_ORDERS
        self._latest = datetime.fromtimestamp(latest_ms / 1000, UTC).date()
        self._has_dates = False
        self._are_dotted = True
        # Of each two orders, the first dates that differ in them.
        self._examples: dict[tuple[str, str], list[str]] = {
            pair: [] for pair in combinations(DATE_ORDERS, 2)
        }

    @property
    def order(self) -> str | None:
        """The order to read the dates by; None if it is open, or no date needs it."""
        return self.candidates[0] if self._has_dates and not self.is_open else None

    @property
    def likeliest(self) -> tuple[str, ...]:
        """The candidates that need asking about, if the order is open: nobody on earth writes
        03.04.2026 with the month first, as long as all dates have points."""
        if not self._are_dotted:
            return self.candidates
        return tuple(order for order in self.candidates if order != "mdy") or self.candidates

    @property
    def is_open(self) -> bool:
        """Whether some date is another day in another order, and nothing tells which is right."""
        return bool(self.examples)

    @property
    def is_certain(self) -> bool:
        """Whether further dates change nothing."""
        return self._has_dates and len(self.candidates) == 1

    @property
    def examples(self) -> list[str]:
        """The first dates that are in doubt."""
        pairs = combinations(self.candidates, 2)
        return next((self._examples[pair] for pair in pairs if self._examples[pair]), [])

    def add(self, cells: Iterable[str]) -> None:
        """Look at more cells, whether they are numeric dates or not."""
        for cell in cells:
            if self.is_certain:
                return
            if match := _START.match(cell[:MAX_TIME_LENGTH]):
                self._add(match[1])

    def _add(self, text: str) -> None:
        days = _days(text, self._latest)
        candidates = tuple(order for order in self.candidates if order in days)
        if not candidates:
            return
        self.candidates, self._has_dates = candidates, True
        self._are_dotted = self._are_dotted and "." in _SIGNS.findall(text)
        for pair in combinations(candidates, 2):
            examples = self._examples[pair]
            is_new = days[pair[0]] != days[pair[1]] and text not in examples
            if is_new and len(examples) < _MAX_EXAMPLES:
                examples.append(text)


@lru_cache(_CACHED_DATES)
def _days(text: str, latest: date) -> dict[str, date]:
    """The day that a numeric date is in each order that it fits."""
    parts = numeric_parts(text)
    days: dict[str, date] = {}
    if parts is None:
        return days
    for order in DATE_ORDERS:
        try:
            days[order] = numeric_date(parts, order, latest.year)
        except ValueError:
            continue
    # In another order, a day out of range is an error of its line alone.
    if "ymd" in days and not _FIRST <= days["ymd"] <= latest:
        del days["ymd"]
    return days
