"""The bytes of a file: inflated if it is a gzip, limited in size, and readable more than once."""

import gzip
import io
import tempfile
import zlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, cast

from clv.budgets import MAX_BAD_LINES
from clv.errors import Invalid, TooLarge
from clv.files.effort import Effort

GZIP_MAGIC = b"\x1f\x8b"
# What was read is kept in memory up to this size, and beyond it on disk.
MAX_KEPT_IN_MEMORY = 4 * 1024 * 1024
# Of the first part of a file, no more is read.
MAX_PREVIEW_BYTES = 64 * 1024 * 1024
_BUFFER_SIZE = 65_536


class Disk(Protocol):
    """The temporary disk that a file takes, such as ``clv.temporary_disk.Held``."""

    def grow(self, size: int) -> None:
        """So many bytes are about to be written. Raises what ends the reading if they may not."""

    def close(self) -> None:
        """All of it is free again."""


class UncountedDisk:
    """Temporary disk that nobody counts."""

    def grow(self, size: int) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class File:
    """A file to read.

    :param kind: ``csv`` with a header line, or ``ndjson``: one object per line; ``xlsx`` is told
        from CSV by its content
    :param max_bytes: the most that a gzip or a workbook may inflate to; None for no limit
    :param max_bad_lines: after more of them reading stops
    :param effort: what the reading costs
    :param disk: is told of what goes to the temporary disk
    """

    stream: BinaryIO
    kind: str = "csv"
    max_bytes: int | None = None
    max_bad_lines: int = MAX_BAD_LINES
    effort: Effort = field(default_factory=Effort)
    disk: Disk = field(default_factory=UncountedDisk)


class KeptStream:
    """A stream that can be read from its beginning again and again.

    One that can seek is read where it is; of another, what was read is kept.
    """

    def __init__(self, file: File) -> None:
        self._file, self._stream = file, file.stream
        self._start, self._copy = 0, None
        if self._stream.seekable():
            self._start = self._stream.tell()
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
            self._claim(len(data))
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

    def _claim(self, size: int) -> None:
        """Claim disk for what comes next, and for all before it when it goes to disk as well."""
        if self._copied + size > MAX_KEPT_IN_MEMORY:
            is_first = self._copied <= MAX_KEPT_IN_MEMORY
            self._file.disk.grow(self._copied + size if is_first else size)


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


def inflated(stream: io.BufferedReader, file: File, partial: bool = False) -> io.BufferedReader:
    """The bytes of a gzip; those of any other file as they are.

    :param stream: of the bytes as they were sent
    :param file: says what they may inflate to, and counts what reading costs
    :param partial: the stream is the first part of a file, and only its beginning is read
    :raises Invalid: while reading, if the gzip is broken, or reading takes too long
    :raises TooLarge: while reading, if it inflates to more than it may
    """
    sent = cast(io.BufferedReader, _Sent(stream, file.effort))
    if stream.peek(2)[:2] != GZIP_MAGIC:
        return io.BufferedReader(_Limited(sent, file.effort, None, partial), _BUFFER_SIZE)
    unpacked = cast(io.BufferedReader, gzip.GzipFile(fileobj=sent))
    return io.BufferedReader(_Limited(unpacked, file.effort, file.max_bytes, partial), _BUFFER_SIZE)


class _Sent:
    """Counts the bytes that a file has before it is unpacked. A gzip may have any number of empty
    members."""

    def __init__(self, stream: io.BufferedReader, effort: Effort) -> None:
        self._stream, self._effort = stream, effort
        self._read = 0

    def read(self, size: int) -> bytes:
        return self._counted(self._stream.read(size))

    def read1(self, size: int) -> bytes:
        return self._counted(self._stream.read1(size))

    def _counted(self, data: bytes) -> bytes:
        self._read += len(data)
        self._effort.sent(self._read)
        return data


class _Limited(io.RawIOBase):
    """A stream that raises TooLarge after this many bytes: a small gzip can inflate to any size."""

    def __init__(
        self, stream: io.BufferedReader, effort: Effort, max_bytes: int | None, partial: bool
    ) -> None:
        self._stream, self._effort = stream, effort
        self._max, self._partial = max_bytes, partial
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
        self._effort.inflated(self._read)
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
