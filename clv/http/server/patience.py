"""How long the service waits for a slow client."""

import time

from clv.budgets import LEAST_BYTES_PER_SECOND, PATIENCE_SECONDS


class Patience:
    """A deadline that every byte puts off, so that a client that sends one a second is as slow as
    one that stops."""

    def __init__(self) -> None:
        self.until = time.monotonic() + PATIENCE_SECONDS

    def earn(self, size: int) -> None:
        """Put the deadline off for so many bytes, but not beyond the whole patience."""
        most = time.monotonic() + PATIENCE_SECONDS
        self.until = min(most, self.until + size / LEAST_BYTES_PER_SECOND)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.until - time.monotonic()
