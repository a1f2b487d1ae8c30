"""Writes cohorts as CSV: a line for each age of each cohort. Numbers are unrounded, as in all
files; what is not known is empty."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from clv.domain.cohorts import Cohort, CohortAge
from clv.domain.units import AMOUNT_SCALE
from clv.files.text import csv_lines, money

# Append only: clients may read the columns by position.
COLUMNS = (
    "cohort",
    "customers",
    "complete",
    "paybackAge",
    "age",
    "buyers",
    "share",
    "conversions",
    "revenue",
    "cumulativeConversionsPerCustomer",
    "cumulativeRevenuePerCustomer",
    "cumulativeMarginPerCustomer",
)
_UNKNOWN = ("",) * (len(COLUMNS) - COLUMNS.index("buyers"))


def write(cohorts: Sequence[Cohort]) -> Iterator[str]:
    """The text of a file, in one piece; without cohorts it is the header."""
    yield csv_lines([COLUMNS, *(line for cohort in cohorts for line in _lines(cohort))])


def _lines(cohort: Cohort) -> Iterator[tuple[str, ...]]:
    payback = "" if cohort.payback_age is None else str(cohort.payback_age)
    complete = "true" if cohort.complete else "false"
    for number, age in enumerate(cohort.ages):
        cells = _UNKNOWN if age is None else _cells(age)
        yield cohort.cohort, str(cohort.customers), complete, payback, str(number), *cells


def _cells(age: CohortAge) -> tuple[str, ...]:
    return (
        str(age.buyers),
        repr(age.share),
        str(age.conversions),
        money(age.revenue),
        repr(age.cumulative_conversions_per_customer),
        _mean(age.cumulative_revenue_per_customer),
        _mean(age.cumulative_margin_per_customer),
    )


def _mean(amount: Decimal) -> str:
    """An amount a customer, in the tenant's currency."""
    return repr(float(amount / AMOUNT_SCALE) + 0.0)
