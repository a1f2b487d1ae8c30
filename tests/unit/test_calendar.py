"""Times, periods and days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain import calendar

LAST_MS = 253_402_300_799_999
DAY = 86_400_000


@pytest.mark.parametrize("name", ["daily", "weekly", "monthly", "alltime"])
def test_the_four_period_types(name):
    assert calendar.period_type(name) == name


@pytest.mark.parametrize("name", ["", "Daily", "hourly", "daily "])
def test_other_period_types_are_refused(name):
    with pytest.raises(ValueError, match="Must be one of: daily, weekly, monthly, alltime."):
        calendar.period_type(name)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01", 0),
        ("2026-04-30", 1_777_507_200_000),
        ("2026-04-30T09:15:00Z", 1_777_540_500_000),
        ("2026-04-30 09:15:00Z", 1_777_540_500_000),
        ("2026-04-30T09:15Z", 1_777_540_500_000),
        ("2026-04-30 09:15:00 UTC", 1_777_540_500_000),
        ("2026-04-30T09:15:00+00", 1_777_540_500_000),
        ("2026-04-30T09:15:00+00:00", 1_777_540_500_000),
        ("2026-04-30T09:15:00-00:00", 1_777_540_500_000),
        ("2026-04-30T11:15:00+02:00", 1_777_540_500_000),
        ("2026-04-30T11:15:00+0200", 1_777_540_500_000),
        ("2026-04-29T23:45:00-09:30", 1_777_540_500_000),
        ("2026-04-30T09:15:00.1Z", 1_777_540_500_100),
        ("2026-04-30T09:15:00.123Z", 1_777_540_500_123),
        ("2026-04-30T09:15:00.123999Z", 1_777_540_500_123),
        ("2024-02-29", 1_709_164_800_000),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
    ],
)
def test_times_with_an_offset_and_bare_dates_are_read(text, ms):
    assert calendar.time_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-04-30T09:15:00", "UTC offset"),
        ("2026-04-30 09:15", "UTC offset"),
        ("2026-04-30T09Z", "UTC offset"),
        ("2026-04-30T09:15:00.1234567Z", "UTC offset"),
        ("2026-04-30T09:15:00 CET", "UTC offset"),
        ("2026-04-30T09:15:00z", "UTC offset"),
        ("2026-04-30Z", "UTC offset"),
        ("30.04.2026", "UTC offset"),
        ("2026-4-30", "UTC offset"),
        ("20260430", "UTC offset"),
        ("1777540500", "UTC offset"),
        ("2026-04-30\n", "UTC offset"),
        ("", "UTC offset"),
        ("2026-02-30", "real date"),
        ("2026-13-01", "real date"),
        ("0000-01-01", "real date"),
        ("2026-04-30T25:00:00Z", "real date"),
        ("2026-04-30T09:60:00Z", "real date"),
        ("2026-04-30T09:15:00+24:00", "real date"),
        ("1969-12-31T23:59:59.999Z", "before 1970"),
        ("1970-01-01T00:00:00+01:00", "before 1970"),
        ("0001-01-01T00:00:00+01:00", "before 1970"),
    ],
)
def test_times_that_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        calendar.time_ms(text)


def test_a_time_that_is_later_than_believed_is_in_the_future():
    latest = calendar.latest_ms(1_777_540_500)
    assert calendar.time_ms("2026-04-30T09:20:00Z", latest) == latest
    with pytest.raises(ValueError, match="Must not be in the future."):
        calendar.time_ms("2026-04-30T09:20:00.001Z", latest)


A_TIME = st.one_of(
    st.integers(0, 1_800_000_000_000).map(calendar.iso),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms)[:19] + "Z"),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms)[:10]),
    st.integers(0, 1_800_000_000_000).map(lambda ms: calendar.iso(ms).replace("T", " ")),
)
ODD_TIME = st.sampled_from(
    ["", "1969-12-31T23:59:59Z", "1969-12-31", "2999-01-01", "2999-01-01T00:00:00Z"]
    + ["2026-02-30", "2026-04-30T24:00:00Z", "2026-04-30T09:15:60Z", "9999-12-31T23:59:59Z"]
    + ["0000-01-01", "2026-04-30T25:00:00Z", "2026-04-30T09:15:00,123Z", "2026-W18-4T09:15:00Z"]
    + ["2026-04-30_09:15:00Z", "2026-04-30T09:15:00", "2026-04-30T09:15+02", " 2026-04-30"]
    + ["2026-04-30T09:15:00Z\n2026-04-30T09:15:00Z", "２０２６-04-30", "2026-04-30T09:15:00z"]
)


@given(
    st.lists(A_TIME, max_size=4) | st.lists(A_TIME | ODD_TIME | st.text(max_size=25), max_size=4)
)
def test_many_times_are_read_as_each_of_them_is(texts):
    latest = 1_777_540_500_000

    def each():
        return [calendar.time_ms(text, latest) for text in texts]

    try:
        expected = each()
    except ValueError:
        with pytest.raises(ValueError):
            calendar.times_ms(texts, latest)
    else:
        assert calendar.times_ms(texts, latest) == expected


@given(st.integers(0, LAST_MS))
def test_a_time_comes_back_as_it_was(ms):
    shown = calendar.iso(ms)
    assert len(shown) == 24 and shown[10] == "T" and shown[-1] == "Z"
    assert calendar.time_ms(shown) == ms


def test_times_are_shown_with_milliseconds():
    assert calendar.iso(1_775_212_200_000) == "2026-04-03T10:30:00.000Z"
    assert calendar.iso(1_775_212_200_007) == "2026-04-03T10:30:00.007Z"
    assert calendar.iso(None) is None


@given(st.text(max_size=30))
def test_whatever_the_text_a_time_is_read_or_refused(text):
    try:
        assert calendar.time_ms(text) >= 0
    except ValueError as error:
        assert str(error).startswith("Must ")


@pytest.mark.parametrize(
    ("period_type", "period_key", "start_ms"),
    [
        ("daily", "2026-04-30", 1_777_507_200_000),
        ("daily", "1970-01-01", 0),
        ("weekly", "2026-W18", 1_777_248_000_000),
        ("weekly", "2026-W53", 1_798_416_000_000),
        ("weekly", "1970-W01", 0),
        ("weekly", "1970-W02", 4 * DAY),
        ("monthly", "2026-04", 1_775_001_600_000),
        ("monthly", "1970-01", 0),
        ("alltime", "alltime", 0),
    ],
)
def test_a_period_begins_at_its_first_day(period_type, period_key, start_ms):
    assert calendar.period_start_ms(period_type, period_key) == start_ms


@pytest.mark.parametrize(
    ("period_type", "period_key", "reason"),
    [
        ("daily", "2026-04", "look like 2026-04-30"),
        ("daily", "2026-4-30", "look like 2026-04-30"),
        ("daily", "2026-04-30\n", "look like 2026-04-30"),
        ("daily", "2026-W18", "look like 2026-04-30"),
        ("daily", "2026-02-29", "period of the calendar"),
        ("daily", "1969-12-28", "before 1970"),
        ("daily", "1969-12-31", "before 1970"),
        ("weekly", "2026-18", "look like 2026-W18"),
        ("weekly", "2026-W1", "look like 2026-W18"),
        ("weekly", "2026-W00", "period of the calendar"),
        ("weekly", "2025-W53", "period of the calendar"),
        ("weekly", "1969-W52", "before 1970"),
        ("monthly", "2026-13", "period of the calendar"),
        ("monthly", "2026-04-30", "look like 2026-04"),
        ("monthly", "1969-12", "before 1970"),
        ("alltime", "", "look like alltime"),
        ("alltime", "2026", "look like alltime"),
    ],
)
def test_period_keys_that_are_refused(period_type, period_key, reason):
    with pytest.raises(ValueError, match=reason):
        calendar.period_start_ms(period_type, period_key)


@pytest.mark.parametrize(
    ("period_type", "period_key"),
    [("daily", "２０２６-０４-３０"), ("weekly", "２０２６-W１８"), ("monthly", "２０２６-０４")],
)
def test_a_period_has_one_key_and_none_in_foreign_digits(period_type, period_key):
    with pytest.raises(ValueError):
        calendar.period_start_ms(period_type, period_key)


def test_the_first_contact_left_out_is_the_earlier_of_the_periods_start_and_the_last_contact():
    assert calendar.first_contact_ms("daily", 5, 7, None) == 5
    assert calendar.first_contact_ms("daily", 7, 5, None) == 5
    assert calendar.first_contact_ms("daily", 5, 7, 7) == 7
    assert calendar.first_contact_ms("alltime", 0, 7, 3) == 3
    with pytest.raises(ValueError, match="Is required for an alltime row."):
        calendar.first_contact_ms("alltime", 0, 7, None)
    with pytest.raises(ValueError, match="Must not be after lastContactAt."):
        calendar.first_contact_ms("daily", 5, 7, 8)


def test_a_daily_key_is_a_number_of_days_and_others_are_none():
    assert calendar.day_of("1970-01-01") == 0
    assert calendar.day_of("2026-04-30") == 20_573
    assert calendar.key_of(20_573) == "2026-04-30"
    for key in (None, "", "2026-W18", "2026-04", "alltime", "2026-02-30"):
        assert calendar.day_of(key) is None


@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=50))
def test_many_keys_are_the_days_of_each(days):
    keys = [calendar.key_of(day) for day in days]
    assert calendar.days_of(",".join(keys)).tolist() == days


@pytest.mark.parametrize("wrong", ["2024-W18", "2024-13-01", "2024-00-10", "20x4-01-01", "", "é"])
def test_a_key_that_is_not_valid_leaves_the_others(wrong):
    found = calendar.days_of(f"2026-04-30,{wrong},1970-01-01")
    assert found.tolist() == [20_573, -1, 0]
