"""Periods of the calendar: days, ISO weeks and months, each known by its first day.

Days are numbered since 1970, as in :mod:`clv.domain.calendar`. The week ``2026-W18`` is known by
Monday, 2026-04-27: 20,570.
"""

import re
from calendar import monthrange
from datetime import date, timedelta

from clv.domain.calendar import day_of, key_of

DAY, WEEK, MONTH = "day", "week", "month"
KINDS = (DAY, WEEK, MONTH)
EXAMPLES = {DAY: "2026-04-30", WEEK: "2026-W18", MONTH: "2026-04"}
# A period kind for each type of summaries; those of all time tell nothing of periods.
KIND_OF_TYPE = {"daily": DAY, "weekly": WEEK, "monthly": MONTH}
# What each can be added up by. A week may lie in two months.
ADDED_UP_BY = {DAY: (DAY, WEEK, MONTH), WEEK: (WEEK,), MONTH: (MONTH,)}
_WEEK_KEY = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_MONTH_KEY = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_EPOCH = date(1970, 1, 1)
_LAST_DAY = (date.max - _EPOCH).days


def first_day(kind: str, day: int) -> int:
    """The first day of the period that a day is in.

    Of 2026-04-30, a Thursday, it is that day, 2026-04-27 by week, and 2026-04-01 by month.
    """
    if kind == DAY:
        return day
    moment = _date(day)
    if kind == WEEK:
        return day - moment.weekday()
    return day - moment.day + 1


def last_day(kind: str, first: int) -> int:
    """The last day of the period with this first day; the next period begins after it."""
    if kind == DAY:
        return first
    if kind == WEEK:
        return min(first + 6, _LAST_DAY)
    moment = _date(first)
    return first + monthrange(moment.year, moment.month)[1] - 1


def before(kind: str, first: int, count: int = 1) -> int:
    """The first day of the period so many before the one with this first day, or with any day."""
    first = first_day(kind, first)
    for _ in range(count):
        first = first_day(kind, first - 1)
    return first


def key(kind: str, first: int) -> str:
    """How a period is written: ``2026-04-30``, ``2026-W18`` or ``2026-04``."""
    if kind == DAY:
        return key_of(first)
    moment = _date(first)
    if kind == MONTH:
        return f"{moment.year:04}-{moment.month:02}"
    # The year of a week is that of its Thursday: 2026-W53 ends on 2027-01-03.
    year, week, _ = moment.isocalendar()
    return f"{year:04}-W{week:02}"


def span(text: str) -> tuple[int, int]:
    """The first and the last day of a period of any kind: ``2026-W18`` is 20,570 to 20,576.

    :raises ValueError: when it is no period, or ends before 1970
    """
    try:
        kind, first = _read(text)
        last = last_day(kind, first)
    except ValueError:
        examples = ", ".join(EXAMPLES.values())
        raise ValueError(f"Must be a day, a week or a month, such as {examples}.") from None
    if last < 0:
        raise ValueError("Must not be before 1970.")
    return first, last


def first_day_of(text: str) -> int:
    """The first day of a period of any kind: of ``2026-W18`` it is 20,570.

    :raises ValueError: when it is no period
    """
    return _read(text)[1]


def firsts(kind: str, day: int, until_day: int, most: int) -> list[int]:
    """The first days of the periods from that of one day to that of another, in order; not more
    than so many."""
    found: list[int] = []
    first = first_day(kind, day)
    while first <= until_day and len(found) < most:
        found.append(first)
        first = last_day(kind, first) + 1
    return found


def is_complete(kind: str, first: int, today: int) -> bool:
    """Whether a period is over. That of today is not."""
    return last_day(kind, first) < today


def _read(text: str) -> tuple[str, int]:
    if (day := day_of(text)) is not None:
        return DAY, day
    if week := _WEEK_KEY.fullmatch(text):
        return WEEK, _day(date.fromisocalendar(int(week[1]), int(week[2]), 1))
    if month := _MONTH_KEY.fullmatch(text):
        return MONTH, _day(date(int(month[1]), int(month[2]), 1))
    raise ValueError


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _day(moment: date) -> int:
    return (moment - _EPOCH).days
