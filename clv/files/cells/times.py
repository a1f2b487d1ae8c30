"""Times as files write them: dates, clocks, offsets, Unix time, serial numbers of spreadsheets."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from clv.domain.time_zone import TimeZone
from clv.domain.units import DAY_MS
from clv.files.cells.bad_value import BadValue
from clv.files.cells.clocks import CLOCK, clock_ms, day_fraction_ms
from clv.files.cells.dates import MAX_TIME_LENGTH, date_of
from clv.files.cells.time_columns import common_times
from clv.files.cells.zones import zone_named

_CACHED_CELLS = 8_192
_FIRST_DAY = date(1970, 1, 1).toordinal()
# The day 0 of spreadsheets is 1899-12-30.
_SERIAL_OF_1970 = 25_569

# A date, and behind it perhaps a clock, and behind that perhaps a zone.
_TIME = re.compile(rf"(.+?)(?:(?:T|,? at |, ?| )({CLOCK}) ?(.*))?", re.IGNORECASE)
_CLOCK_AND_ZONE = re.compile(rf"({CLOCK}) ?(.*)", re.IGNORECASE)
_COMPACT = re.compile(r"([0-9]{8})T?([0-9]{2})([0-9]{2})([0-9]{2})(Z|[-+ ].*)?")
_SERIAL = re.compile(r"([0-9]{5})(?:[.,]([0-9]+))?")
_DAY_FRACTION = re.compile(r"0?[.,]([0-9]+)|0")
# Seconds, perhaps with decimals; milliseconds; microseconds.
_UNIX = re.compile(r"([0-9]{10})(?:\.([0-9]+))?|([0-9]{13})|([0-9]{16})")


class _Written(NamedTuple):
    """What a cell says: a day since 1970, milliseconds since midnight, a zone."""

    day: int
    clock_ms: int | None
    zone: str = ""


class TimeReader:
    """Reads the times of one file."""

    def __init__(
        self, order: str | None, zone: TimeZone, days_zone: TimeZone, latest_ms: int
    ) -> None:
        """
        :param order: of day, month and year in numeric dates; None if there are none
        :param zone: of times without an offset
        :param days_zone: of days without a time, which mean the first moment of the day
        :param latest_ms: anything later is in the future, and refused
        """
        self._order, self._zone, self._days_zone = order, zone, days_zone
        self._latest_ms = latest_ms
        self._this_year = datetime.fromtimestamp(latest_ms / 1000, UTC).year
        self._cached_time = lru_cache(_CACHED_CELLS)(self._time)

    def time(self, cell: str, clock: str = "", zone: str = "") -> int:
        """A moment in milliseconds since 1970.

        :param clock: the time of day, if the cell has none
        :param zone: the zone, if neither of them has one
        :raises ValueError: if it is no time, before 1970 or in the future
        """
        if len(cell) + len(clock) + len(zone) > MAX_TIME_LENGTH:
            cell, clock, zone = (text.strip() for text in (cell, clock, zone))
            if len(cell) + len(clock) + len(zone) > MAX_TIME_LENGTH:
                raise BadValue("Must be a time such as 2026-03-12 09:14, or a date", cell)
        return self._cached_time(cell, clock, zone)

    def times(self, cells: Sequence[str]) -> list[int]:
        """:meth:`time` of many cells: many times as fast if all have the same common form."""
        times = common_times(cells, self._order, self._zone, self._days_zone)
        if times is not None and times.min() >= 0 and times.max() <= self._latest_ms:
            return times.tolist()
        return [self.time(cell) for cell in cells]

    def _time(self, cell: str, clock: str, zone: str) -> int:
        # No-break spaces come before AM and PM.
        texts = (" ".join(text.split()) for text in (cell, clock, zone))
        try:
            ms = self._moment(*texts)
            if ms < 0:
                raise ValueError("Must not be before 1970")
            if ms > self._latest_ms:
                raise ValueError("Must not be in the future")
        except BadValue:
            raise
        except ValueError as error:
            raise BadValue(str(error), f"{cell} {clock}".strip()) from None
        return ms

    def _moment(self, cell: str, clock: str, zone: str) -> int:
        if match := _UNIX.fullmatch(cell):
            return _unix_ms(match)
        written = self._written(cell)
        # Where the clock is a column of its own, some programs write midnight behind the date.
        if clock and not written.clock_ms and not written.zone:
            written = _with_clock(written, clock)
        if written.clock_ms is None:
            return self._days_zone.start_ms(written.day)
        name = written.zone or zone
        local_ms = np.array([written.day * DAY_MS + written.clock_ms])
        return int((zone_named(name) if name else self._zone).to_utc(local_ms)[0])

    def _written(self, cell: str) -> _Written:
        if match := _SERIAL.fullmatch(cell):
            fraction = (match[2] or "").rstrip("0")
            ms = day_fraction_ms(fraction) if fraction else None
            return _Written(int(match[1]) - _SERIAL_OF_1970, ms)
        if match := _COMPACT.fullmatch(cell):
            day, clock, zone = match[1], ":".join(match.group(2, 3, 4)), match[5]
        elif match := _TIME.fullmatch(cell):
            day, clock, zone = match.groups()
        else:
            raise ValueError("Must be a time such as 2026-03-12 09:14, or a date")
        ordinal = date_of(day, self._order, self._this_year).toordinal()
        return _Written(ordinal - _FIRST_DAY, clock_ms(clock) if clock else None, zone or "")


def _unix_ms(match: re.Match[str]) -> int:
    seconds, fraction, milliseconds, microseconds = match.groups("")
    if seconds:
        return int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))
    return int(milliseconds) if milliseconds else int(microseconds) // 1000


def _with_clock(written: _Written, text: str) -> _Written:
    if match := _DAY_FRACTION.fullmatch(text):
        return _Written(written.day, day_fraction_ms(match[1] or "0"))
    match = _CLOCK_AND_ZONE.fullmatch(text)
    if match is None:
        return _Written(written.day, clock_ms(text))
    return _Written(written.day, clock_ms(match[1]), match[2])
