"""Delimiters, and the line that names the columns."""

import gzip

import pytest

from clv.files.choices import DELIMITERS
from tests.unit.files.support import read, refusal

HEADER = "customer,date,amount\n"
A, B, C = ("a", "2026-01-01", "1.5"), ("b", "2026-01-02", "2.5"), ("c", "2026-01-03", "3.5")
ROWS = "".join(",".join(row) + "\n" for row in (A, B, C))


@pytest.mark.parametrize("name", DELIMITERS)
def test_a_delimiter_is_found_and_can_be_set(name):
    text = (HEADER + ROWS).replace(",", DELIMITERS[name])
    assert read(text).delimiter == name
    for chosen in (name, DELIMITERS[name]):
        assert read(text, delimiter=chosen).rows == [A, B, C]


def test_an_unknown_delimiter_is_refused():
    assert refusal(HEADER + ROWS, delimiter="x").startswith("The delimiter must be one of comma,")


def test_decimal_commas_divide_nothing_in_a_file_of_semicolons():
    table = read("Kunde;Datum;Betrag;Anteil\na;1.2.2026;12,50;0,5\nb;2.2.2026;1,00;1,0\n")
    assert table.delimiter == "semicolon"
    assert table.rows[0] == ("a", "1.2.2026", "12,50", "0,5")


def test_a_decimal_comma_that_is_not_quoted_in_a_file_of_commas_is_bad():
    table = read(HEADER + ROWS + "d,2026-01-04,12,50\n" + "e,2026-01-05,1,\n")
    assert table.rows[3:] == [("e", "2026-01-05", "1")]
    assert table.bad == [(5, "The line has 4 cells, but the header names 3 columns.")]


def test_a_name_has_single_blanks_where_two_divide():
    table = read("Customer name   Date         Amount\n  Ann Lee       2026-01-01   5.00 \n")
    assert table.header == ("Customer name", "Date", "Amount")
    assert (table.rows, table.delimiter) == ([("Ann Lee", "2026-01-01", "5.00")], "space")


def test_the_line_of_excel_that_names_the_delimiter_is_obeyed():
    table = read("sep=;\r\n" + (HEADER + ROWS).replace(",", ";").replace("\n", "\r\n"))
    assert (table.rows, table.header_line, table.delimiter) == ([A, B, C], 2, "semicolon")
    assert read("sep=^\n" + (HEADER + ROWS).replace(",", "^")).rows == [A, B, C]


def test_lines_before_the_header_are_skipped():
    notes = '"All amounts in USD, unless specified"\nReport,of March\n\nFrom:,2026-01-01\n'
    table = read(notes + HEADER + ROWS)
    assert (table.header_line, table.lines, table.rows) == (5, [6, 7, 8], [A, B, C])


def test_a_title_with_more_commas_than_columns_is_no_header():
    assert read("Orders, sales, refunds, and notes\n" + HEADER + ROWS).header_line == 2


def test_rows_may_be_shorter_or_longer_than_the_header_by_empty_cells():
    text = HEADER + ROWS.replace("\n", ",,\n")
    assert (read(text).rows, read(text).bad) == ([A, B, C], [])
    text = "A note,here\n" + HEADER.replace("\n", ",note,tag\n") + ROWS
    assert read(text, ["customer", "date", "amount"]).rows == [A, B, C]


def test_two_delimiters_that_fit_alike_are_a_question():
    message = refusal("a;b,c\n1;2,3\n4;5,6\n")
    assert message == "Lines are divided by comma or by semicolon; say which with delimiter."
    assert read("a;b,c\n1;2,3\n", delimiter=";").rows == [("1", "2,3")]


def test_a_file_of_one_column_is_refused():
    assert "No line names the columns" in refusal("customer\na\nb\n")
    assert "no line 1 with names" in refusal("customer\na\nb\n", header_line=1)


def test_the_header_may_be_set():
    text = "old,names,here\n" + HEADER + ROWS
    assert read(text).header_line == 1
    table = read(text, header_line=2)
    assert (table.header, table.rows) == (("customer", "date", "amount"), [A, B, C])
    assert read("c,2024,2025\n" + ROWS, header_line=1).header == ("c", "2024", "2025")
    assert "no line 99 with names" in refusal(text, header_line=99)


def test_names_have_no_outer_space_and_no_line_breaks():
    table = read('"Order\nnumber"; Who ;;What\n1;2;3;4\n')
    assert table.header == ("Order number", "Who", "", "What")
    assert (table.header_line, table.rows, table.lines) == (1, [("1", "2", "3", "4")], [3])


def test_cells_below_a_last_column_without_name_are_a_neighbours():
    table = read("customer,date,amount,\n" + "a,2026-01-01,12,50\nb,2026-01-02,1,\n", ["amount"])
    assert table.rows == [("1",)]
    assert table.bad == [(2, "The line has 4 cells, but the header names 3 columns.")]


def test_data_without_a_header_is_refused_with_its_first_line():
    message = refusal(ROWS)
    assert "line 1 is 'a,2026-01-01,1.5'" in message and "headerLine" in message


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_header_without_rows_is_refused(newline):
    message = refusal(HEADER.replace("\n", newline))
    assert message == "There are no rows below the header in line 1."
    assert refusal((HEADER + "\n\n,,\n").replace("\n", newline)) == message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "the old .xls kind"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "an image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "an image"),
        (b"\n<!DOCTYPE html><html><body>Please log in</body></html>", "HTML"),
        (b"<?xml version='1.0'?><Workbook/>", "XML"),
        (b'{"data": []}', "JSON"),
        (b"\x01\0\0\0\x02\0\0\0" * 99, "no text"),
        (b"BZh91AY&SY", "bzip2"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_what_it_is(data, kind):
    assert kind in refusal(data)
