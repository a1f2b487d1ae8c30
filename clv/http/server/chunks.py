"""A body as it is framed on the connection: of a length that was announced, or in chunks.

Gunicorn's reader of chunks waits for the next byte in the middle of its work, so a thread would
have to wait with it. Here the data of chunks is taken as it arrives. The lines between them are
still read by gunicorn's reader, once they are there, so that nothing is accepted that it refuses.
"""

import re
from collections.abc import Iterator
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize
from gunicorn.http.unreader import Unreader

from clv.budgets import MAX_FRAMING_BYTES

# Chunks are small, and taking them apart costs time that other connections wait.
MOST_CHUNKED_AT_ONCE = 65_536
_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_LINE_END = b"\r\n"
# A line with a chunk's size, or all trailers.
_MAX_LINE = 8_190
_MAX_LINES = 2 * _MAX_LINE + 8


class Length:
    """The frame of a body whose length was announced.

    :param length: in bytes
    """

    def __init__(self, length: int) -> None:
        self._left = length
        self.rest = b""

    @property
    def is_complete(self) -> bool:
        """Whether all of it has arrived."""
        return self._left == 0

    @property
    def wanted(self) -> int:
        """How many more bytes may be read from the connection."""
        return self._left

    def data(self, arrived: Any) -> Iterator[Any]:
        """The body's part of these bytes; what is behind its end becomes the ``rest``."""
        part = arrived[: self._left]
        self.rest = bytes(arrived[self._left :])
        self._left -= len(part)
        yield part


class Chunks:
    """The frame of a body in chunks.

    :param reader: gunicorn's, which has read nothing yet
    """

    wanted = MOST_CHUNKED_AT_ONCE

    def __init__(self, reader: ChunkedReader) -> None:
        self._reader = reader
        reader.limit_chunk_size_line = reader.limit_trailer_section = _MAX_LINE
        self._kept = b""
        self._left = 0
        self._is_within = False
        self._data = self._framing = 0
        self.is_complete = False
        self.rest = b""

    def data(self, arrived: Any) -> Iterator[Any]:
        """The data of the chunks in these bytes; what is behind the last becomes the ``rest``.

        :raises ParseException: when they are not well-formed
        """
        pending = self._kept + arrived
        at, end = 0, len(pending)
        while at < end and not self.is_complete:
            if self._left:
                part = memoryview(pending)[at : at + self._left]
                self._left -= len(part)
                self._data += len(part)
                at += len(part)
                yield part
                continue
            past = self._past_lines(pending, at)
            if past == at:
                break
            self._framing += past - at
            at = past
        self._keep(pending[at:])

    def _past_lines(self, pending: bytes, at: int) -> int:
        """The position behind the end of a chunk and the size of the next; the same if they have
        not arrived yet."""
        start = at
        if self._is_within:
            if len(pending) < at + 2:
                return start
            if pending[at : at + 2] != _LINE_END:
                raise ChunkMissingTerminator(pending[at : at + 2])
            at += 2
        plain = _PLAIN_SIZE.match(pending, at)
        size = int(plain[1], 16) if plain else 0
        if not plain or not size:
            return self._past_any_lines(pending[at : at + _MAX_LINES], at, start)
        self._left, self._is_within = size, True
        return plain.end()

    def _past_any_lines(self, pending: bytes, at: int, start: int) -> int:
        """The same by gunicorn's reader, for lines with extensions, the last and its trailers."""
        source = _Arrived()
        try:
            size, rest = self._reader.parse_chunk_size(source, data=pending)
        except _NotYet:
            return start
        self._left, self._is_within, self.is_complete = size, True, size == 0
        behind = source.take_buffered() if size == 0 else rest
        return at + len(pending) - len(behind)

    def _keep(self, pending: bytes) -> None:
        if self.is_complete:
            self.rest = pending
            return
        self._kept = pending
        if len(pending) > _MAX_LINES or self._framing > MAX_FRAMING_BYTES + self._data // 4:
            raise InvalidChunkSize(b"too small or too long")


class _NotYet(Exception):
    """More has to arrive first."""


class _Arrived(Unreader):
    """A connection from which nothing more arrives now."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Nothing: whoever asks has to come again."""
        raise _NotYet
