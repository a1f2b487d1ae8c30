"""What the service needs of a queue: a protocol, so that nothing in ``clv`` imports ``jobs``.

``jobs.queue.JobQueue`` implements it. The application factory, the worker and cron create one and
hand it to the use cases.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

# Sets the live progress of a shard: its id, customers computed, errors.
Report = Callable[[int, int, int], None]


class Queue(Protocol):
    """Rings for workers, and shows what they are doing.

    The methods for the live progress and ``has_workers`` never fail. The others raise
    ``Unavailable`` when the queue can't be reached.
    """

    def ring(self, tenant_id: int) -> None:
        """Tell the workers that a run of this tenant needs work, unless they were told already."""

    def waiting(self, tenant_id: int) -> int:
        """How many doorbells of this tenant wait in the queue: one at most."""
        ...

    def take_back(self, tenant_id: int) -> None:
        """Remove the tenant's doorbell from the queue, if one waits there."""

    def ring_backtest(self, internal_id: int) -> None:
        """Tell the workers that this backtest needs work."""

    def ring_maintenance(self, due_ms: int) -> None:
        """Tell the workers that the maintenance of this night is due, unless they were told."""

    def begin_progress(self, job_id: str, shard_ids: list[int]) -> None:
        """Set the live progress of a run that was just planned to zero."""

    def reporting(self, job_id: str) -> AbstractContextManager[Report]:
        """A function that reports the live progress of this run, for as long as the context."""
        ...

    def live_progress(self, job_id: str) -> Mapping[str, int] | None:
        """Customers ``computed`` and ``errors`` of a run so far; None when the queue can't tell."""
        ...

    def depth(self) -> int:
        """How many jobs wait for a worker."""
        ...

    def workers_alive(self) -> int:
        """How many workers have had a heartbeat lately."""
        ...

    def refusal(self) -> str | None:
        """Why the queue takes nothing, ``full`` or ``read-only``; None if it does."""
        ...

    def has_workers(self) -> bool:
        """Whether any worker is alive; True when the queue can't tell."""
        ...
