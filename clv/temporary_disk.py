"""How much temporary disk the requests of a process hold, by tenant.

Bodies that wait for a thread, copies of workbooks and staged rows are all temporary
files. Whoever writes one claims its bytes first and gives them back when the file is gone::

    with disk.hold(tenant_id) as held:
        for block in blocks:
            held.grow(len(block))
            file.write(block)

Nothing can be taken away again from a request that goes on. So a tenant gets more than half only
while nobody else holds anything, and never the last quarter.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from clv.budgets import (
    DISK_LOOK_BYTES,
    DISK_RESERVE_BYTES,
    DISK_RESERVE_SHARE,
    DISK_SHARE_ALONE,
    DISK_SHARE_BESIDE_OTHERS,
)
from clv.errors import Unavailable

FULL = "The service's temporary disk is full. Try again shortly."
_SHARE_TAKEN = (
    "Your tenant's requests hold all the temporary disk that a tenant gets now ({:,.0f} MB)."
    " Try again when another of them has ended."
)


class Usage(Protocol):
    """The size of a file system, as of :func:`shutil.disk_usage`."""

    @property
    def total(self) -> int:
        """Its bytes."""

    @property
    def free(self) -> int:
        """The bytes that are free."""


class TemporaryDisk:
    """A thread-safe count of the bytes that are held, by owner: a tenant's id.

    :param limit: the most that all owners hold together, in bytes; less where that would not leave
        a reserve of the file system free
    :param usage: the usage of the file system of temporary files
    """

    def __init__(self, limit: int, usage: Callable[[], Usage] | None = None) -> None:
        self._limit = self._capacity = limit
        self._usage = usage or _usage
        self._held: dict[Hashable, int] = {}
        self._total = 0
        # What was claimed since the file system was last looked at; it never was.
        self._unseen = DISK_LOOK_BYTES
        self._lock = threading.Lock()

    def claim(self, owner: Hashable, size: int) -> None:
        """Count bytes that are about to be written.

        :raises Unavailable: when there is no room, or the owner's share is taken
        """
        with self._lock:
            self._unseen += size
            if self._unseen >= DISK_LOOK_BYTES or self._refusal(owner, size):
                self._look()
            refusal = self._refusal(owner, size)
            if refusal:
                raise Unavailable(refusal)
            self._add(owner, size)

    def release(self, owner: Hashable, size: int) -> None:
        """Count bytes that are free again."""
        with self._lock:
            self._add(owner, -size)

    def hold(self, owner: Hashable) -> "Held":
        """Something that grows. Its bytes are given back at its end."""
        return Held(self, owner)

    @property
    def total(self) -> int:
        """The bytes that all owners hold together."""
        return self._total

    def _look(self) -> None:
        usage = self._usage()
        reserve = min(int(usage.total * DISK_RESERVE_SHARE), DISK_RESERVE_BYTES)
        self._capacity = min(self._limit, self._total + usage.free - reserve)
        self._unseen = 0

    def _refusal(self, owner: Hashable, size: int) -> str | None:
        own = self._held.get(owner, 0)
        is_alone = own == self._total
        share = self._capacity * (DISK_SHARE_ALONE if is_alone else DISK_SHARE_BESIDE_OTHERS)
        if self._total + size > self._capacity:
            return FULL
        return _SHARE_TAKEN.format(share / 1_000_000) if own + size > share else None

    def _add(self, owner: Hashable, size: int) -> None:
        self._total += size
        own = self._held.get(owner, 0) + size
        if own:
            self._held[owner] = own
        else:
            self._held.pop(owner, None)


class Held:
    """The bytes of one thing that grows, made by :meth:`TemporaryDisk.hold`. A context manager, or
    whoever made it closes it."""

    def __init__(self, disk: TemporaryDisk, owner: Hashable) -> None:
        self._disk, self._owner = disk, owner
        self.size = 0

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def grow(self, size: int) -> None:
        """Claim more, before it is written.

        :raises Unavailable: as :meth:`TemporaryDisk.claim`
        """
        self._disk.claim(self._owner, size)
        self.size += size

    def grow_to(self, size: int) -> None:
        """Claim what is missing to this size, if anything is.

        :raises Unavailable: as :meth:`TemporaryDisk.claim`
        """
        if size > self.size:
            self.grow(size - self.size)

    def close(self) -> None:
        """Give everything back. A second call changes nothing."""
        size, self.size = self.size, 0
        self._disk.release(self._owner, size)


def _usage() -> Usage:
    return shutil.disk_usage(tempfile.gettempdir())
