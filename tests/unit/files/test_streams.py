"""Text files that come in part, in pieces, more than once, or too large."""

import gzip
import io
import tracemalloc
from contextlib import closing

import pytest

from clv.errors import Invalid, TooLarge
from clv.files import stream
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.table import open_table
from tests.unit.files.support import Unseekable, cells, read, refusal

HEADER = "customer,date,amount\n"
A, B, C = ("a", "2026-01-01", "1.5"), ("b", "2026-01-02", "2.5"), ("c", "2026-01-03", "3.5")
ROWS = "".join(",".join(row) + "\n" for row in (A, B, C))


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


def test_a_part_of_ndjson_that_ends_within_a_character_is_still_utf_8():
    whole = '{"customer": "a"}\n{"customer": "ü"}\n'.encode()
    part = whole[: whole.index("ü".encode()) + 1]
    with closing(open_table(File(Unseekable(part), "ndjson"), Choices(), partial=True)) as table:
        rest = cells(table)
    assert (rest.rows, rest.encoding, rest.warnings) == ([("a",)], "utf-8", [])
