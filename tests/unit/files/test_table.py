"""Text files as tables of cells: encodings, delimiters, headers, what is bad and what is not."""

import gzip
import io
import tracemalloc
from contextlib import closing

import pytest

from clv.errors import Invalid, TooLarge
from clv.files import stream
from clv.files.choices import DELIMITERS, Choices
from clv.files.stream import File
from clv.files.table import open_table
from tests.unit.files.support import Unseekable, cells, read, refusal

HEADER = "customer,date,amount\n"
A, B, C = ("a", "2026-01-01", "1.5"), ("b", "2026-01-02", "2.5"), ("c", "2026-01-03", "3.5")
ROWS = "".join(",".join(row) + "\n" for row in (A, B, C))


def test_a_plain_file_is_read_as_it_is():
    table = read(HEADER + ROWS)
    assert table.header == ("customer", "date", "amount")
    assert (table.header_line, table.encoding, table.delimiter) == (1, "utf-8", "comma")
    assert (table.rows, table.lines) == ([A, B, C], [2, 3, 4])
    assert (table.warnings, table.bad, table.footer) == ([], [], [])
    assert table.head == [(2, list(A)), (3, list(B)), (4, list(C))]


def test_selected_columns_come_in_the_order_wanted():
    assert read(HEADER + ROWS, ["amount", "customer"]).rows[0] == ("1.5", "a")
    assert read(HEADER + ROWS, ["date"]).rows == [(A[1],), (B[1],), (C[1],)]
    assert read(HEADER + ROWS.replace("a,", '"a",'), ["date"]).rows[0] == (A[1],)


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


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_is_told_by_its_mark(codec):
    table = read((HEADER + ROWS + "Zoë €,2026-01-04,4\n").encode(codec))
    assert (table.header[0], table.rows[3][0]) == ("customer", "Zoë €")
    assert table.encoding == codec.removesuffix("-sig")
    assert table.warnings == []


def test_utf_16_of_either_byte_order_is_read_with_its_mark():
    for codec in ("utf-16-le", "utf-16-be"):
        assert read(("\ufeff" + HEADER + ROWS).encode(codec)).rows == [A, B, C]
        assert read((HEADER + ROWS).encode(codec), encoding=codec).rows == [A, B, C]
        assert read(("\ufeff" + HEADER + ROWS).encode(codec), encoding=codec).rows == [A, B, C]
        message = refusal((HEADER + ROWS).encode(codec))
        assert refusal((HEADER + ROWS).encode(codec), encoding="utf-8") == message
        assert "UTF-16 without a byte order mark" in message and f"encoding={codec}" in message


def test_a_file_that_is_not_utf_8_is_windows_1252_with_a_warning():
    table = read((HEADER + "Müller – €,2026-01-01,1\n").encode("windows-1252"))
    assert table.rows[0][0] == "Müller – €"
    assert table.encoding == "windows-1252"
    assert [code for code, _ in table.warnings] == ["encoding"]


def test_the_first_letter_beyond_ascii_may_come_after_megabytes():
    text = HEADER + "a,2026-01-01,1\n" * 100_000
    table = read((text + "Müller,2026-01-02,2\n").encode("windows-1252"))
    assert (table.encoding, table.rows[-1][0]) == ("windows-1252", "Müller")
    table = read((text + "Müller,2026-01-02,2\n").encode())
    assert (table.encoding, table.rows[-1][0], table.warnings) == ("utf-8", "Müller", [])


def test_a_wrong_byte_in_a_file_of_utf_8_is_a_bad_line():
    data = (HEADER + "Müller,2026-01-01,1\n").encode() + b"M\xe4x,2026-01-02,2\nc,2026-01-03,3\n"
    table = read(data)
    assert [row[0] for row in table.rows] == ["Müller", "c"]
    assert table.bad == [(3, "The line has the byte 0xE4, which is not UTF-8.")]
    assert table.encoding == "utf-8"


def test_utf_8_behind_windows_1252_is_bad():
    ascii_rows = "a,2026-01-01,1\n" * 10_000
    data = HEADER + ascii_rows + "Müller,2026-01-01,1\n" + ascii_rows
    table = read(data.encode("windows-1252") + "Jörg,2026-01-02,2\n".encode())
    assert ("Müller", "2026-01-01", "1") in table.rows
    assert len(table.rows) == 20_001
    assert [line for line, _ in table.bad] == [20_003]
    assert "mixes encodings" in table.bad[0][1]


