"""Bytes that wait: a body for its thread, a response for its client."""

import io
import tempfile
import threading
from collections import Counter
from collections.abc import Hashable
from typing import Any, BinaryIO, cast

from clv.budgets import (
    DISK_SHARE_ALONE,
    DISK_SHARE_BESIDE_OTHERS,
    MAX_IN_MEMORY,
    MAX_SPOOLED,
)
from clv.errors import Unavailable
from clv.temporary_disk import FULL, Held, TemporaryDisk

_TOO_MANY = "Too many requests and responses wait for slow clients. Try again shortly."


class SpoolRoom:
    """Where spools go that are too large for memory.

    :param disk: counts their bytes
    :param most: files at the same time, each of which takes a descriptor. An owner gets half of
        them, and three quarters while nobody else has any
    """

    def __init__(self, disk: TemporaryDisk, most: int = MAX_SPOOLED) -> None:
        self._disk, self._most = disk, most
        self._files: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def take(self, owner: Hashable) -> Held:
        """Take a place for a file.

        :raises Unavailable: when there is none
        """
        with self._lock:
            own, total = self._files[owner], self._files.total()
            share = DISK_SHARE_ALONE if own == total else DISK_SHARE_BESIDE_OTHERS
            if total >= self._most or own >= max(1, int(self._most * share)):
                raise Unavailable(_TOO_MANY)
            self._files[owner] += 1
        return self._disk.hold(owner)

    def leave(self, owner: Hashable, held: Held) -> None:
        """Give the place and its bytes back."""
        held.close()
        with self._lock:
            self._files[owner] -= 1
            if not self._files[owner]:
                del self._files[owner]


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
            raise Unavailable(FULL) from None
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
            self._room.leave(self._owner, held)

    def _move_to_disk(self) -> None:
        held = self._room.take(self._owner)
        try:
            held.grow_to(self.size)
            # Readable by this user alone, and gone with the process.
            file = cast(BinaryIO, tempfile.TemporaryFile())
            file.write(cast(io.BytesIO, self.file).getbuffer())
        except OSError:
            self._room.leave(self._owner, held)
            raise Unavailable(FULL) from None
        except Unavailable:
            self._room.leave(self._owner, held)
            raise
        self.file, self._held = file, held
