"""Time zones as files name them."""

import re

import pytest

from clv.domain.time_zone import time_zone
from clv.files.cells.zone_names import HOURS_OF_ABBREVIATION, ZONE_OF_RAILS_NAME
from clv.files.cells.zones import zone_named

WINTER_MS, SUMMER_MS = 1_768_000_000_000, 1_783_000_000_000


def offsets(name):
    zone = zone_named(name)
    return [zone.offset_ms(ms) / 3_600_000 for ms in (WINTER_MS, SUMMER_MS)]


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        ("Europe/Berlin", 1, 2),
        (" Europe/Berlin ", 1, 2),
        ("Eastern Time (US & Canada)", -5, -4),
        ("(GMT-05:00) Eastern Time (US & Canada)", -5, -4),
        ("Indiana (East)", -5, -4),
        ("New Delhi", 5.5, 5.5),
        ("St. Petersburg", 3, 3),
        # An abbreviation is an offset, also in the other half of the year.
        ("CET", 1, 1),
        ("CEST", 2, 2),
        ("MEZ", 1, 1),
        ("PST", -8, -8),
        ("pdt", -7, -7),
        ("EST", -5, -5),
        ("CST", -6, -6),
        ("UTC", 0, 0),
        ("GMT", 0, 0),
        ("Z", 0, 0),
        ("+01", 1, 1),
        ("+0100", 1, 1),
        ("-05:30", -5.5, -5.5),
        ("\u22125", -5, -5),
        ("UTC+1", 1, 1),
        ("GMT+0100 (Central European Standard Time)", 1, 1),
    ],
)
def test_names_of_zones(name, winter, summer):
    assert offsets(name) == [winter, summer]


@pytest.mark.parametrize("name", ["", " ", "IST", "Nowhere", "+15:00", "+01:60", "01:00", "x" * 99])
def test_what_names_no_zone_is_refused(name):
    with pytest.raises(ValueError, match=re.escape("Must be a time zone such as Europe/Berlin")):
        zone_named(name)


def test_the_names_of_rails_are_all_known():
    assert len(ZONE_OF_RAILS_NAME) == 151
    for zone in set(ZONE_OF_RAILS_NAME.values()):
        time_zone(zone)


@pytest.mark.parametrize(
    ("abbreviation", "zone", "is_summer"),
    [
        ("CET", "Europe/Paris", False),
        ("CEST", "Europe/Paris", True),
        ("EET", "Europe/Helsinki", False),
        ("WEST", "Europe/Lisbon", True),
        ("BST", "Europe/London", True),
        ("EST", "America/New_York", False),
        ("EDT", "America/New_York", True),
        ("CDT", "America/Chicago", True),
        ("MST", "America/Denver", False),
        ("PDT", "America/Los_Angeles", True),
        ("AKST", "America/Anchorage", False),
        ("NST", "America/St_Johns", False),
        ("JST", "Asia/Tokyo", False),
        ("AEST", "Australia/Sydney", True),
        ("AEDT", "Australia/Sydney", False),
        ("ACDT", "Australia/Adelaide", False),
        ("NZST", "Pacific/Auckland", True),
        ("MSK", "Europe/Moscow", False),
        ("BRT", "America/Sao_Paulo", False),
        ("SAST", "Africa/Johannesburg", False),
        ("HST", "Pacific/Honolulu", False),
    ],
)
def test_abbreviations_have_the_offset_of_their_places(abbreviation, zone, is_summer):
    ms = SUMMER_MS if is_summer else WINTER_MS
    hours = HOURS_OF_ABBREVIATION[abbreviation]
    assert time_zone(zone).offset_ms(ms) == hours * 3_600_000
