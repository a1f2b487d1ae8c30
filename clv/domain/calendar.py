"""Times, periods and days: how they are written, and which are valid.

Times are milliseconds since 1970-01-01 UTC. A period is a day (``2026-04-30``), an ISO week
(``2026-W18``), a month (``2026-04``) or all time (``alltime``). As in :mod:`clv.domain.values`,
what is not valid raises ``ValueError`` with a message that says what would be.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from clv.domain.time_zone import UTC_ZONE, TimeZone
from clv.domain.values import text

# Clocks differ a little: a contact further ahead than this is an error.
FUTURE_TOLERANCE_MS = 5 * 60_000
# 9999-12-31T23:59:59.999Z
LAST_MS = 253_402_300_799_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}(?::?\d{2})?| UTC))?",
    re.ASCII,
)
# The common forms of a time, with 0 for every digit.
_COMMON_FORMS = {"0000-00-00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z"}
_COMMON_FORMS |= {form.replace("T", " ") for form in _COMMON_FORMS}
_DIGITS_TO_0 = str.maketrans("123456789", "000000000")

PERIOD_TYPES = ("daily", "weekly", "monthly", "alltime")
# The Monday of the week that 1970-01-01 is in.
FIRST_WEEK = date(1969, 12, 29)
DAILY_KEY_LENGTH = len("2026-04-30")
_PERIOD_FORMS = {
    "daily": (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "2026-04-30"),
    "weekly": (re.compile(r"\d{4}-W\d{2}", re.ASCII), "2026-W18"),
    "monthly": (re.compile(r"\d{4}-\d{2}", re.ASCII), "2026-04"),
    "alltime": (re.compile(r"alltime"), "alltime"),
}
_OF_A_MONTH = re.compile(r"\d{4}-\d{2}(-\d{2})?", re.ASCII)
YEAR_MONTHS = 12
_FIRST_DAY = date(1970, 1, 1).toordinal()
# A daily key and the comma behind it; and the days from 0000-03-01 to 1970-01-01.
_KEY_STEP = DAILY_KEY_LENGTH + 1
_MARCH_0 = 719_468


def time_ms(value: Any, latest_ms: int = LAST_MS) -> int:
    """Parse a time: ISO 8601 with a UTC offset, or a bare date, which means 00:00 UTC.

    The separator is ``T`` or a space; the offset is ``Z``, ``+00``, ``+0000``, ``+00:00`` or
    `` UTC``. Fractions below a millisecond are cut off. ``2026-04-30T09:15:00Z`` is
    1,777,540,500,000.

    :param latest_ms: anything later is in the future, and refused
    """
    match = _TIME.fullmatch(text(value))
    if not match:
        raise ValueError(
            "Must be a time with its UTC offset, such as 2026-04-30T09:15:00Z, or a date."
        )
    milliseconds = _milliseconds(*match.groups())
    if milliseconds < 0:
        raise ValueError("Must not be before 1970.")
    if milliseconds > latest_ms:
        raise ValueError("Must not be in the future.")
    return milliseconds


def times_ms(texts: Sequence[str], latest_ms: int) -> list[int]:
    """:func:`time_ms` of many texts, such as a column of a file: about ten times as fast if all are
    valid and have the same common form."""
    times = _common_times_ms(texts)
    if times is not None and times.min() >= 0 and times.max() <= latest_ms:
        return times.tolist()
    return [time_ms(value, latest_ms) for value in texts]


def latest_ms(now_seconds: float) -> int:
    """The latest contact that is accepted at this time.

    :param now_seconds: seconds since 1970
    """
    return int(now_seconds * 1000) + FUTURE_TOLERANCE_MS


def iso(ms: int | None) -> str | None:
    """A time as it is shown: ``2026-04-03T10:30:00.000Z``."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def period_type(value: Any) -> str:
    """One of the four period types."""
    if value not in PERIOD_TYPES:
        raise ValueError(f"Must be one of: {', '.join(PERIOD_TYPES)}.")
    return value


def period_start_ms(period_type: str, period_key: str, zone: TimeZone = UTC_ZONE) -> int:
    """The first moment of a period in a time zone; 0 for ``alltime``, and for what begins before
    1970 UTC and does not end there.

    Week ``2026-W18`` begins on Monday, 2026-04-27: 1,777,248,000,000 in UTC, and 2 hours earlier in
    Berlin.
    """
    form, example = _PERIOD_FORMS[period_type]
    if not form.fullmatch(period_key):
        raise ValueError(f"Must look like {example} for a {period_type} row.")
    if period_type == "alltime":
        return 0
    try:
        first = _first_date(period_type, period_key)
    except ValueError:
        raise ValueError(f"Must be a period of the calendar, such as {example}.") from None
    day = first.toordinal() - _FIRST_DAY
    if day < 0 and (period_type != "weekly" or first < FIRST_WEEK):
        raise ValueError("Must not be before 1970.")
    return max(0, zone.start_ms(day))