def test_bytes_that_windows_1252_lacks_and_nul_are_bad():
    table = read(
        HEADER.encode() + b"M\xfcller,2026-01-01,1\nx\x81,2026-01-02,2\ny\0,2026-01-02,2\n"
    )
    assert [row[0] for row in table.rows] == ["Müller"]
    assert table.bad == [
        (3, "The line has the byte 0x81, which is neither UTF-8 nor Windows-1252."),
        (4, "The line has a NUL character."),
    ]


def test_a_declared_encoding_is_taken():
    text = HEADER + "Łukasz,2026-01-01,1\n"
    assert read(text.encode("iso-8859-2"), encoding="ISO-8859-2").rows[0][0] == "Łukasz"
    assert read("客,日,額\n李,2026-01-01,1\n".encode("gbk"), encoding="gbk").rows[0][0] == "李"
    table = read(text.encode("iso-8859-2") + b"c,2026-01-03,3\n", encoding="utf-8")
    assert (len(table.bad), len(table.rows), table.encoding) == (1, 1, "utf-8")


@pytest.mark.parametrize("name", ["nonsense", "hex", "rot13", "", "\0", "x" * 999, "undefined"])
def test_an_unknown_encoding_is_refused(name):
    if name:
        assert refusal(HEADER + ROWS, encoding=name).startswith("encoding: there is no ")
    else:
        assert read(HEADER + ROWS, encoding=name).rows == [A, B, C]


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


def test_empty_lines_and_rows_are_skipped():
    table = read(HEADER + "\n,,\n" + ROWS + " \n\n,,\n" + ROWS + "\n,,\n")
    assert table.rows == [A, B, C] * 2
    assert (table.lines, table.bad, table.footer) == ([4, 5, 6, 10, 11, 12], [], [])


def test_missing_cells_are_empty_unless_they_are_wanted():
    text = "customer,date,amount,note,tag\na,2026-01-01,1,x\nb,2026-01-02\nc,2026-01-03,3,,\n"
    table = read(text, ["customer", "amount"])
    assert table.rows == [("a", "1"), ("c", "3")]
    assert table.bad == [(3, "The line has 2 cells, but the header names 5 columns.")]
    assert table.head[0] == (2, ["a", "2026-01-01", "1", "x", ""])
    assert read(text, ["customer", "note"]).bad == table.bad


def test_a_quote_that_is_not_closed_costs_its_own_line():
    table = read(HEADER + ROWS + '"d,2026-01-04,4\n' + ROWS)
    assert (table.rows, table.lines) == ([A, B, C] * 2, [2, 3, 4, 6, 7, 8])
    assert table.bad == [(5, "A quote that begins in this line is not closed.")]


@pytest.mark.parametrize(
    "lines",
    [
        # Closed in the next line, and two lines on; opened in each of the columns.
        ['"a,2026-01-04,4', 'b",2026-01-05,5'],
        ['"a,2026-01-04,4', "x,2026-01-06,6", 'b",2026-01-05,5'],
        ['a,"2026-01-04,4', "x,2026-01-06,6", 'b,2026-01-05",5'],
        ['a,2026-01-04,"4', "x,2026-01-06,6", 'b,2026-01-05,5"'],
        ['a,2026-01-04,"4', 'b,2026-01-05,5"'],
    ],
)
def test_a_quote_that_swallows_rows_is_bad_and_they_are_not_data_of_a_neighbour(lines):
    table = read(HEADER + ROWS + "\n".join(lines) + "\n" + ROWS)
    assert [row for row in table.rows if row[0] != "x"] == [A, B, C] * 2
    assert [line for line, _ in table.bad] == [5, 4 + len(lines)]
    assert "A quote that begins in line 5 swallows line" in table.bad[0][1]
    assert table.bad[1][1] == "The line has a quote without its other one."


def test_text_behind_a_closing_quote_is_bad():
    table = read(HEADER + '"a"x,2026-01-01,1\n' + '"b,2026-01-02,2\nc,"2026-01-03,3"\n' + ROWS)
    assert table.rows == [A, B, C]
    assert [line for line, _ in table.bad] == [2, 3, 4]


