"""How many threads may be kept by requests that take long."""

import contextlib
import threading
from collections.abc import Iterator

from clv.errors import Unavailable


class WaitingRoom:
    """How many of the process's threads may be kept at once by requests that wait for runs, by
    files that go no faster than their readers, and by simulations; the others stay free for
    requests that take no time."""

    def __init__(self, seats: int) -> None:
        self._seats = threading.BoundedSemaphore(seats)

    def take(self) -> bool:
        """Take a seat, if one is free."""
        return self._seats.acquire(blocking=False)

    def leave(self) -> None:
        """Give the seat back."""
        self._seats.release()

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Keep a seat for a while.

        :raises Unavailable: when none is free
        """
        if not self.take():
            raise Unavailable("Too many requests that take long at once. Try again shortly.")
        try:
            yield
        finally:
            self.leave()
