"""The encoding of text files."""

import pytest

from tests.unit.files.support import read, refusal

HEADER = "customer,date,amount\n"
A, B, C = ("a", "2026-01-01", "1.5"), ("b", "2026-01-02", "2.5"), ("c", "2026-01-03", "3.5")
ROWS = "".join(",".join(row) + "\n" for row in (A, B, C))


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