@pytest.mark.parametrize(
    "note", ["Leave at door,\nring twice", "1 Example St, Apt 4\nBerlin\n\n", 'say ""hi""\r\nthere']
)
def test_a_cell_may_have_several_lines(note):
    for place in range(4):
        row = list(A)
        row.insert(place, note.replace('""', '"'))
        quoted = list(A)
        quoted.insert(place, f'"{note}"')
        names = ["customer", "date", "amount"]
        names.insert(place, "note")
        text = ",".join(names) + "\n" + ",".join([*A[:place], "-", *A[place:]]) + "\n"
        table = read(text + (",".join(quoted) + "\n") * 3)
        assert table.bad == []
        assert table.rows[1:] == [tuple(row)] * 3
        assert table.lines[-1] == 2 + 3 * (1 + note.count("\n"))


def test_a_cell_of_several_lines_may_cross_any_border_of_blocks():
    note = "x" * 50 + "\n" + "y" * 50
    rows = "".join(f'c{n},2026-01-01,{n},"{note}"\n' for n in range(5_000))
    table = read("customer,date,amount,note\n" + rows)
    assert table.bad == []
    assert [row[2] for row in table.rows] == [str(n) for n in range(5_000)]
    assert {row[3] for row in table.rows} == {note}


def test_a_long_row_is_read_and_one_of_more_than_1_mib_is_bad():
    long, longer = "x" * 1_000_000, "y" * 3_000_000
    table = read(HEADER + f"{long},2026-01-01,1\n{longer},2026-01-02,2\n" + ROWS)
    assert [len(row[0]) for row in table.rows] == [1_000_000, 1, 1, 1]
    assert table.bad == [(3, "The line has more than 1,048,576 characters.")]
    assert table.lines == [2, 4, 5, 6]


def test_a_footer_is_no_row_and_not_bad():
    footer = '\n"Won opportunities"\n\n"Generated By: Sam, 3/16/2026"\n'
    table = read(HEADER + ROWS + footer)
    assert (table.rows, table.bad, table.footer) == ([A, B, C], [], [6, 8])
    assert len(table.head) == 3


@pytest.mark.parametrize("line", ["Total,,7.50", "Summe:;;7,50", "Grand total", "© Shop 2026,"])
def test_a_sum_is_a_footer_without_an_empty_line(line):
    text = HEADER + ROWS
    table = read((text.replace(",", ";") if ";" in line else text) + line + "\n")
    assert (len(table.rows), table.bad, table.footer) == (3, [], [5])


def test_a_sum_of_several_columns_is_a_footer_where_a_required_column_is_empty():
    text = "customer,date,amount,tax,net\na,2026-01-01,1,2,3\nTotal,,1,2,3\n"
    table = open_table(File(io.BytesIO(text.encode())), Choices())
    table.select([0, 1, 2], required=[1])
    assert (cells(table).rows, table.footer) == ([("a", "2026-01-01", "1")], [3])


def test_a_customer_who_is_called_total_is_no_footer():
    table = read(HEADER + ROWS + "Total Wine,2026-01-09,5\n")
    assert (len(table.rows), table.footer) == (4, [])


def test_short_lines_between_rows_are_bad():
    table = read(HEADER + ROWS + "\nTotal,7\n" + ROWS + "d,2026-01-04\n")
    assert len(table.rows) == 6
    assert [line for line, _ in table.bad] == [6, 10]


def test_a_footer_is_recognised_wherever_blocks_end():
    for rows in range(3_108, 3_124):
        # Blocks of 131,072 characters, the first, and of 65,536.
        text = HEADER + "a,2026-01-01,1.5,xxxxxxxxxxxxxxxxxxxxxxxxx\n".replace(",xx", "xx") * rows
        text += "\nTotal,,5\nA note\n"
        table = read(text)
        assert (len(table.rows), table.footer, table.bad) == (rows, [rows + 3, rows + 4], [])


def test_a_last_line_that_is_broken_off_is_bad():
    text = "customer,date,amount,note\na,2026-01-01,1.50,x\nb,2026-01-02,12.50,y\n"
    table = read(text[:-4], ["customer", "amount"])
    assert table.rows == [("a", "1.50")]
    assert table.bad[0][0] == 3 and "broken off" in table.bad[0][1]
    assert len(read(text[:-1]).rows) == 2


