"""Cohorts: customers by the month or quarter of their first conversion, and what they brought.

Pure. Money is in 1/10,000. A period is a number: of the month or quarter since the year 0, so that
2026-03 is 24,314 as a month and 8,104 as a quarter. An age is how many periods came after the one
of the first conversion.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from clv.domain.calendar import YEAR_MONTHS
from clv.domain.stored import restored

# How many months a period of each granularity has.
GRANULARITIES = {"month": 1, "quarter": 3}
# The latest cohorts and the first ages; what is beyond them is only added up.
MOST_COHORTS = MOST_AGES = 36


class AgeSums(NamedTuple):
    """What the customers of a cohort did in one period.

    :param buyers: those with a conversion in it
    :param revenue: net of corrections
    """

    buyers: int
    conversions: int
    revenue: int


@dataclass(frozen=True, slots=True)
class CohortTotals:
    """The customers whose first conversion was in one period.

    :param revenue: to date, also of periods that are not listed
    :param ages: from 0 on, at most 36; the last one is of the last period with a conversion or
        with revenue of anybody
    """

    period: int
    customers: int
    revenue: int
    ages: list[AgeSums]


@dataclass(frozen=True, slots=True)
class Earlier:
    """The cohorts before the listed ones, all together; revenue is to date."""

    cohorts: int
    customers: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Sums:
    """A tenant's cohorts by one granularity, as a full run stores them. All revenue is that of the
    cohorts, of the earlier ones, and that of customers without any conversion.

    :param data_updated_ms: when the data had last changed, as far as it was known
    :param current: the period that had not ended yet when the data last changed before the run
    :param cohorts: the latest that have customers, at most 36, ascending
    :param unconverted_revenue: of customers without any conversion: corrections, and interactions
        with a value
    """

    granularity: str
    as_of_ms: int
    data_updated_ms: int | None
    time_zone: str
    current: int
    cohorts: list[CohortTotals]
    earlier: Earlier
    unconverted_revenue: int


@dataclass(frozen=True, slots=True)
class CohortAge:
    """What the customers of a cohort did in a period that has ended.

    :param share: of the cohort's customers, those who bought in it
    :param cumulative_revenue_per_customer: of all ages until this one
    :param cumulative_margin_per_customer: the same, times the gross margin
    """

    age: int
    buyers: int
    share: float
    conversions: int
    revenue: int
    cumulative_conversions_per_customer: float
    cumulative_revenue_per_customer: Decimal
    cumulative_margin_per_customer: Decimal


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort as it is shown.

    :param cohort: its period, such as ``2026-03`` or ``2026-Q1``
    :param complete: its own period has ended: nobody joins it any more
    :param payback_age: the first age at which the cumulative margin is at least the acquisition
        cost; None if it was not yet, or without such a cost
    :param ages: None for a period that has not ended
    """

    cohort: str
    customers: int
    complete: bool
    revenue: int
    payback_age: int | None
    ages: list[CohortAge | None]


def period_text(granularity: str, period: int) -> str:
    """How a period is written: the month 24,314 is ``2026-03``, the quarter 8,104 ``2026-Q1``."""
    year, part = divmod(period, YEAR_MONTHS // GRANULARITIES[granularity])
    return f"{year:04}-{part + 1:02}" if granularity == "month" else f"{year:04}-Q{part + 1}"


def cohorts(sums: Sums, gross_margin: float, acquisition_cost: int | None) -> list[Cohort]:
    """The cohorts with shares, amounts a customer, and payback.

    A cohort of 2 customers that brought 30 at age 0 and 10 at age 1, with a gross margin of 0.5 and
    an acquisition cost of 10: cumulative margins a customer of 7.50 and 10, so it is paid back at
    age 1.

    :param gross_margin: the share of the revenue that is margin, 0 to 1
    :param acquisition_cost: of a customer, in 1/10,000
    """
    # As it was written: 0.1 is a tenth.
    margin = Decimal(repr(gross_margin))
    return [_cohort(sums, totals, margin, acquisition_cost) for totals in sums.cohorts]


def to_json(sums: Sums) -> str:
    """Sums as they are stored."""
    return json.dumps(asdict(sums))


def from_json(text: str) -> Sums:
    """The inverse of :func:`to_json`."""
    stored = json.loads(text)
    return restored(
        Sums,
        {
            **stored,
            "cohorts": [_totals(one) for one in stored["cohorts"]],
            "earlier": restored(Earlier, stored["earlier"]),
        },
    )


def _totals(stored: Mapping) -> CohortTotals:
    return restored(CohortTotals, {**stored, "ages": [AgeSums(*age) for age in stored["ages"]]})


def _cohort(sums: Sums, totals: CohortTotals, margin: Decimal, cost: int | None) -> Cohort:
    ended = totals.ages[: max(0, sums.current - totals.period)]
    revenues = list(accumulate(age.revenue for age in ended))
    unended: list[CohortAge | None] = [None] * (len(totals.ages) - len(ended))
    return Cohort(
        cohort=period_text(sums.granularity, totals.period),
        customers=totals.customers,
        complete=totals.period < sums.current,
        revenue=totals.revenue,
        payback_age=_payback_age(revenues, totals.customers, margin, cost),
        ages=_ages(ended, revenues, totals.customers, margin) + unended,
    )


def _payback_age(
    revenues: Sequence[int], customers: int, margin: Decimal, cost: int | None
) -> int | None:
    if cost is None:
        return None
    # Compared without a division, which would round.
    paid = (age for age, revenue in enumerate(revenues) if margin * revenue >= cost * customers)
    return next(paid, None)


def _ages(
    ended: Sequence[AgeSums], revenues: Sequence[int], customers: int, margin: Decimal
) -> list[CohortAge | None]:
    conversions = accumulate(age.conversions for age in ended)
    return [
        CohortAge(
            age=age,
            buyers=sums.buyers,
            share=sums.buyers / customers,
            conversions=sums.conversions,
            revenue=sums.revenue,
            cumulative_conversions_per_customer=converted / customers,
            cumulative_revenue_per_customer=Decimal(revenue) / customers,
            cumulative_margin_per_customer=margin * revenue / customers,
        )
        for age, (sums, converted, revenue) in enumerate(
            zip(ended, conversions, revenues, strict=True)
        )
    ]
