"""Calendar days in a time zone, checked against :mod:`zoneinfo`."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.calendar import day_of, period_start_ms, time_ms
from clv.domain.time_zone import UTC_ZONE, time_zone, time_zone_names

DAY, HOUR = 86_400_000, 3_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1).toordinal()
LAST_MS = 2_524_608_000_000  # 2050

zones = st.sampled_from(time_zone_names())


@st.composite
def moments(draw, name: str) -> int:
    """A moment since 1970, which is often near a change of the clocks."""
    changes = time_zone(name).changes_ms.tolist()
    if changes and draw(st.booleans()):
        return draw(st.sampled_from(changes)) + draw(st.integers(-2 * HOUR, 2 * HOUR))
    return draw(st.integers(0, LAST_MS))


def moment_of(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


@given(st.data(), zones)
def test_the_day_of_a_moment_is_that_of_zoneinfo(data, name):
    times = data.draw(st.lists(moments(name), min_size=1, max_size=20))
    local = [moment_of(ms).astimezone(ZoneInfo(name)) for ms in times]
    zone, days = time_zone(name), [each.toordinal() - FIRST_DAY for each in local]
    assert [zone.day(ms) for ms in times] == days
    assert zone.days(np.array(times)).tolist() == days
    assert zone.days(np.array(times, dtype=np.float64)).tolist() == days


@given(st.data(), zones)
def test_a_local_time_is_the_moment_that_zoneinfo_makes_of_it(data, name):
    # Not of an earlier day than 1970 anywhere, where the table begins.
    local_ms = max(DAY, data.draw(moments(name)) + time_zone(name).offset_ms(0))
    local = moment_of(local_ms).replace(tzinfo=ZoneInfo(name))
    moment = (local.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
    assert time_zone(name).to_utc(np.array([local_ms])).tolist() == [moment]


@given(st.data(), zones)
def test_a_day_begins_with_its_first_moment(data, name):
    zone = time_zone(name)
    day = max(1, zone.day(data.draw(moments(name))))
    start_ms = zone.start_ms(day)
    assert zone.day(start_ms) == day
    assert zone.day(start_ms - 1) < day


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Asia/Kolkata", "2026-03-29", 24),
        ("Asia/Kolkata", "2026-10-25", 24),
        # Here clocks change at midnight: the day begins at 01:00, or has midnight twice.
        ("Africa/Cairo", "2026-04-24", 23),
        ("America/Havana", "2026-11-01", 25),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_with_daylight_saving_a_day_has_23_or_25_hours(name, day, hours):
    zone, number = time_zone(name), day_of(day)
    first, after = zone.start_ms(number), zone.start_ms(number + 1)
    assert after - first == hours * HOUR
    assert [zone.day(ms) for ms in (first - 1, first, after - 1, after)] == [
        number - 1,
        number,
        number,
        number + 1,
    ]


def test_the_day_that_samoa_left_out_begins_with_the_next_one():
    zone, left_out = time_zone("Pacific/Apia"), day_of("2011-12-30")
    assert zone.start_ms(left_out) == zone.start_ms(left_out + 1) == time_ms("2011-12-30T10:00:00Z")


@pytest.mark.parametrize(
    ("period_type", "period_key", "name", "start"),
    [
        ("daily", "2026-04-30", "Europe/Berlin", "2026-04-29T22:00:00Z"),
        ("daily", "2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z"),
        ("daily", "2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00Z"),
        ("daily", "2026-03-08", "America/New_York", "2026-03-08T05:00:00Z"),
        ("daily", "2026-03-09", "America/New_York", "2026-03-09T04:00:00Z"),
        ("daily", "2026-04-30", "Asia/Kolkata", "2026-04-29T18:30:00Z"),
        ("weekly", "2026-W18", "Asia/Kolkata", "2026-04-26T18:30:00Z"),
        ("monthly", "2026-04", "America/New_York", "2026-04-01T04:00:00Z"),
        ("daily", "1970-01-01", "Asia/Kolkata", "1970-01-01T00:00:00Z"),
        ("daily", "1970-01-01", "America/New_York", "1970-01-01T05:00:00Z"),
        ("weekly", "1970-W01", "America/New_York", "1970-01-01T00:00:00Z"),
        ("alltime", "alltime", "America/New_York", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_period_begins_at_local_midnight(period_type, period_key, name, start):
    assert period_start_ms(period_type, period_key, time_zone(name)) == time_ms(start)


def test_utc_is_utc_by_any_name():
    assert time_zone("UTC") is UTC_ZONE
    for name in ("UTC", "Etc/UTC", "Etc/GMT", "Africa/Abidjan"):
        assert time_zone(name).is_utc
    for name in ("Europe/London", "Asia/Kolkata", "Etc/GMT+1"):
        assert not time_zone(name).is_utc


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "europe/berlin", "CEST", "+02:00", "localtime", "Factory", "../UTC", "A\0"],
)
def test_what_is_no_name_of_a_time_zone_is_refused(name):
    with pytest.raises(ValueError, match="Must be a time zone of the IANA database, such as"):
        time_zone(name)
