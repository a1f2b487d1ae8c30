"""Limits how many threads slow requests may hold."""

import contextlib
import threading
from collections.abc import Iterator

from clv.errors import Unavailable


class WaitingRoom:
    """The threads of the process that slow requests may hold at the same time: those that wait for
    runs, files that go no faster than their readers, previews of files, and simulations. The other
    threads stay free for quick requests.

    :param seats: the number of such threads
    """

    def __init__(self, seats: int) -> None:
        self._seats = threading.BoundedSemaphore(seats)

    def take(self) -> bool:
        """Take a seat. False if none is free."""
        return self._seats.acquire(blocking=False)

    def leave(self) -> None:
        """Give a seat back."""
        self._seats.release()

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Hold a seat within the block.

        :raises Unavailable: when none is free
        """
        if not self.take():
            raise Unavailable("Too many requests that take long at once. Try again shortly.")
        try:
            yield
        finally:
            self.leave()
