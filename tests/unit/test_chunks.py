"""Chunks are read as they arrive, and exactly those that gunicorn would read."""

from types import SimpleNamespace

import pytest
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Message
from gunicorn.http.unreader import IterUnreader
from hypothesis import example, given
from hypothesis import strategies as st

from clv.http.server.chunks import Chunks

GOOD = b'5\r\nhello\r\n1;a=b\r\n \r\nA;x="y z"\r\n0123456789\r\n0\r\nX-A: b\r\n\r\n'
BAD = [
    b"zz\r\n",
    b"-2\r\n{}\r\n",
    b"0x2\r\n{}\r\n",
    b"\r\n{}\r\n",
    b"2\r\n{}0\r\n\r\n",
    b"2;\r\r\n{}\r\n",
    b"2 \r\n{}\r\n",
    b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    b"2\r\n{}\r\n0\r\nX\r\n\r\n",
    b"0" * 20_000 + b"2\r\n",
    b"0\r\n" + b"X-A: b\r\n" * 2_000,
]
SYNTAX = st.sampled_from(
    [b"0", b"1", b"2", b"a", b"\r\n", b"\r", b"\n", b";", b"a=b", b" ", b"x", b"X-A: b\r\n"]
)


def reader(data: bytes = b"") -> ChunkedReader:
    """Gunicorn's reader of a request with this body."""
    request = SimpleNamespace(
        cfg=SimpleNamespace(
            strip_header_spaces=False, permit_obsolete_folding=False, header_map="drop"
        ),
        limit_request_fields=64,
        limit_request_field_size=8_190,
        max_buffer_headers=10_000,
        _apply_header_policy=lambda name, value, *rest, **more: (name, value),
    )
    request.parse_headers = lambda data, from_trailer: Message.parse_headers(
        request, data, from_trailer
    )
    return ChunkedReader(request, IterUnreader([data]))


def ours(pieces: list[bytes]) -> bytes | None:
    """The data and the rest; None when they are not well-formed or end too early."""
    chunks, data = Chunks(reader()), b""
    try:
        for number, piece in enumerate(pieces):
            data += b"".join(map(bytes, chunks.data(piece)))
            if chunks.is_complete:
                return data + b"|" + chunks.rest + b"".join(pieces[number + 1 :])
    except ParseException:
        pass
    return None


def theirs(body: bytes) -> bytes | None:
    """The same as gunicorn has it."""
    source = reader(body)
    unreader = source.parser.gi_frame.f_locals["unreader"]
    try:
        data = source.read(10**9)
    except (ParseException, NoMoreData):
        return None
    return data + b"|" + unreader.buf.getvalue()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_chunks_may_be_cut_anywhere(size):
    body = GOOD + b"GET /next"
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert ours(pieces) == theirs(body) == b"hello 0123456789|GET /next"


@pytest.mark.parametrize("body", BAD, ids=lambda body: ascii(body[:20]))
def test_what_gunicorn_refuses_is_refused(body):
    for size in (1, len(body)):
        chunks = Chunks(reader())
        with pytest.raises(ParseException):
            for at in range(0, len(body), size):
                list(chunks.data(body[at : at + size]))
            raise AssertionError(chunks.is_complete)


@given(st.lists(SYNTAX, max_size=30))
@example([b"1\r\nx\r\n", b"0\r\n", b"\r\n"])
def test_any_body_is_read_as_gunicorn_reads_it(pieces):
    body = b"".join(pieces)
    assert ours(pieces) == ours([body]) == ours([bytes([one]) for one in body]) == theirs(body)


def test_chunks_of_a_byte_each_are_refused_in_the_end():
    chunks = Chunks(reader())
    with pytest.raises(ParseException):
        for _ in range(100):
            list(chunks.data(b"1\r\nx\r\n" * 10_000))
