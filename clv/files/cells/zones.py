"""Time zones as files name them."""

import re
from functools import lru_cache

import numpy as np

from clv.domain.time_zone import TimeZone, time_zone
from clv.domain.units import HOUR_MS, MINUTE_MS
from clv.files.cells.bad_value import BadValue
from clv.files.cells.zone_names import HOURS_OF_ABBREVIATION, ZONE_OF_RAILS_NAME

_MAX_OFFSET_MS = 14 * HOUR_MS
_MAX_LENGTH = 64
_OFFSET = re.compile(r"(?:UTC|GMT)?([-+\u2212])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
# What stands around a name: (GMT-05:00) Eastern Time (US & Canada), or +0100 (CET).
_OFFSET_IN_FRONT = re.compile(r"\((?:GMT|UTC)[-+][0-9]{2}:[0-9]{2}\) *")
_NAME_BEHIND_OFFSET = re.compile(r"(?<=[0-9]) *\([^()]*\)$")


def zone_named(text: str) -> TimeZone:
    """The zone that a text names: ``Europe/Berlin``, ``CET``, ``Eastern Time (US & Canada)``,
    ``+01:00``.

    An abbreviation or an offset is a zone without daylight saving.

    :raises ValueError: if it names none
    """
    name = text.strip()
    if not 0 < len(name) <= _MAX_LENGTH:
        raise _no_zone(text)
    return _zone_named(name)


# As many as there are names, for a zone takes a tenth of a second.
@lru_cache(1_024)
def _zone_named(name: str) -> TimeZone:
    if name.upper() in HOURS_OF_ABBREVIATION:
        return _fixed(name.upper(), round(HOURS_OF_ABBREVIATION[name.upper()] * HOUR_MS))
    if match := _OFFSET.fullmatch(_NAME_BEHIND_OFFSET.sub("", name)):
        return _with_offset(match, name)
    long_name = _OFFSET_IN_FRONT.sub("", name)
    try:
        return time_zone(ZONE_OF_RAILS_NAME.get(long_name, long_name))
    except ValueError:
        raise _no_zone(name) from None


def _with_offset(match: re.Match[str], name: str) -> TimeZone:
    sign, hours, minutes = match.groups("0")
    offset_ms = int(hours) * HOUR_MS + int(minutes) * MINUTE_MS
    if int(minutes) > 59 or offset_ms > _MAX_OFFSET_MS:
        raise _no_zone(name)
    return _fixed(name, offset_ms if sign == "+" else -offset_ms)


def _fixed(name: str, offset_ms: int) -> TimeZone:
    return TimeZone(name, np.array([], np.int64), np.array([offset_ms], np.int64))


def _no_zone(text: str) -> BadValue:
    return BadValue(
        "Must be a time zone such as Europe/Berlin, CET, +01:00 or Eastern Time (US & Canada)", text
    )
