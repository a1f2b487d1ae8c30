"""A preview of a file's first part."""

import gzip
import io
import random

import pytest

from clv.files import stream
from tests.api.transactions.support import HEADER, PREVIEW, stored
from tests.conftest import ON_ONE_DATABASE

ROW = "c{n},2026-04-{day:02},{n}.50\n"
LINES = [ROW.format(n=n, day=n % 28 + 1) for n in range(1, 1_501)]
WHOLE = f"{HEADER}{''.join(LINES)}".encode()


@ON_ONE_DATABASE
def test_at_most_64_mib_are_read(preview, client, headers, monkeypatch):
    assert stream.MAX_PREVIEW_BYTES == 64 * 1024 * 1024
    limit = len(HEADER) + sum(map(len, LINES[:500])) + 5
    monkeypatch.setattr(stream, "MAX_PREVIEW_BYTES", limit)
    for body in (WHOLE, gzip.compress(WHOLE)):
        shown = preview(body, {"partial": "true"}).json
        assert (shown["rows"], shown["badLines"]["count"]) == (500, 0)
        # Without the parameter it is the whole file that is previewed.
        assert preview(body).json["rows"] == 1_500

    class Endless(io.RawIOBase):
        """A body that nobody can read to its end."""

        taken = 0

        def readable(self):
            return True

        def seek(self, *_):
            return 0

        def tell(self):
            return 0

        def readinto(self, buffer):
            data = WHOLE[self.taken : self.taken + len(buffer)] or b"c9,2026-04-01,1\n"
            self.taken += len(data)
            assert self.taken < 4 * 1024 * 1024, "more is read than a buffer behind the limit"
            buffer[: len(data)] = data
            return len(data)

    answer = client.post(
        PREVIEW,
        query_string={"partial": "true"},
        input_stream=Endless(),
        content_type="text/csv",
        headers=headers("editor"),
        environ_overrides={"CONTENT_LENGTH": str(10**12)},
    )
    assert (answer.status_code, answer.json["rows"]) == (200, 500), answer.text


@ON_ONE_DATABASE
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_file_cut_off_anywhere_shows_its_whole_lines_alone(preview, compress):
    whole = compress(WHOLE)
    chance = random.Random(7)
    for _ in range(10):
        part = whole[: chance.randrange(len(whole) // 4, len(whole))]
        shown = preview(part, {"partial": "true"})
        assert shown.status_code == 200, shown.text
        rows = shown.json["rows"]
        assert 100 < rows < 1_500
        assert (shown.json["badLines"]["count"], shown.json["leftOut"]) == (0, [])
        assert shown.json["total"] == sum(n + 0.5 for n in range(1, rows + 1))
        if compress is bytes:
            assert rows == part.count(b"\n") - 1


@ON_ONE_DATABASE
def test_a_row_of_several_lines_is_cut_off_as_a_whole(preview):
    header = "Customer,Date,Total,Notes\n"
    row = 'a,2026-04-01,5,"Ring twice,\nplease"\n'
    whole = header + row * 50
    for cut in range(len(whole) - len(row), len(whole)):
        shown = preview(whole[:cut], {"partial": "true"}).json
        assert (shown["transactions"], shown["badLines"]["count"]) == (49, 0), whole[cut - 20 : cut]


@ON_ONE_DATABASE
def test_a_character_that_is_cut_off_is_no_reason_to_take_it_for_another_encoding(preview):
    whole = f"{HEADER}ä,2026-04-01,1\nö,2026-04-01,2\n".encode()
    for cut in range(len(whole) - 16, len(whole)):
        shown = preview(whole[:cut], {"partial": "true"}).json
        assert shown["reading"]["encoding"] == "utf-8"
        assert (shown["rows"], shown["warnings"]) == (1, [])


@ON_ONE_DATABASE
def test_a_part_stores_nothing_and_a_load_takes_none(preview, put):
    preview(WHOLE, {"partial": "true"})
    assert put(WHOLE, {"partial": "true"}).status_code == 400
    assert stored() == []