def first_contact_ms(period_type: str, start_ms: int, last_ms: int, first_ms: int | None) -> int:
    """The first contact of an interaction summary.

    :param start_ms: beginning of the period
    :param last_ms: last contact
    :param first_ms: as given; None means the earlier of the other two
    """
    if first_ms is None:
        if period_type == "alltime":
            raise ValueError("Is required for an alltime row.")
        return min(start_ms, last_ms)
    if first_ms > last_ms:
        raise ValueError("Must not be after lastContactAt.")
    return first_ms


@lru_cache(maxsize=16_384)
def day_of(key: str | None) -> int | None:
    """The day of a daily period key, in days since 1970: ``2026-04-30`` is 20,573.

    None for any other key: the period type may change in the middle of a run.
    """
    # Only daily keys have this length, and fromisoformat() would accept a week, too.
    if key is None or len(key) != DAILY_KEY_LENGTH:
        return None
    try:
        return date.fromisoformat(key).toordinal() - _FIRST_DAY
    except ValueError:
        return None


@lru_cache(maxsize=16_384)
def month_of(key: str) -> int | None:
    """The month of a daily or monthly period key, in months since the year 0: ``2026-04-30`` and
    ``2026-04`` are 24,315. None for any other key."""
    if not _OF_A_MONTH.fullmatch(key):
        return None
    return int(key[:4]) * YEAR_MONTHS + int(key[5:7]) - 1


def days_of(keys: str) -> np.ndarray:
    """:func:`day_of` of many daily keys, joined by commas; -1 for one that is not valid.

    The days of the civil calendar by arithmetic (Hinnant 2021, chrono-Compatible Low-Level Date
    Algorithms): all at once, in a thirtieth of the time.
    """
    codes = np.frombuffer(f"{keys},".encode(errors="replace"), np.uint8)
    digits = codes.astype(np.int64) - ord("0")
    if len(codes) % _KEY_STEP or not _are_daily(digits.reshape(-1, _KEY_STEP)):
        days = map(day_of, keys.split(","))
        return np.array([-1 if day is None else day for day in days], dtype=np.int64)
    rows = digits.reshape(-1, _KEY_STEP)
    year = rows[:, 0] * 1000 + rows[:, 1] * 100 + rows[:, 2] * 10 + rows[:, 3]
    month, day = rows[:, 5] * 10 + rows[:, 6], rows[:, 8] * 10 + rows[:, 9]
    # A year that begins in March, so that a leap day is its last.
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - _MARCH_0


def _are_daily(digits: np.ndarray) -> bool:
    """Whether each row of digits, with commas, is a year, a month and a day."""
    numbers = digits[:, (0, 1, 2, 3, 5, 6, 8, 9)]
    month, day = digits[:, 5] * 10 + digits[:, 6], digits[:, 8] * 10 + digits[:, 9]
    return bool(
        ((numbers >= 0) & (numbers <= 9)).all()
        and (digits[:, (4, 7)] == ord("-") - ord("0")).all()
        and (digits[:, 10] == ord(",") - ord("0")).all()
        and ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all()
    )


def key_of(day: int) -> str:
    """The inverse of :func:`day_of`."""
    return date.fromordinal(day + _FIRST_DAY).isoformat()


def _milliseconds(day: str, clock: str | None, zone: str | None) -> int:
    zone = "+00:00" if zone in (None, "Z", " UTC") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}")
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise ValueError("Must be a real date and time.") from None


def _common_times_ms(texts: Sequence[str]) -> np.ndarray | None:
    """The times if all have the same common form, else None."""
    form = texts[0].translate(_DIGITS_TO_0) if texts else ""
    codes = np.frombuffer("".join(texts).encode(errors="replace"), np.uint8)
    if form not in _COMMON_FORMS or len(codes) != len(texts) * len(form):
        return None
    # One text per row: each character must be that of the form, or a digit in place of a 0.
    codes = codes.reshape(len(texts), len(form))
    lowest = np.frombuffer(form.encode(), np.uint8)
    if (codes < lowest).any() or (codes > lowest + 9 * (lowest == ord("0"))).any():
        return None
    try:
        # NumPy assumes UTC, and does not accept a Z.
        times = codes.view(f"S{len(form)}")[:, 0].astype(f"S{len(form.rstrip('Z'))}")
        return times.astype("M8[ms]").astype(np.int64)
    except ValueError:
        return None


def _first_date(period_type: str, period_key: str) -> date:
    if period_type == "weekly":
        return date.fromisocalendar(int(period_key[:4]), int(period_key[6:]), 1)
    return date.fromisoformat(f"{period_key}-01"[:10])
