"""Transactions in workbooks."""

import io
import zipfile
from datetime import datetime

import pytest

from clv.errors import Invalid, TooLarge
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.table import open_table
from tests.support.workbook import workbook
from tests.unit.files.support import cells, read, refusal

HEADER = ["Customer", "Date", "Amount"]


def test_dates_numbers_and_booleans_become_their_shortest_texts():
    day, moment = datetime(2026, 3, 12), datetime(2026, 3, 12, 9, 14, 2)
    table = read(
        workbook(
            [
                [*HEADER, "Paid"],
                ["ann", day, 12345.0, True],
                ["bo", moment, 15.299999999999999, False],
                [12345, day, -0.5, None],
            ]
        )
    )
    assert table.rows == [
        ("ann", "2026-03-12", "12345", "true"),
        ("bo", "2026-03-12 09:14:02", "15.299999999999999", "false"),
        ("12345", "2026-03-12", "-0.5", ""),
    ]
    assert (table.encoding, table.delimiter, table.bad) == (None, None, [])


def test_the_first_sheet_with_rows_is_read_and_lines_are_its_row_numbers():
    rows = [[], ["Report of March"], [], HEADER, ["a", 1, 2], [], ["b", 3, 4]]
    table = read(workbook([], rows, [["x", "y"], [1, 2]]))
    assert (table.header, table.header_line) == (tuple(HEADER), 4)
    assert (table.rows, table.lines) == ([("a", "1", "2"), ("b", "3", "4")], [5, 7])


def test_sums_and_notes_below_the_rows_are_the_footer():
    rows = [HEADER, *([f"c{n}", 1, n] for n in range(600)), [], ["Total", None, 5], ["A note"]]
    table = read(workbook(rows))
    assert len(table.rows) == 600
    assert (table.footer, table.bad) == ([603, 604], [])


def test_a_row_with_more_cells_than_the_header_is_bad():
    table = read(workbook([HEADER, ["a", 1, 2, 3], ["b", 1, 2]]))
    assert table.rows == [("b", "1", "2")]
    assert table.bad == [(2, "The line has 4 cells, but the header names 3 columns.")]


def test_a_workbook_can_be_read_again():
    table = open_table(File(io.BytesIO(workbook([HEADER, ["a", 1, 2]]))), Choices())
    first = cells(table)
    table.rewind(is_last=True)
    assert cells(table) == first


def test_a_header_without_rows_is_refused():
    assert refusal(workbook([HEADER])) == "There are no rows below the header in row 1."
    assert refusal(workbook([[]])) == "The workbook has no sheet with rows."
    assert "names the columns" in refusal(workbook([["a", 1, 2], ["b", 2, 3]]))


@pytest.mark.parametrize("end", [100, 800, -30])
def test_an_incomplete_workbook_is_refused(end):
    data = workbook([HEADER, ["a", 1, 2]])
    assert refusal(data[:end]) == "The workbook is broken or incomplete."
    message = refusal(data[:end], partial=True)
    assert message == "A workbook can't be read in part: send the whole of it."
    assert read(data, partial=True).rows == [("a", "1", "2")]


def test_a_workbook_with_a_wrong_byte_is_refused():
    data = bytearray(workbook([HEADER, *([f"c{n}", n, n * n] for n in range(500))]))
    data[len(data) // 2] ^= 0xFF
    assert refusal(bytes(data)) == "The workbook is broken or incomplete."


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("orders.csv", "a zip archive; send the file that is in it"),
        ("content.xml", "an OpenDocument file, such as .ods"),
        ("xl/workbook.bin", "a workbook of the .xlsb kind"),
    ],
)
def test_another_archive_is_refused_by_its_name(name, kind):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    assert refusal(packed.getvalue()).startswith(f"The file is {kind}.")


def test_an_encrypted_archive_is_refused():
    data = bytearray(workbook([HEADER, ["a", 1, 2]]))
    # The bit that says so, in each entry and in the directory.
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(magic)
        while start >= 0:
            data[start + place] |= 1
            start = data.find(magic, start + 1)
    assert "encrypted" in refusal(bytes(data))


def test_a_workbook_that_inflates_to_too_much_is_refused():
    data = workbook([HEADER, *(["x" * 1_000, n, n] for n in range(1_000))])
    assert len(data) < 100_000
    with pytest.raises(TooLarge, match="inflates to more than 100000 bytes"):
        open_table(File(io.BytesIO(data), max_bytes=100_000), Choices())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'r="C2"', b"r='XFD1048576'", "1048576 rows and 16384 columns"),
        (b'r="C2"', b'r="A2" t="n"r="ZZZ9"', "does not say where each cell is"),
        (b'r="C2"', b'r="C-2"', "does not say where each cell is"),
        (b'r="C2"', b"", "does not say where each cell is"),
        (b'<row r="2"', b'<row r="99999999"', "does not say where each cell is"),
    ],
)
def test_cells_that_span_more_than_fits_in_memory_are_refused(old, new, message):
    with pytest.raises((Invalid, TooLarge), match=message):
        open_table(File(io.BytesIO(changed(workbook([HEADER, ["a", 1, 2]]), old, new))), Choices())


def test_what_a_picture_looks_like_does_not_matter():
    data = io.BytesIO(workbook([HEADER, ["a", 1, 2]]))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/media/image1.png", b"\x89PNG <c <row " + bytes(1_000_000))
    assert read(data.getvalue()).rows == [("a", "1", "2")]


def changed(data, old, new):
    """A workbook with some bytes of its parts replaced."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(packed, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(old, new))
    return packed.getvalue()
