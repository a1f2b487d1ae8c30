"""Times as files write them, one by one."""

import pytest

from clv.domain.calendar import iso
from clv.files.cells.times import TimeReader
from clv.files.cells.zones import zone_named

# 2026-12-01
LATEST_MS = 1_796_083_200_000
BERLIN, UTC_ZONE = zone_named("Europe/Berlin"), zone_named("UTC")


def time_of(cell, order=None, clock="", zone=""):
    """As it is shown in the API, but without milliseconds that are 0."""
    reader = TimeReader(order, BERLIN, BERLIN, LATEST_MS)
    ms = reader.time(cell, clock, zone)
    assert zone or clock or reader.times([cell]) == [ms]
    return iso(ms).removesuffix(".000Z").removesuffix("Z")


MIDNIGHT, MORNING = "2026-03-11T23:00:00", "2026-03-12T08:14:02"


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        # A day is its first moment in Berlin.
        ("2026-03-12", MIDNIGHT),
        ("2026/03/12", MIDNIGHT),
        ("2026.03.12", MIDNIGHT),
        ("2026-3-12", MIDNIGHT),
        ("2026. 3. 12", MIDNIGHT),
        ("20260312", MIDNIGHT),
        (" 2026-03-12\u00a0", MIDNIGHT),
        # Without an offset it is Berlin's time.
        ("2026-03-12 09:14:02", MORNING),
        ("2026-03-12T09:14:02", MORNING),
        ("2026-03-12t09:14:02", MORNING),
        ("2026-03-12    09:14:02", MORNING),
        ("2026-03-12 9:14:02", MORNING),
        ("2026/03/12 09:14:02", MORNING),
        ("2026.03.12, 09:14:02", MORNING),
        ("20260312091402", MORNING),
        ("20260312T091402", MORNING),
        ("20260312 09:14:02", MORNING),
        ("2026-03-12 09:14", "2026-03-12T08:14:00"),
        ("2026-03-12 09:14:02.5", "2026-03-12T08:14:02.500"),
        ("2026-03-12 09:14:02,123", "2026-03-12T08:14:02.123"),
        ("2026-03-12T09:14:02.123456789", "2026-03-12T08:14:02.123"),
        ("2026-07-12 09:14:02", "2026-07-12T07:14:02"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00"),
        # Offsets.
        ("2026-03-12 09:14:02 +0100", MORNING),
        ("2026-03-12 09:14:02 +01:00", MORNING),
        ("2026-03-12T09:14:02+01:00", MORNING),
        ("2026-03-12T09:14:02+01", MORNING),
        ("2026/03/12 03:14:02 -0500", MORNING),
        ("2026-03-12 13:44:02 +05:30", MORNING),
        ("2026-03-12T08:14:02Z", MORNING),
        ("2026-03-12T08:14:02.000Z", MORNING),
        ("20260312T081402Z", MORNING),
        ("2026-03-12 08:14:02 UTC", MORNING),
        ("2026-03-12 08:14:02GMT", MORNING),
        ("2026-03-12 00:14:02 PST", MORNING),
        ("2026-03-12 10:14:02 CEST", MORNING),
        ("Thu Mar 12 2026 09:14:02 GMT+0100 (Central European Standard Time)", MORNING),
        ("2026-03-12T09:14:02 Europe/Berlin", MORNING),
        # Month names.
        ("12 Mar 2026", MIDNIGHT),
        ("12. März 2026", MIDNIGHT),
        ("12. Ma\u0308rz 2026", MIDNIGHT),
        ("12 Maerz 26", MIDNIGHT),
        ("12-Mär-26", MIDNIGHT),
        ("12-mrz-2026", MIDNIGHT),
        ("12.Mär.2026", MIDNIGHT),
        ("12MAR2026", MIDNIGHT),
        ("Mar 12, 2026", MIDNIGHT),
        ("March 12 2026", MIDNIGHT),
        ("Mar. 12th, 2026", MIDNIGHT),
        ("Mar-12-26", MIDNIGHT),
        ("2026-Mar-12", MIDNIGHT),
        ("Thu, 12 Mar 2026 09:14:02 +0100", MORNING),
        ("Donnerstag, 12. März 2026 09:14:02 Uhr", MORNING),
        ("Do. 12. März 2026", MIDNIGHT),
        ("March 12, 2026 at 9:14:02 AM", MORNING),
        ("10-Dez-25", "2025-12-09T23:00:00"),
        ("Dec-10-25", "2025-12-09T23:00:00"),
        ("1. Mai 2026", "2026-04-30T22:00:00"),
        ("3 Okt. 2026", "2026-10-02T22:00:00"),
        ("3 Sept 2026", "2026-09-02T22:00:00"),
        # Clocks of 12 hours, and Magento's of 24 with AM and PM.
        ("Mar 12, 2026 9:14:02 AM", MORNING),
        ("Mar 12, 2026 9:14:02\u202fam", MORNING),
        ("Mar 12, 2026 9:14:02 a.m.", MORNING),
        ("Mar 12, 2026 2:30 PM", "2026-03-12T13:30:00"),
        ("Mar 12, 2026 2:30:00pm", "2026-03-12T13:30:00"),
        ("Mar 12, 2026 12:30 PM", "2026-03-12T11:30:00"),
        ("Mar 12, 2026 12:30 AM", "2026-03-11T23:30:00"),
        ("Mar 12, 2026 15:14:02 PM", "2026-03-12T14:14:02"),
        ("Mar 13, 2026 00:30:00 AM", "2026-03-12T23:30:00"),
        ("Mar 15, 2026 12:00:00 PM", "2026-03-15T11:00:00"),
        ("Mar 4, 2026 1:05:07 AM PST", "2026-03-04T09:05:07"),
        # Unix time; spreadsheets.
        ("1773303242", MORNING),
        ("1773303242.5", "2026-03-12T08:14:02.500"),
        ("1773303242123", "2026-03-12T08:14:02.123"),
        ("1773303242000000", MORNING),
        ("45384", "2024-04-01T22:00:00"),
        ("45384.0", "2024-04-01T22:00:00"),
        ("45384.5", "2024-04-02T10:00:00"),
        ("45384,5", "2024-04-02T10:00:00"),
        ("45384.3478", "2024-04-02T06:20:50"),
        # 23:00, of which the decimals leave 22:59:59.97.
        ("45658.958333", "2025-01-01T22:00:00"),
        ("45658.9583", "2025-01-01T22:00:00"),
        ("46093.384745370371", MORNING),
    ],
)
def test_times_that_need_no_order(cell, time):
    assert time_of(cell) == time
    # Numeric dates elsewhere in the column change nothing.
    assert time_of(cell, "mdy") == time_of(cell, "dmy") == time


