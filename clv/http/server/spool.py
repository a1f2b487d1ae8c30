"""Bytes that wait: a body for its thread, a response for its client."""

import io
import tempfile
import threading
from collections.abc import Hashable
from typing import Any, BinaryIO, cast

from clv.budgets import MAX_IN_MEMORY, MAX_SPOOLED
from clv.errors import Unavailable
from clv.temporary_disk import Held, TemporaryDisk

_TOO_MANY = "Too many requests and responses wait for slow clients. Try again shortly."
_FULL = "The service's temporary disk is full. Try again shortly."


class SpoolRoom:
    """Where spools go that are too large for memory.

    :param disk: counts their bytes
    :param most: files at the same time, each of which takes a descriptor
    """

    def __init__(self, disk: TemporaryDisk, most: int = MAX_SPOOLED) -> None:
        self._disk = disk
        self._files = threading.BoundedSemaphore(most)

    def take(self, owner: Hashable) -> Held:
        """Take a place for a file.

        :raises Unavailable: when there is none
        """
        if not self._files.acquire(blocking=False):
            raise Unavailable(_TOO_MANY)
        return self._disk.hold(owner)

    def leave(self, held: Held) -> None:
        """Give the place and its bytes back."""
        held.close()
        self._files.release()


class Spool:
    """Bytes in memory; beyond ``MAX_IN_MEMORY`` in a temporary file without a name.

    :param owner: whose bytes they are: a tenant's id
    """

    def __init__(self, room: SpoolRoom, owner: Hashable) -> None:
        self._room, self._owner = room, owner
        self._held: Held | None = None
        self.file: BinaryIO = io.BytesIO()
        self.size = 0

    def append(self, data: Any) -> None:
        """Add these bytes at the end.

        :raises Unavailable: when there is no temporary disk for them; nothing was added
        """
        size = self.size + len(data)
        if self._held is None and size > MAX_IN_MEMORY:
            self._move_to_disk()
        if self._held is not None:
            self._held.grow_to(size)
        try:
            self.file.seek(self.size)
            self.file.write(data)
        except OSError:
            raise Unavailable(_FULL) from None
        self.size = size

    def close(self) -> None:
        """Forget the bytes. A second call changes nothing."""
        held, self._held = self._held, None
        try:
            self.file.close()
        except OSError:
            # What it could not write any more.
            pass
        if held is not None:
            self._room.leave(held)

    def _move_to_disk(self) -> None:
        held = self._room.take(self._owner)
        try:
            held.grow_to(self.size)
            # Readable by this user alone, and gone with the process.
            file = cast(BinaryIO, tempfile.TemporaryFile())
            file.write(cast(io.BytesIO, self.file).getbuffer())
        except OSError:
            self._room.leave(held)
            raise Unavailable(_FULL) from None
        except Unavailable:
            self._room.leave(held)
            raise
        self.file, self._held = file, held
