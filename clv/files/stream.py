"""The bytes of a file: inflated if it is a gzip, limited in size, and readable more than once."""

import gzip
import io
import tempfile
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from clv.errors import Invalid, TooLarge

GZIP_MAGIC = b"\x1f\x8b"
# What was read is kept in memory up to this size, and beyond it on disk.
MAX_KEPT_IN_MEMORY = 4 * 1024 * 1024
# Of the first part of a file, no more is read.
MAX_PREVIEW_BYTES = 64 * 1024 * 1024
_BUFFER_SIZE = 65_536


@dataclass(frozen=True, slots=True)
class File:
    """A file to read.

    :param kind: ``csv`` with a header line, or ``ndjson``: one object per line; ``xlsx`` is told
        from CSV by its content
    :param max_bytes: the most that a gzip or a workbook may inflate to; None for no limit
    """

    stream: BinaryIO
    kind: str = "csv"
    max_bytes: int | None = None


class KeptStream:
    """A stream that can be read from its beginning again and again.

    One that can seek is read where it is; of another, what was read is kept.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start, self._copy = 0, None
        if stream.seekable():
            self._start = stream.tell()
        else:
            self._copy = tempfile.SpooledTemporaryFile(MAX_KEPT_IN_MEMORY)
        self._copied, self._keeps = 0, True

    def reading(self) -> io.BufferedReader:
        """The bytes from the beginning; a reader of before must not be used any more."""
        if not self._copy:
            self._stream.seek(self._start)
        return io.BufferedReader(_Reading(self), _BUFFER_SIZE)

    def read_at(self, position: int, size: int) -> bytes:
        """Up to so many bytes from a position that was read before, or is the next."""
        if self._copy and position < self._copied:
            self._copy.seek(position)
            return self._copy.read(size)
        data = b""
        # The beginning must not be torn: what kind of file it is shows there.
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        if self._copy and self._keeps:
            self._copy.seek(position)
            self._copy.write(data)
            self._copied += len(data)
        return data

    def keep_no_more(self) -> None:
        """The reading that goes on is the last."""
        self._keeps = False

    def close(self) -> None:
        """Give back the disk; the stream itself stays open."""
        if self._copy:
            self._copy.close()


class _Reading(io.RawIOBase):
    """One pass over a kept stream."""

    def __init__(self, kept: KeptStream) -> None:
        self._kept, self._position = kept, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._kept.read_at(self._position, len(buffer))
        self._position += len(data)
        buffer[: len(data)] = data
        return len(data)


def buffered(stream: BinaryIO) -> io.BufferedReader:
    """The stream with a buffer, if it has none."""
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast(io.RawIOBase, stream))


def inflated(
    stream: io.BufferedReader, max_bytes: int | None, partial: bool = False
) -> io.BufferedReader:
    """The bytes of a gzip; those of any other file as they are.

    :param max_bytes: the most that a gzip may inflate to; None for no limit
    :param partial: the stream is the first part of a file, and only its beginning is read
    :raises Invalid: while reading, if the gzip is broken
    :raises TooLarge: while reading, if it inflates to more than it may
    """
    is_gzip = stream.peek(2)[:2] == GZIP_MAGIC
    if not is_gzip and not partial:
        return stream
    source = cast(io.BufferedReader, gzip.GzipFile(fileobj=stream)) if is_gzip else stream
    return io.BufferedReader(_Limited(source, max_bytes if is_gzip else None, partial))


class _Limited(io.RawIOBase):
    """A stream that raises TooLarge after this many bytes: a small gzip can inflate to any size."""

    def __init__(self, stream: io.BufferedReader, max_bytes: int | None, partial: bool) -> None:
        self._stream, self._max, self._partial = stream, max_bytes, partial
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        if self._partial:
            size = min(size, MAX_PREVIEW_BYTES - self._read)
        data = self._inflated(size) if size else b""
        self._read += len(data)
        if self._max is not None and self._read > self._max:
            raise TooLarge(f"The file inflates to more than {self._max} bytes.")
        buffer[: len(data)] = data
        return len(data)

    def _inflated(self, size: int) -> bytes:
        try:
            return self._stream.read1(size)
        except EOFError:
            if self._partial:
                return b""
            raise Invalid("The gzip file is broken or ends too early.") from None
        except (gzip.BadGzipFile, zlib.error):
            raise Invalid("The gzip file is broken or ends too early.") from None
