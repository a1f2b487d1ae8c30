"""A request's body, which the application may ask for before it is there."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from clv.budgets import MAX_FORM_BYTES
from clv.errors import BrokenOff, ClvError
from clv.http.carried import Carried, too_large
from clv.http.parser import BROKEN_OFF
from clv.http.server.chunks import Chunks, Length
from clv.http.server.spool import Spool, SpoolRoom


class BodyAwaited(BaseException):
    """The application has asked for a body that has yet to come. It is called again once the body
    is there. A BaseException, because nothing on the way may take it for a failure."""


class Body:
    """A request's body as ``wsgi.input``.

    It is received into a spool, by the thread what is there already and by the event loop the rest.
    One that breaks off, is malformed or is too large raises that when it is read, so that the
    application answers it like any other error.

    :param request: as gunicorn has parsed it
    """

    def __init__(self, request: Any, room: SpoolRoom) -> None:
        self.carried = Carried()
        # The body as gunicorn would read it, as long as nothing of it was taken.
        self.untouched: Any = request.body
        # Only once somebody reads it does the client have to send it.
        self.expects_continue = request._expected_100_continue
        request._expected_100_continue = False
        self._request, self._room = request, room
        self._frame = _frame(request.body.reader)
        self._spool: Spool | None = None
        self._file: BinaryIO | None = None
        self._error: ClvError | None = None
        self._is_cut = False

    @property
    def is_here(self) -> bool:
        """Whether nothing more will come: it is complete, or there was an error."""
        return self._error is not None or self._is_cut or self._frame.is_complete

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come, so that the next request begins where it ends."""
        is_good = self._error is None and not self._is_cut
        return is_good and self.untouched is None and self._frame.is_complete

    @property
    def wanted(self) -> int:
        """How many bytes may be read from the connection at once."""
        return self._frame.wanted

    def take(self, arrived: Any) -> None:
        """Take these bytes from the connection. What is behind the body is given back."""
        self.untouched = None
        try:
            for data in self._frame.data(arrived):
                if not self._is_cut:
                    self._append(data)
        except ParseException:
            self.break_off()
        except ClvError as error:
            self._fail(error)
        if self.is_whole and self._frame.rest:
            self._request.unreader.unread(self._frame.rest)

    def break_off(self) -> None:
        """Nothing more will come, though something is missing."""
        self._fail(BrokenOff(BROKEN_OFF))

    def close(self) -> None:
        """Forget it."""
        if self._spool is not None:
            self._spool.close()

    def opened(self) -> BinaryIO:
        """The body as a file, which is at its beginning when it is opened first.

        :raises BodyAwaited: when it has yet to come
        :raises ClvError: when it did not come whole
        """
        if self._file is None:
            if not self.is_here:
                self.take(self._request.unreader.take_buffered())
            if not self.is_here:
                raise BodyAwaited
            if self._error is not None:
                raise self._error
            self._file = io.BytesIO() if self._spool is None else self._spool.file
            self._file.seek(0)
        return self._file

    def read(self, size: int | None = -1) -> bytes:
        """As :meth:`io.BufferedIOBase.read`."""
        return self.opened().read(-1 if size is None else size)

    def readline(self, size: int | None = -1) -> bytes:
        """As :meth:`io.IOBase.readline`."""
        return self.opened().readline(-1 if size is None else size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """As :meth:`io.IOBase.readlines`."""
        return self.opened().readlines(hint)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.opened())

    def _append(self, data: Any) -> None:
        known = self.carried
        limit = known.limit if known.owner is not None else min(known.limit, MAX_FORM_BYTES)
        if self._spool is None:
            self._spool = Spool(self._room, known.owner)
        room = limit - self._spool.size
        if len(data) > room and not known.is_cut:
            raise too_large(limit)
        self._spool.append(data[:room])
        self._is_cut = len(data) > room

    def _fail(self, error: ClvError) -> None:
        self._error = error
        self.close()


def has_body(request: Any) -> bool:
    """Whether a request has a body that is not empty."""
    reader = request.body.reader
    return not isinstance(reader, LengthReader) or reader.length > 0


def _frame(reader: Any) -> Length | Chunks:
    return Chunks(reader) if isinstance(reader, ChunkedReader) else Length(reader.length)
