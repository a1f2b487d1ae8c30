"""Counts of requests, shared by the web processes of a machine.

The counts are in memory that gunicorn's master allocates before it forks. Each worker adds to its
own slot, and each can read all slots. So there are no files and no locks between processes, and
nothing is lost or counted twice when a worker is killed or replaced: its slot stays, and the next
worker to get the slot goes on counting in it. Adding takes about a microsecond.
"""

import json
import mmap
import threading
from bisect import bisect_left
from collections import defaultdict

# What is counted: a dependency, or a request's method, route and status.
Key = tuple[str | int, ...]

# The upper bounds of the histogram's classes, in seconds; one more class has no bound.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
# A row holds a key, the sum of its durations, and a count for each class.
KEY_BYTES = 192
ROWS = 1_024
# The dependencies whose failures are counted.
DATABASE, REDIS = "database", "redis"
# Counts whatever no longer fits.
REST: Key = ("other", "other", 0)

_NUMBER = 8
_NUMBERS = 1 + len(BOUNDS) + 1
_ROW = KEY_BYTES // _NUMBER + _NUMBERS
# A slot begins with the number of its rows.
_SLOT = 1 + ROWS * _ROW


class Counters:
    """Counts and durations by key, in one of several slots of shared memory."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self._memory = mmap.mmap(-1, slots * _SLOT * _NUMBER)
        self._numbers = memoryview(self._memory).cast("d")
        self._lock = threading.Lock()
        self.use(0)

    def use(self, slot: int) -> None:
        """Add to this slot from now on. No other process may use it."""
        self._start = slot * _SLOT
        self._places = {key: place for key, place in self._rows(slot)}

    def share(self, other: "Counters") -> None:
        """Use the other's memory and slot: in a worker, those that its master allocated."""
        self.__dict__.update(other.__dict__)

    def add(self, key: Key, seconds: float = 0.0) -> None:
        """Count one more of this key, with its duration."""
        with self._lock:
            place = self._places.get(key) or self._new_place(key)
            self._numbers[place] += seconds
            self._numbers[place + 1 + bisect_left(BOUNDS, seconds)] += 1

    def totals(self) -> dict[Key, list[float]]:
        """For each key the sum of its durations and the count in each class, over all slots."""
        totals: dict[Key, list[float]] = defaultdict(lambda: [0.0] * _NUMBERS)
        for slot in range(self.slots):
            for key, place in self._rows(slot):
                row = self._numbers[place : place + _NUMBERS]
                totals[key] = [a + b for a, b in zip(totals[key], row, strict=True)]
        return totals

    def _rows(self, slot: int) -> list[tuple[Key, int]]:
        start = slot * _SLOT
        places = [start + 1 + row * _ROW for row in range(int(self._numbers[start]))]
        return [(self._key(place), place + KEY_BYTES // _NUMBER) for place in places]

    def _key(self, place: int) -> Key:
        text = self._memory[place * _NUMBER : place * _NUMBER + KEY_BYTES]
        return tuple(json.loads(text.rstrip(b"\0")))

    def _new_place(self, key: Key) -> int:
        rows = int(self._numbers[self._start])
        text = json.dumps(key, separators=(",", ":")).encode()
        if rows >= ROWS - 1 or len(text) > KEY_BYTES:
            key, text = REST, json.dumps(REST).encode()
        if key in self._places:
            return self._places[key]
        place = self._start + 1 + rows * _ROW
        self._memory[place * _NUMBER : place * _NUMBER + len(text)] = text
        # Last, so that other readers, and the next worker after a kill, see only whole rows.
        self._numbers[self._start] = rows + 1
        self._places[key] = place + KEY_BYTES // _NUMBER
        return self._places[key]
