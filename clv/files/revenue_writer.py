"""Writes the revenue of periods as CSV. Amounts and shares are unrounded."""

from collections.abc import Iterable

from clv.domain.calendar import key_of
from clv.domain.revenue import Figures, Period
from clv.domain.units import AMOUNT_SCALE
from clv.files.text import csv_lines, money

_FIGURES = (
    "revenue",
    "conversions",
    "customers",
    "newBuyers",
    "returningShare",
    "averageConversionValue",
)
# Append only: clients may read the columns by position.
COLUMNS = (
    "period",
    "firstDay",
    "lastDay",
    "complete",
    *_FIGURES,
    *(f"previous{name[0].upper()}{name[1:]}" for name in _FIGURES),
)


def write(periods: Iterable[Period]) -> str:
    """The text of a file. What is not known is an empty cell."""
    return csv_lines([COLUMNS, *map(_cells, periods)])


def _cells(period: Period) -> tuple[str, ...]:
    return (
        period.key,
        key_of(period.first_day),
        key_of(period.last_day),
        "true" if period.complete else "false",
        *_cells_of(period.figures),
        *_cells_of(period.previous),
    )


def _cells_of(figures: Figures | None) -> tuple[str, ...]:
    if figures is None:
        return ("",) * len(_FIGURES)
    share, average = figures.returning_share, figures.average_conversion_value
    return (
        money(figures.revenue),
        str(figures.conversions),
        "" if figures.customers is None else str(figures.customers),
        str(figures.new_buyers),
        "" if share is None else repr(share),
        "" if average is None else repr(float(average / AMOUNT_SCALE)),
    )
