"""What the service needs of a queue. ``jobs.queue`` provides it, and nothing in ``clv`` imports
that."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

# Sets the live progress of a shard: its id, customers computed, errors.
Report = Callable[[int, int, int], None]


class Queue(Protocol):
    """Rings for workers, and shows what they are doing.

    Every method but ``has_workers`` and ``live_progress`` raises ``Unavailable`` when the queue
    can't be reached.
    """

    def ring(self, run_id: int) -> None:
        """Tell the workers that this run waits."""

    def waiting(self, run_id: int) -> int:
        """How many doorbells of this run wait in the queue."""
        ...

    def ring_backtest(self, internal_id: int) -> None:
        """Tell the workers that this backtest waits."""

    def begin_progress(self, job_id: str, shard_ids: list[int]) -> None:
        """Begin the live progress of a run that was planned."""

    def reporting(self, job_id: str) -> AbstractContextManager[Report]:
        """What reports the live progress of a run."""
        ...

    def live_progress(self, job_id: str) -> Mapping[str, int] | None:
        """Customers ``computed`` and ``errors`` of a run so far; None when the queue can't tell."""
        ...

    def depth(self) -> int:
        """How many jobs wait for a worker."""
        ...

    def workers_alive(self) -> int:
        """How many workers were heard of lately."""
        ...

    def has_workers(self) -> bool:
        """Whether a worker was heard of lately; True when the queue can't tell."""
        ...
