"""What a process keeps in memory for a while, so that it need not ask the database again."""

import threading
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Things by name, each for a limited time, and at most ``size`` of them: the one that was
    added first makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._things: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._things)

    def get(self, name: str) -> T | None:
        """What has this name, if its time has not run out."""
        found = self._things.get(name)
        return found[1] if found and found[0] > time.monotonic() else None

    def add(self, name: str, thing: T, until: float, epoch: int | None = None) -> None:
        """Keep a thing until this time of the monotonic clock.

        :param epoch: that of before the thing was read: had all been cleared since, it may be what
            it no longer is, and is not kept
        """
        with self._lock:
            if epoch not in (None, self.epoch):
                return
            self._things.pop(name, None)
            if len(self._things) >= self._size:
                del self._things[next(iter(self._things))]
            self._things[name] = (until, thing)

    def clear(self) -> None:
        """Keep nothing, and nothing that is being read now."""
        with self._lock:
            self.epoch += 1
            self._things.clear()
