"""Times of day as files write them."""

import re
from decimal import ROUND_HALF_UP, Decimal

from clv.domain.units import DAY_MS, MINUTE_MS

_SECOND_MS = 1_000
# Fewer decimals are no time that was rounded, but one that has no more: 0.06 is 01:26:24.
_MIN_ROUNDED_DECIMALS = 4

# A time of day at the beginning of what comes behind a date.
CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AP]\.?M\b\.?)?(?: Uhr\b)?"
_PARTS = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([AP])\.?M\.?)?(?: Uhr)?",
    re.IGNORECASE,
)


def clock_ms(text: str) -> int:
    """Milliseconds since midnight; fractions below are cut off. ``2:30 PM`` is 52,200,000.

    :raises ValueError: with what would be right
    """
    match = _PARTS.fullmatch(text)
    if match is None:
        raise ValueError("Must be a time of day such as 14:30:00 or 2:30 PM")
    hours, minutes, seconds, fraction, half = match.groups("")
    hour, minute, second = _hour(int(hours), half.upper()), int(minutes), int(seconds or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("Must be a time of day from 00:00:00 to 23:59:59")
    return ((hour * 60 + minute) * 60 + second) * 1000 + int(fraction[:3].ljust(3, "0"))


def day_fraction_ms(digits: str) -> int:
    """Milliseconds since midnight of a spreadsheet's fraction of a day, given by its decimals.

    It is the whole minute, or else the whole second, that was rounded to these decimals, if there
    is one: 958333 is 23:00:00, not 22:59:59.971, and 3847454 is 09:14:02.
    """
    exact = Decimal(f"0.{digits}") * DAY_MS
    if exact % _SECOND_MS and len(digits) >= _MIN_ROUNDED_DECIMALS:
        # Half of the last decimal, which is as far as rounding can have moved it.
        error = Decimal(DAY_MS) / 2 / 10 ** len(digits)
        for unit in (MINUTE_MS, _SECOND_MS):
            whole = (exact / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit
            if abs(whole - exact) <= error and whole < DAY_MS:
                return int(whole)
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def _hour(hour: int, half: str) -> int:
    """The hour of a clock of 24 hours, ``half`` being A, P or empty.

    Magento writes a clock of 24 hours with AM and PM: 15:14:02 PM, 00:30:00 AM. There AM goes with
    the hours 0 to 11 and PM with 12 to 23, so no time is two in the two clocks: 2:30 PM and 12:10
    AM can only be of 12 hours, 15:14 PM and 00:30 AM only of 24.
    """
    if half == "A" and hour > 12 or half == "P" and hour == 0:
        raise ValueError("Must be a time of day whose hour goes with its AM or PM")
    if half == "A" and hour == 12:
        return 0
    return hour + 12 if half == "P" and hour < 12 else hour
