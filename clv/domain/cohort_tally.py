"""Adds summaries up to cohorts, in one pass over all customers and in constant memory.

Pure. In SQL, the same takes five times as long on SQLite, which sorts all rows for a group; and a
sum may pass the largest integer of either database.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import ne

import numpy as np

from clv.domain.calendar import month_of
from clv.domain.cohorts import (
    GRANULARITIES,
    MOST_AGES,
    MOST_COHORTS,
    AgeSums,
    CohortTotals,
    Earlier,
)

# Customer id, key of a day or month, conversions, value in 1/10,000.
Row = tuple[str, str, int, int]
# Later than every month: of a customer without any conversion.
_NEVER = 1 << 20
# Ages are less than this, so that a cohort and an age are one number.
_AGES = 1 << 20
# Amounts are added up in two parts, whose sums no number of rows makes too large.
_PART = 1_000_000


class Tally:
    """What the pages of rows add up to.

    A customer's cohort is the period of the first conversion. What a row before it is worth (a
    correction, a visit with a value) counts at age 0.
    """

    def __init__(self) -> None:
        self._held: list[Row] = []
        self._counts = {name: _Counts(months) for name, months in GRANULARITIES.items()}
        self._unconverted = 0

    def add(self, page: Sequence[Row]) -> None:
        """Add a page.

        :param page: not empty; all pages together are in the order of customers and their periods
        """
        rows = [*self._held, *page]
        start = len(rows) - 1
        # The next page may have more of the last customer.
        while start and rows[start - 1][0] == rows[-1][0]:
            start -= 1
        self._held = rows[start:]
        self._add_customers(rows[:start])

    def totals(self, granularity: str) -> tuple[list[CohortTotals], Earlier, int]:
        """What all pages add up to: the latest cohorts, those before, and the revenue of customers
        without any conversion."""
        self._add_customers(self._held)
        self._held = []
        totals = self._counts[granularity].totals()
        before, listed = totals[:-MOST_COHORTS], totals[-MOST_COHORTS:]
        earlier = Earlier(
            cohorts=len(before),
            customers=sum(cohort.customers for cohort in before),
            revenue=sum(cohort.revenue for cohort in before),
        )
        return listed, earlier, self._unconverted

    def _add_customers(self, rows: Sequence[Row]) -> None:
        """Add all rows of some customers."""
        if not rows:
            return
        ids, keys, conversions, values = zip(*rows, strict=True)
        try:
            months = np.fromiter(map(month_of, keys), np.int64, len(keys))
        except TypeError:
            # Some have no month: the period type may change in the middle of a run.
            self._add_customers([row for row in rows if month_of(row[1]) is not None])
            return
        begins = np.ones(len(ids), bool)
        begins[1:] = np.fromiter(map(ne, ids[1:], ids), bool, len(ids) - 1)
        customer = np.cumsum(begins) - 1
        converted = np.array(conversions, np.int64)
        value = np.array(values, np.int64)
        firsts = np.where(converted > 0, months, _NEVER)
        first = np.minimum.reduceat(firsts, np.flatnonzero(begins))
        is_member = (first < _NEVER)[customer]
        self._unconverted += _total(value[~is_member])
        rows_of_members = (customer, months, converted, value)
        for counts in self._counts.values():
            counts.add(first, *(column[is_member] for column in rows_of_members))


class _Counts:
    """The customers of each cohort, and what each of its ages adds up to."""

    def __init__(self, months: int) -> None:
        self.months = months
        self._customers = Counter[int]()
        self._ages: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(
        self,
        first: np.ndarray,
        customer: np.ndarray,
        months: np.ndarray,
        converted: np.ndarray,
        value: np.ndarray,
    ) -> None:
        """Add rows of customers with a conversion, in the order of customers and months.

        :param first: of each customer of the page, the month of the first conversion
        :param customer: of each row, the place in ``first``
        """
        found, customers = np.unique(first[first < _NEVER] // self.months, return_counts=True)
        self._customers.update(dict(zip(found.tolist(), customers.tolist(), strict=True)))
        cohort = first[customer] // self.months
        period = np.maximum(months // self.months, cohort)
        codes, place = np.unique(cohort * _AGES + period - cohort, return_inverse=True)
        bought = converted > 0
        buyers = np.bincount(place[bought][_is_new(customer[bought], period[bought])])
        sums = (
            np.pad(buyers, (0, len(codes) - len(buyers))),
            _sums(converted, place, len(codes)),
            _sums(value // _PART, place, len(codes)),
            _sums(value % _PART, place, len(codes)),
        )
        columns = (codes.tolist(), *(each.tolist() for each in sums))
        for code, bought_in, conversions, high, low in zip(*columns, strict=True):
            age = self._ages[code]
            age[0] += bought_in
            age[1] += conversions
            age[2] += high * _PART + low

    def totals(self) -> list[CohortTotals]:
        """All cohorts, ascending."""
        ages: dict[int, dict[int, AgeSums]] = defaultdict(dict)
        for code, sums in self._ages.items():
            cohort, age = divmod(code, _AGES)
            ages[cohort][age] = AgeSums(*sums)
        last = max((cohort + max(found) for cohort, found in ages.items()), default=0)
        return [
            _cohort_totals(cohort, self._customers[cohort], ages[cohort], last)
            for cohort in sorted(ages)
        ]


def _cohort_totals(
    cohort: int, customers: int, ages: dict[int, AgeSums], last: int
) -> CohortTotals:
    listed = range(min(MOST_AGES, last - cohort + 1))
    return CohortTotals(
        period=cohort,
        customers=customers,
        revenue=sum(age.revenue for age in ages.values()),
        ages=[ages.get(age, AgeSums(0, 0, 0)) for age in listed],
    )


def _is_new(customer: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Of each row, whether it is the first of its customer and period."""
    is_new = np.ones(len(customer), bool)
    is_new[1:] = (customer[1:] != customer[:-1]) | (period[1:] != period[:-1])
    return is_new


def _sums(values: np.ndarray, place: np.ndarray, places: int) -> np.ndarray:
    sums = np.zeros(places, np.int64)
    np.add.at(sums, place, values)
    return sums


def _total(values: np.ndarray) -> int:
    return int((values // _PART).sum()) * _PART + int((values % _PART).sum())
