"""Any moment, in any form, is read back as the same moment, or is a question."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.time_zone import time_zone
from clv.files.cells.date_order import DateOrder
from clv.files.cells.times import TimeReader

# 2026-12-01
LATEST_MS = 1_796_083_200_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
GERMAN = "Jan Feb Mär Apr Mai Jun Jul Aug Sept Okt Nov Dez".split()
GERMAN_LONG = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)

ORDERED_DATES = {
    "{d:%d.%m.%Y}": "dmy",
    "{d:%d/%m/%Y}": "dmy",
    "{d.day}/{d.month}/{d.year}": "dmy",
    "{d:%d-%m-%y}": "dmy",
    "{d:%m/%d/%Y}": "mdy",
    "{d.month}/{d.day}/{d.year}": "mdy",
    "{d:%m/%d/%y}": "mdy",
    "{d:%y-%m-%d}": "ymd",
}
DATES = [
    "{d:%Y-%m-%d}",
    "{d:%Y/%m/%d}",
    "{d:%Y.%m.%d}",
    "{d:%Y%m%d}",
    "{d:%d %b %Y}",
    "{d:%b} {d.day}, {d.year}",
    "{d:%B} {d.day} {d.year}",
    "{d:%b-%d-%y}",
    "{d:%a}, {d.day} {d:%b} {d.year}",
    "{d.day}-{german}-{d:%y}",
    "{d.day}. {german_long} {d.year}",
    *ORDERED_DATES,
]
CLOCKS = [
    " {d:%H:%M:%S}",
    "   {d.hour}:{d:%M:%S}",
    "T{d:%H:%M:%S}",
    " {d:%I:%M:%S %p}",
    " {twelve}:{d:%M:%S} {half}",
    # Magento's
    " {d:%H:%M:%S %p}",
]
OFFSETS = ["{d:%z}", " {d:%z}", "{colon}", " {colon}", " GMT{d:%z}", ""]
FRACTIONS = ["", ".{ms:03}", ",{ms:03}", ".{ms:03}000", ".{ms:03}000000"]


def cell_of(form, moment):
    """The moment, which is in the zone of the file, in a form."""
    return form.format(
        d=moment,
        ms=moment.microsecond // 1000,
        twelve=moment.hour % 12 or 12,
        half="a.m." if moment.hour < 12 else "p.m.",
        colon=f"{moment:%z}"[:3] + ":" + f"{moment:%z}"[3:],
        german=GERMAN[moment.month - 1],
        german_long=GERMAN_LONG[moment.month - 1],
    )


def changes(zone):
    """The seconds around the last few changes of daylight saving."""
    recent = [ms for ms in time_zone(zone).changes_ms.tolist() if 1_600_000_000_000 < ms]
    recent = [ms for ms in recent if ms < LATEST_MS - 86_400_000]
    around = [ms + hours * 3_600_000 for ms in recent for hours in (-2, -1, 0, 1, 2)]
    return st.sampled_from(around or [1_700_000_000_000])


@st.composite
def columns(draw, is_precise):
    """A zone, and moments in it: from 1971 to today, at midnight, around daylight saving."""
    zone = draw(st.sampled_from(ZONES))
    any_time = st.integers(31_536_000, LATEST_MS // 1000 - 86_400).map(lambda s: s * 1000)
    midnights = st.integers(400, LATEST_MS // 86_400_000 - 1).map(time_zone(zone).start_ms)
    times = any_time | midnights | changes(zone).flatmap(lambda ms: st.integers(ms - 9, ms + 9))
    moments = [
        (EPOCH + timedelta(milliseconds=ms if is_precise else ms // 1000 * 1000)).astimezone(
            ZoneInfo(zone)
        )
        for ms in draw(st.lists(times, min_size=1, max_size=4))
    ]
    return zone, moments


def milliseconds(moment):
    return (moment - EPOCH) // timedelta(milliseconds=1)


def read(cells, zone, true_order=None):
    """The times of a column; None if the order of its dates is a question."""
    order = DateOrder(LATEST_MS)
    order.add(cells)
    if order.is_open:
        assert true_order in order.candidates
        return None
    reader = TimeReader(order.order, time_zone(zone), time_zone(zone), LATEST_MS)
    times = reader.times(cells)
    assert times == [reader.time(cell) for cell in cells]
    return times


@given(
    columns(is_precise=False),
    st.sampled_from(DATES),
    st.sampled_from(CLOCKS),
    st.sampled_from(OFFSETS),
)
def test_times_in_any_form(column, date, clock, offset):
    zone, moments = column
    if not offset:
        # Of a time that occurs twice only the first can be told without an offset.
        moments = [moment for moment in moments if not moment.fold]
    cells = [cell_of(date + clock + offset, moment) for moment in moments]
    times = read(cells, zone, ORDERED_DATES.get(date))
    assert times is None or times == list(map(milliseconds, moments))


@given(columns(is_precise=True), st.sampled_from(DATES), st.sampled_from(FRACTIONS))
def test_fractions_of_a_second(column, date, fraction):
    zone, moments = column
    form = f"{date} {{d:%H:%M:%S}}{fraction}{{d:%z}}"
    times = read([cell_of(form, moment) for moment in moments], zone, ORDERED_DATES.get(date))
    expected = [milliseconds(moment) for moment in moments]
    if not fraction:
        expected = [ms // 1000 * 1000 for ms in expected]
    assert times is None or times == expected


@given(columns(is_precise=False), st.sampled_from(DATES))
def test_days_are_their_first_moment(column, date):
    zone, moments = column
    cells = [cell_of(date, moment) for moment in moments]
    times = read(cells, zone, ORDERED_DATES.get(date))
    starts = [moment.replace(hour=0, minute=0, second=0, fold=0) for moment in moments]
    assert times is None or times == list(map(milliseconds, starts))


@given(columns(is_precise=True), st.sampled_from([1000, 1, 1 / 1000]))
def test_unix_times(column, unit):
    # From 2001-09-09, when Unix seconds got their tenth digit.
    moments = [max(moment, EPOCH + timedelta(seconds=10**9)) for moment in column[1]]
    numbers = [int(milliseconds(moment) / unit) for moment in moments]
    assert read(list(map(str, numbers)), column[0]) == [int(number * unit) for number in numbers]


@given(columns(is_precise=True), st.sampled_from(".,"))
def test_serial_numbers_of_a_spreadsheet(column, decimal):
    zone, moments = column
    moments = [moment for moment in moments if not moment.fold and moment.year > 1970]
    day = timedelta(days=1)
    naive = [moment.replace(tzinfo=None) - datetime(1899, 12, 30) for moment in moments]
    cells = [f"{serial / day:.11f}".replace(".", decimal) for serial in naive]
    assert read(cells, zone) == list(map(milliseconds, moments))


@given(columns(is_precise=False), st.sampled_from(DATES), st.sampled_from(CLOCKS))
def test_date_clock_and_zone_in_columns_of_their_own(column, date, clock):
    zone, moments = column
    cells = [cell_of(date, moment) for moment in moments]
    order = DateOrder(LATEST_MS)
    order.add(cells)
    if order.is_open or any(moment.fold for moment in moments):
        return
    reader = TimeReader(order.order, time_zone("Asia/Tokyo"), time_zone(zone), LATEST_MS)
    for cell, moment in zip(cells, moments, strict=True):
        clock_cell = cell_of(clock, moment).removeprefix("T")
        assert reader.time(cell, clock_cell, zone) == milliseconds(moment)


@st.composite
def nearly_alike(draw):
    """Cells of one common form, with a mistake or two."""
    zone, moments = draw(columns(is_precise=True))
    form = draw(st.sampled_from(DATES)) + draw(
        st.sampled_from(["", " {d:%H:%M}", "T{d:%H:%M:%S}Z", *CLOCKS])
    )
    cells = [cell_of(form + draw(st.sampled_from(OFFSETS)), moment) for moment in moments]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.integers(0, len(cells) - 1))
        place = draw(st.integers(0, len(cells[row])))
        mistake = draw(st.sampled_from(list("0123456789-+:/., TZé\n") + [""]))
        end = place + draw(st.integers(0, 1))
        cells[row] = cells[row][:place] + mistake + cells[row][end:]
    return zone, cells


def check_many_are_as_one_by_one(reader: TimeReader, cells: list[str]) -> None:
    try:
        one_by_one = [reader.time(cell) for cell in cells]
    except ValueError as error:
        with pytest.raises(ValueError) as many:
            reader.times(cells)
        assert str(many.value) == str(error)
    else:
        assert reader.times(cells) == one_by_one


@given(nearly_alike(), st.sampled_from([None, "dmy", "mdy", "ymd"]))
def test_many_times_are_the_same_as_one_by_one(column, order):
    zone, cells = column
    reader = TimeReader(order, time_zone(zone), time_zone("Asia/Kolkata"), LATEST_MS)
    check_many_are_as_one_by_one(reader, cells)


@pytest.mark.parametrize(
    "cells",
    [
        # Together, the second and the third are as long as two dates, and read like them.
        ["2026-03-12", "2026-03-1", "22026-03-12"],
        ["2026-03-12 09:14:02 +0100", "2026-03-12 09:14:02 ,0100"],
        ["2026-03-12T09:14:02.123Z", "2026-03-12T09:14:02.123z"],
        ["2026-03-12", "2026-03-1é"],
        ["12/03/2026", "12/03-2026"],
    ],
)
def test_a_cell_of_another_form_is_read_for_itself(cells):
    reader = TimeReader("dmy", time_zone("UTC"), time_zone("UTC"), LATEST_MS)
    check_many_are_as_one_by_one(reader, cells)


@pytest.mark.parametrize(
    ("order", "days"),
    [("dmy", ["2020-02-01", "2021-04-03"]), ("mdy", ["2020-01-02", "2021-03-04"])],
)
def test_many_dates_are_read_in_their_order(order, days):
    reader = TimeReader(order, time_zone("UTC"), time_zone("UTC"), LATEST_MS)
    for cells in (["01/02/2020", "03/04/2021"], ["1.2.2020", "3.4.2021"]):
        assert reader.times(cells) == [reader.time(day) for day in days]


def test_many_times_of_nothing_are_nothing():
    assert read([], "UTC") == []
