"""Limits how many threads slow requests may hold, in all and by tenant."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from clv.errors import Unavailable

ALL_TAKEN = "All seats for requests that take long are taken. Try again shortly."
YOURS_TAKEN = (
    "Your tenant has as many requests that take long as it may have at once. Try again when one of"
    " them has ended."
)


class WaitingRoom:
    """The threads of the process that slow requests may hold at the same time: those that wait for
    runs, files in either direction, previews, simulations, and whoever reads all customers of a
    tenant. The other threads stay free for quick requests.

    A tenant alone may take all seats but one, and half of them while another holds one.

    :param seats: the number of such threads
    """

    # Called after a seat was given back, by whoever left it.
    on_leave: Callable[[], None] | None = None

    def __init__(self, seats: int) -> None:
        self._seats = seats
        self._taken: Counter[Hashable] = Counter()
        self._changed = threading.Condition()

    @property
    def taken(self) -> int:
        """How many seats are taken."""
        return self._taken.total()

    def take(self, owner: Hashable) -> bool:
        """Take a seat for an owner, a tenant's id. False if there is none for it."""
        with self._changed:
            if self._refusal(owner):
                return False
            self._taken[owner] += 1
            return True

    def leave(self, owner: Hashable) -> None:
        """Give a seat back."""
        with self._changed:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
            self._changed.notify_all()
        if self.on_leave is not None:
            self.on_leave()

    @contextlib.contextmanager
    def seat(self, owner: Hashable, patience: float = 0.0) -> Iterator[None]:
        """Hold a seat within the block.

        :param patience: how many seconds to wait for one
        :raises Unavailable: when there is none, saying whether for this owner or for all
        """
        deadline = time.monotonic() + patience
        with self._changed:
            while refusal := self._refusal(owner):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Unavailable(refusal)
                self._changed.wait(left)
            self._taken[owner] += 1
        try:
            yield
        finally:
            self.leave(owner)

    def seats_of(self, owner: Hashable) -> "SeatsOfOwner":
        """The seats of one owner."""
        return SeatsOfOwner(self, owner)

    def _refusal(self, owner: Hashable) -> str | None:
        """Why there is no seat for an owner."""
        own, taken = self._taken[owner], self.taken
        if taken >= self._seats:
            return ALL_TAKEN if own < self._most(is_alone=False) else YOURS_TAKEN
        return YOURS_TAKEN if own >= self._most(is_alone=own == taken) else None

    def _most(self, is_alone: bool) -> int:
        """How many seats an owner may have."""
        return max(1, self._seats - 1) if is_alone else (self._seats + 1) // 2


@dataclass(frozen=True, slots=True)
class SeatsOfOwner:
    """The seats of a room for one owner: ``Seats`` of :mod:`clv.services.runs`."""

    room: WaitingRoom
    owner: Hashable

    def take(self) -> bool:
        """Take a seat. False if there is none."""
        return self.room.take(self.owner)

    def leave(self) -> None:
        """Give a seat back."""
        self.room.leave(self.owner)