@pytest.mark.parametrize(
    ("order", "cell", "time"),
    [
        ("dmy", "12/03/2026", MIDNIGHT),
        ("mdy", "03/12/2026", MIDNIGHT),
        ("dmy", "12.03.2026", MIDNIGHT),
        ("dmy", "12-3-2026", MIDNIGHT),
        ("dmy", "12. 3. 2026", MIDNIGHT),
        ("mdy", "3/12/2026 9:14:02", MORNING),
        ("mdy", "03/12/26", MIDNIGHT),
        ("dmy", "12.03.26 09:14:02", MORNING),
        ("ymd", "26-03-12", MIDNIGHT),
        ("ymd", "26/03/12 09:14:02", MORNING),
        ("mdy", "Thu, 3/12/2026 9:14:02 AM", MORNING),
        ("mdy", "12/31/99", "1999-12-30T23:00:00"),
        ("mdy", "9/6/2026  6:29:00", "2026-09-06T04:29:00"),
        ("dmy", "13/03/2026 10:00", "2026-03-13T09:00:00"),
        ("dmy", "1/12/09 7:45", "2009-12-01T06:45:00"),
        ("mdy", "3/12/2026 09:14:02 PM", "2026-03-12T20:14:02"),
    ],
)
def test_times_that_need_an_order(order, cell, time):
    assert time_of(cell, order) == time
    with pytest.raises(ValueError, match="whose order of day and month is known"):
        time_of(cell)


@pytest.mark.parametrize(
    ("cell", "clock", "zone", "time"),
    [
        ("2026-03-12", "09:14:02", "", MORNING),
        ("2026-03-12", " 9:14:02 AM ", "", MORNING),
        ("2026-03-12", "", "", MIDNIGHT),
        ("2026-03-12", "", "PST", MIDNIGHT),
        ("2026-03-12", "04:14:02", "Eastern Time (US & Canada)", MORNING),
        ("03/12/2026", "01:14:02", "PDT", MORNING),
        ("3/12/2026", "09:14:02", "CET", MORNING),
        ("3/12/2026", "09:14:02", "Europe/Berlin", MORNING),
        ("2026-03-12 00:00:00", "09:14:02", "", MORNING),
        ("2026-03-12 09:14:02", "23:59", "", MORNING),
        ("2026-03-12", "09:14:02 +0100", "PST", MORNING),
        ("2026-03-12T08:14:02Z", "", "PST", MORNING),
        ("2026-03-12T00:00:00Z", "09:14:02", "", "2026-03-12T00:00:00"),
        ("20260312", "0.384745370370", "", MORNING),
        ("46093", "0,384745370370", "", MORNING),
        ("46093.0", "0", "", MIDNIGHT),
        ("1773303242", "23:59", "PST", MORNING),
    ],
)
def test_date_clock_and_zone_in_columns_of_their_own(cell, clock, zone, time):
    assert time_of(cell, "mdy", clock, zone) == time


