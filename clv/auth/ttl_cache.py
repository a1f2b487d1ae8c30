"""A TTL cache: values that a process keeps for a limited time."""

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Values by key, each with its own expiry, and at most ``size`` of them. When it is full, the
    value that was added first makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[Hashable, tuple[float, T]] = {}
        self._lock = threading.Lock()
        # How often the cache was cleared.
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> T | None:
        """The value of this key, unless it has expired."""
        entry = self._entries.get(key)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def add(self, key: Hashable, value: T, expires: float, epoch: int | None = None) -> None:
        """Keep a value until this time of the monotonic clock.

        :param epoch: the cache's epoch before the value was read. If the cache was cleared since
            then, the value may be outdated, and is not kept.
        """
        with self._lock:
            if epoch not in (None, self.epoch):
                return
            self._entries.pop(key, None)
            if len(self._entries) >= self._size:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = (expires, value)

    def clear(self) -> None:
        """Drop all values; those that are being read at this moment are not kept either."""
        with self._lock:
            self.epoch += 1
            self._entries.clear()
