"""What a tenant's customers brought in each day, week or month, from the sums kept of each period.

Amounts are integers of 1/10,000, net of corrections; days are numbered since 1970.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from clv.domain import periods
from clv.domain.periods import DAY, MONTH, WEEK

# So many periods are shown unless the caller says from when to when.
SHOWN = {DAY: 30, WEEK: 26, MONTH: 24}


class PeriodSums(NamedTuple):
    """The sums of all summaries of one period.

    :param first_day: of the period
    :param revenue: net of corrections, in 1/10,000
    :param customers: who bought in the period
    :param week_customers: of a day: those for whom it is the first of its week on which they
        bought, so that the days of a week add up to its buyers
    :param month_customers: likewise, of its month
    :param new_buyers: those who never bought before
    """

    first_day: int
    revenue: int
    conversions: int
    customers: int
    week_customers: int
    month_customers: int
    new_buyers: int


class Figures(NamedTuple):
    """What customers brought in some time.

    :param customers: who bought; None if that is not known
    """

    revenue: int = 0
    conversions: int = 0
    customers: int | None = 0
    new_buyers: int = 0

    @property
    def returning_share(self) -> float | None:
        """The share of the buyers who had bought before: with 4 buyers, one of them new, 0.75. None
        without buyers, or if their number is not known."""
        if not self.customers:
            return None
        return (self.customers - self.new_buyers) / self.customers

    @property
    def average_conversion_value(self) -> Decimal | None:
        """Revenue by conversion, in 1/10,000; corrections lower it. None without conversions."""
        return Decimal(self.revenue) / self.conversions if self.conversions else None


class Period(NamedTuple):
    """A period with its figures.

    :param complete: whether it is over
    :param previous: the figures of the period before; None while this one is not over, and if
        there are no data of the time before
    """

    key: str
    first_day: int
    last_day: int
    complete: bool
    figures: Figures
    previous: Figures | None


ByFirstDay = Mapping[int, Figures]
_NONE = Figures()


def known_days(sums: Sequence[PeriodSums], own_kind: str) -> tuple[int, int] | None:
    """From which day to which there are data; None without any.

    :param sums: in order of time
    :param own_kind: what their periods are
    """
    if not sums:
        return None
    return sums[0].first_day, periods.last_day(own_kind, sums[-1].first_day)


def days_shown(
    kind: str, start: int | None, end: int | None, known: tuple[int, int] | None, today: int
) -> tuple[int, int] | None:
    """From which day to which periods are shown: whole periods, and none that has not begun.

    :param start: a day of the first period; None: so many periods as are shown, but none of before
        the data
    :param end: a day of the last period; None: where the data end, or today ends them
    :param known: from which day to which there are data
    :returns: None without data if the caller does not say when
    """
    if known is None and start is None and end is None:
        return None
    data_start, data_end = known or (today, today)
    if end is None:
        end = min(today, data_end)
        if start is not None and start > end:
            end = today
    end = min(end, max(today, data_end))
    if start is None:
        start = periods.before(kind, end, SHOWN[kind] - 1)
        if start < data_start <= end and known is not None:
            start = data_start
    return periods.first_day(kind, start), periods.last_day(kind, periods.first_day(kind, end))


def by_first_day(sums: Sequence[PeriodSums], own_kind: str, kind: str) -> ByFirstDay:
    """The figures of each period that has any, by its first day.

    :param own_kind: what the periods of the sums are
    :param kind: what they are added up by
    """
    figures: dict[int, Figures] = {}
    for each in sums:
        first = periods.first_day(kind, each.first_day)
        known = figures.get(first, _NONE)
        figures[first] = Figures(
            known.revenue + each.revenue,
            known.conversions + each.conversions,
            (known.customers or 0) + _buyers(each, own_kind, kind),
            known.new_buyers + each.new_buyers,
        )
    return figures


def period(
    figures: ByFirstDay, kind: str, first: int, known: tuple[int, int] | None, today: int
) -> Period:
    """The period with this first day, and the figures of the one before."""
    last = periods.last_day(kind, first)
    complete = periods.is_complete(kind, first, today)
    previous = None
    if complete and known is not None and first > known[0]:
        previous = figures.get(periods.before(kind, first), _NONE)
    key = periods.key(kind, first)
    return Period(key, first, last, complete, figures.get(first, _NONE), previous)


def total(sums: Sequence[PeriodSums], own_kind: str, start: int, end: int) -> Figures:
    """The figures from one day to another, whole periods. The buyers are known of one period, and
    if nobody bought before: else some of them may have bought in several of the periods."""
    revenue = conversions = new_buyers = earlier = 0
    for each in sums:
        if each.first_day < start:
            earlier += each.new_buyers
        elif each.first_day <= end:
            revenue += each.revenue
            conversions += each.conversions
            new_buyers += each.new_buyers
    customers = _buyers_of_one(sums, own_kind, start, end)
    if customers is None and not earlier:
        customers = new_buyers
    return Figures(revenue, conversions, customers, new_buyers)


def _buyers_of_one(sums: Sequence[PeriodSums], own_kind: str, start: int, end: int) -> int | None:
    """The buyers from one day to another if these are a single period of any kind."""
    for kind in periods.ADDED_UP_BY[own_kind]:
        if periods.first_day(kind, start) == start and periods.last_day(kind, start) == end:
            return by_first_day(sums, own_kind, kind).get(start, _NONE).customers
    return None


def _buyers(sums: PeriodSums, own_kind: str, kind: str) -> int:
    if own_kind == kind:
        return sums.customers
    return sums.week_customers if kind == WEEK else sums.month_customers
