"""Calendar days in a time zone: which day a moment falls on, for one moment or for millions.

The rules are those of :mod:`zoneinfo`; they are tabulated once per zone, because asking it for each
of a million times would take minutes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from clv.domain.units import DAY_MS

# Times are from 1970 until now. Beyond the last year the last offset holds.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC)
_EPOCH = _FIRST
_MILLISECOND = timedelta(milliseconds=1)
# Changes of an offset are at least 6.9 days apart (Brazil, Palestine), so none is stepped over.
_STEP = timedelta(days=5)
# Names that tzdata lists beside the zones: a machine's own, and that of a new one.
_NO_ZONES = {"Factory", "localtime"}


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A time zone as a table of its changes.

    ``TimeZone("Europe/Berlin")`` has a day of 23 hours in March and one of 25 hours in October.

    :param name: of the IANA database, such as ``Europe/Berlin``
    :param changes_ms: when the offset changes, in milliseconds since 1970, ascending
    :param offsets_ms: the offset from UTC before the first change, and after each; one more
    """

    name: str
    changes_ms: np.ndarray = field(repr=False, compare=False)
    offsets_ms: np.ndarray = field(repr=False, compare=False)

    @property
    def is_utc(self) -> bool:
        """Whether local time always equals UTC."""
        return len(self.offsets_ms) == 1 and not self.offsets_ms[0]

    @property
    def local_changes_ms(self) -> np.ndarray:
        """From which local times on, written as if they were UTC, the offsets hold: for each change
        the later of the two that the clock shows then."""
        return self.changes_ms + np.maximum(self.offsets_ms[1:], self.offsets_ms[:-1])

    def offset_ms(self, ms: int) -> int:
        """Local time minus UTC at a moment."""
        return int(self.offsets_ms[np.searchsorted(self.changes_ms, ms, "right")])

    def day(self, ms: int) -> int:
        """The local calendar day of a moment, in days since 1970-01-01.

        2026-03-12T23:30:00Z is 2026-03-13 in Berlin: 20,525.
        """
        return ms // DAY_MS if self.is_utc else (ms + self.offset_ms(ms)) // DAY_MS

    def days(self, ms: np.ndarray) -> np.ndarray:
        """:meth:`day` of many moments."""
        if self.is_utc:
            return ms // DAY_MS
        return (ms + self.offsets_ms[np.searchsorted(self.changes_ms, ms, "right")]) // DAY_MS

    def start_ms(self, day: int) -> int:
        """The first moment of a local calendar day, given in days since 1970-01-01.

        The day that Samoa left out in 2011 begins with the next one.
        """
        start_ms = day * DAY_MS
        return start_ms if self.is_utc else int(self.to_utc(np.array([start_ms]))[0])

    def within(self, first_ms: int, last_ms: int) -> "TimeZone":
        """The zone without its changes before and after these moments: there, the offset next to
        them holds."""
        first, last = np.searchsorted(self.changes_ms, (first_ms, last_ms), "right").tolist()
        return TimeZone(self.name, self.changes_ms[first:last], self.offsets_ms[first : last + 1])

    def to_utc(self, local_ms: np.ndarray) -> np.ndarray:
        """The moments of local times, which are written as if they were UTC.

        A time that occurs twice, when clocks are set back, is the first of the two. One that does
        not occur, when they are set forward, is as much later: 02:30 becomes 03:30. (This is
        ``fold=0`` of PEP 495.)
        """
        index = np.searchsorted(self.local_changes_ms, local_ms, "right")
        return local_ms - self.offsets_ms[index]


UTC_ZONE = TimeZone("UTC", np.array([], np.int64), np.array([0]))


@lru_cache(maxsize=128)
def time_zone(name: str) -> TimeZone:
    """The zone with this name.

    :raises ValueError: when there is none
    """
    if name == UTC_ZONE.name:
        return UTC_ZONE
    if name not in time_zone_names():
        raise ValueError("Must be a time zone of the IANA database, such as Europe/Berlin.")
    zone = ZoneInfo(name)
    changes: list[int] = []
    offsets = [_offset_ms(zone, _FIRST)]
    moment = _FIRST
    while moment < _LAST:
        until = moment + _STEP
        if (offset := _offset_ms(zone, until)) != offsets[-1]:
            changes.append(_change_ms(zone, moment, until))
            offsets.append(offset)
        moment = until
    return TimeZone(name, np.array(changes, np.int64), np.array(offsets, np.int64))


@lru_cache(maxsize=1)
def time_zone_names() -> tuple[str, ...]:
    """The names of all zones, sorted."""
    return tuple(sorted(available_timezones() - _NO_ZONES))


def _offset_ms(zone: ZoneInfo, moment: datetime) -> int:
    return (moment.astimezone(zone).utcoffset() or timedelta()) // _MILLISECOND


def _change_ms(zone: ZoneInfo, before: datetime, after: datetime) -> int:
    """The first second at which the offset of ``after`` holds."""
    target = _offset_ms(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset_ms(zone, middle) == target:
            after = middle
        else:
            before = middle
    return (after - _EPOCH) // _MILLISECOND