NO_TIME = "Must be a time such as 2026-03-12 09:14, or a date"
NOT_ON_CLOCK = "Must be a time of day"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", f"{NO_TIME}: it is empty."),
        ("--", f"{NO_TIME}: '--'."),
        ("yesterday", NO_TIME),
        ("09:14", NO_TIME),
        ("2026", NO_TIME),
        ("2026-03", NO_TIME),
        ("2026-03/12", NO_TIME),
        ("26-3-5", NO_TIME),
        ("2026-03-12Z", NO_TIME),
        ("2026-03-12 09", NO_TIME),
        ("2026-03-12 9:5", NO_TIME),
        ("٢٠٢٦-٠٣-١٢", NO_TIME),
        ("1.7733E+15", NO_TIME),
        ("x" * 1_000_000, NO_TIME),
        ("2026-02-30", "Must be a day of the calendar: '2026-02-30'."),
        ("2026-13-01", "Must be a day of the calendar"),
        ("0000-01-01", "Must be a day of the calendar"),
        ("31 Feb 2026", "Must be a day of the calendar"),
        ("20261301", "Must be a day of the calendar"),
        ("12 Foo 2026", "whose month is a number, or in words such as Mar"),
        ("2026-03-12 24:00", NOT_ON_CLOCK),
        ("2026-03-12 09:60", NOT_ON_CLOCK),
        ("2026-03-12 09:14:60", NOT_ON_CLOCK),
        ("2026-03-12 15:14 AM", NOT_ON_CLOCK),
        ("2026-03-12 00:30 PM", NOT_ON_CLOCK),
        ("2026-03-12 09:14 IST", "Must be a time zone such as Europe/Berlin"),
        ("2026-03-12 09:14 +15:00", "Must be a time zone"),
        ("2026-03-12 09:14 +01:60", "Must be a time zone"),
        ("2026-03-12 09:14 to 10:14", "Must be a time zone"),
        ("1969-12-31", "Must not be before 1970: '1969-12-31'."),
        ("1970-01-01 00:59", "Must not be before 1970"),
        ("25568", "Must not be before 1970"),
        ("2026-12-02", "Must not be in the future: '2026-12-02'."),
        ("46358", "Must not be in the future"),
        ("9999999999", "Must not be in the future"),
        ("9999-12-31", "Must not be in the future"),
    ],
)
def test_what_is_no_time_is_refused(cell, message):
    for read in (time_of, lambda cell: TimeReader(None, BERLIN, BERLIN, LATEST_MS).times([cell])):
        with pytest.raises(ValueError) as error:
            read(cell)
        assert message in str(error.value)


@pytest.mark.parametrize(
    ("order", "cell"),
    [
        ("mdy", "13/03/2026"),
        ("dmy", "03/13/2026"),
        ("dmy", "31/02/2026"),
        ("ymd", "12/03/2026"),
        ("ymd", "6-03-12"),
        ("ymd", "26-13-12"),
    ],
)
def test_a_date_that_does_not_fit_the_order_is_refused(order, cell):
    with pytest.raises(ValueError, match="Must be a day of the calendar, written as"):
        time_of(cell, order)


def test_times_and_days_may_be_in_different_zones():
    reader = TimeReader(None, UTC_ZONE, BERLIN, LATEST_MS)
    assert iso(reader.time("2026-03-12 09:14")) == "2026-03-12T09:14:00.000Z"
    for day in ("2026-03-12", "20260312", "12 Mar 2026", "46093", "46093.0"):
        assert iso(reader.time(day)) == "2026-03-11T23:00:00.000Z"


@pytest.mark.parametrize(
    ("digits", "message"),
    [("27", "in the future"), ("28", "before 1970"), ("69", "before 1970")],
)
def test_a_year_of_two_digits_is_at_most_the_next(digits, message):
    with pytest.raises(ValueError, match=message):
        time_of(f"31.12.{digits}", "dmy")
    assert time_of("31.12.70", "dmy") == "1970-12-30T23:00:00"
