"""Which of the waiting requests gets the next free thread. Pure: no sockets, no threads."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue of items that belong to flows, for a number of places.

    The flow with the fewest items out goes first, by turns among equals; within a flow, first in,
    first out. So while others wait, no flow gets more than half of the places. The last free place
    of three or more is for flows that have none: alone, a flow takes all but one, and whoever comes
    next finds it.

    :param places: how many items may be out at a time
    :param most_waiting: how many items of a flow may wait
    """

    def __init__(self, places: int, most_waiting: int) -> None:
        self._free = places
        self._kept_free = 1 if places > 2 else 0
        self._most_waiting = most_waiting
        self._lines: dict[Hashable, deque[T]] = {}
        self._out: dict[Hashable, int] = {}
        # The flows that wait, by how many items they have out; each in the order of its turn.
        self._turns: list[dict[Hashable, None]] = [{} for _ in range(places + 1)]

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return sum(map(len, self._lines.values()))

    def put(self, flow: Hashable, item: T) -> bool:
        """Let an item wait. False if too many of its flow do."""
        line = self._lines.get(flow)
        if line is None:
            line = self._lines[flow] = deque()
            self._turns[self._out.get(flow, 0)][flow] = None
        elif len(line) >= self._most_waiting:
            return False
        line.append(item)
        return True

    def take(self) -> tuple[Hashable, T] | None:
        """The next item and its flow, if there is one that may go. It is out until :meth:`done`."""
        if not self._lines or not self._free:
            return None
        out = next(number for number, flows in enumerate(self._turns) if flows)
        if out and self._free <= self._kept_free:
            return None
        flow = next(iter(self._turns[out]))
        return flow, self._let_out(flow, out)

    def done(self, flow: Hashable) -> None:
        """Free the place of an item of this flow."""
        out = self._out.pop(flow)
        self._free += 1
        if out > 1:
            self._out[flow] = out - 1
        if flow in self._lines:
            del self._turns[out][flow]
            self._turns[out - 1][flow] = None

    def _let_out(self, flow: Hashable, out: int) -> T:
        del self._turns[out][flow]
        line = self._lines[flow]
        item = line.popleft()
        self._free -= 1
        self._out[flow] = out + 1
        if line:
            self._turns[out + 1][flow] = None
        else:
            del self._lines[flow]
        return item