def test_a_part_of_a_file_is_read_up_to_its_last_whole_line():
    text = HEADER + ROWS
    for size in range(len(HEADER) + 17, len(text)):
        table = read(text[:size], partial=True)
        assert table.bad == []
        assert table.rows == [A, B, C][: text[:size].count("\n") - 1]
    cut = (text + "Müller,2026-01-04,4").encode()[:-18]
    assert cut.endswith(b"M\xc3")
    assert (read(cut, partial=True).encoding, read(cut, partial=True).warnings) == ("utf-8", [])
    note = text + 'd,2026-01-04,"x\ny'
    assert (read(note, partial=True).rows, read(note, partial=True).bad) == ([A, B, C], [])
    swallowed = read(text + '"d,2026-01-04,4\n' + ROWS, partial=True)
    assert (len(swallowed.rows), [line for line, _ in swallowed.bad]) == (6, [5])


def test_a_part_of_a_gzip_is_read_as_far_as_it_goes():
    rows = "".join(f"c{n * 7919 % 99_991},2026-01-01,{n}\n" for n in range(50_000))
    packed = gzip.compress((HEADER + rows).encode())
    table = read(packed[: len(packed) // 2], partial=True)
    assert 0 < len(table.rows) < 50_000
    assert table.bad == []
    assert refusal(packed[: len(packed) // 2]) == "The gzip file is broken or ends too early."


def test_no_more_than_the_limit_is_read_of_a_part(monkeypatch):
    monkeypatch.setattr(stream, "MAX_PREVIEW_BYTES", 100_000)
    text = HEADER + "a,2026-01-01,1\n" * 20_000
    assert len(read(text, partial=True).rows) == (100_000 - len(HEADER)) // 15
    assert len(read(gzip.compress(text.encode()), partial=True).rows) == 6_665
    assert len(read(text).rows) == 20_000


def test_a_gzip_that_inflates_to_too_much_is_refused():
    packed = gzip.compress((HEADER + "a,2026-01-01,1\n" * 100_000).encode())
    with pytest.raises(TooLarge, match="more than 1000000 bytes"):
        table = open_table(File(io.BytesIO(packed), max_bytes=1_000_000), Choices())
        cells(table)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_stream_may_come_byte_by_byte(pack):
    data = Unseekable(pack((HEADER + ROWS).encode()), 1)
    with closing(open_table(File(data), Choices())) as table:
        assert cells(table).rows == [A, B, C]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("make", [Unseekable, io.BytesIO])
def test_a_table_can_be_read_again_from_any_stream(pack, size, make, monkeypatch):
    monkeypatch.setattr(stream, "MAX_KEPT_IN_MEMORY", 1_000)
    rows = "".join(f"Zoë{n},2026-01-01,{n}\n" for n in range(size))
    data = make(pack((HEADER + rows).encode("windows-1252")))
    with closing(open_table(File(data), Choices())) as table:
        table.read()
        table.rewind()
        first = cells(table)
        table.rewind(is_last=True)
        assert cells(table) == first
        assert len(first.rows) == size and first.bad == []
        assert len(first.warnings) == 1


def test_the_last_reading_may_go_further_than_those_before():
    rows = "".join(f"c{n},2026-01-01,{n}\n" for n in range(50_000))
    with closing(open_table(File(Unseekable((HEADER + rows).encode())), Choices())) as table:
        table.head()
        table.rewind(is_last=True)
        assert len(cells(table).rows) == 50_000


def test_memory_does_not_grow_with_the_file_or_its_lines():
    def data():
        yield b"customer,date,amount,note\n"
        for n in range(40):
            yield b'a,2026-01-01,1,"%s\n%s"\n' % (b"x" * 100_000, b"y" * 100_000)
            yield b'b,2026-01-01,1,"%d\n' % n
            yield b"z" * 2_000_000 + b"\n"

    tracemalloc.start()
    with closing(open_table(File(Generated(data())), Choices(encoding="utf-8"))) as table:
        table.rewind(is_last=True)
        bad = 0
        while True:
            try:
                if table.read() is None:
                    break
            except ValueError:
                bad += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bad == 80
    assert peak < 24 * 1024 * 1024


class Generated(io.RawIOBase):
    """A stream of pieces that are made when they are read."""

    def __init__(self, pieces):
        self._pieces, self._rest = pieces, b""

    def readable(self):
        return True

    def readinto(self, buffer):
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def test_a_file_is_closed_by_nobody_but_its_owner():
    source = io.BytesIO((HEADER + ROWS).encode())
    open_table(File(source), Choices()).close()
    with pytest.raises(Invalid):
        open_table(File(io.BytesIO(b"")), Choices())
    assert not source.closed
