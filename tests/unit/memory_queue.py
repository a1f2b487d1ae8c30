"""A queue in memory, for tests of use cases without a server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from clv.errors import QueueUnavailable
from clv.queue import Report


@dataclass
class MemoryQueue:
    """The doorbells that were rung, by tenant, and the progress that was reported.

    :param workers: how many are alive
    :param is_reachable: whether ringing succeeds
    """

    workers: int = 1
    is_reachable: bool = True
    rung: list[int] = field(default_factory=list)
    backtests_rung: list[int] = field(default_factory=list)
    progress: dict[str, dict[str, int]] = field(default_factory=dict)

    def ring(self, tenant_id: int) -> None:
        self._check()
        self.rung.append(tenant_id)

    def waiting(self, tenant_id: int) -> int:
        return self.rung.count(tenant_id)

    def take_back(self, tenant_id: int) -> None:
        self._check()
        self.rung = [rung for rung in self.rung if rung != tenant_id]

    def ring_backtest(self, internal_id: int) -> None:
        self._check()
        self.backtests_rung.append(internal_id)

    def ring_maintenance(self, due_ms: int) -> None:
        self._check()

    def begin_progress(self, job_id: str, shard_ids: list[int]) -> None:
        self.progress[job_id] = {"computed": 0, "errors": 0}

    @contextmanager
    def reporting(self, job_id: str) -> Iterator[Report]:
        yield lambda shard_id, computed, errors: None

    def live_progress(self, job_id: str) -> Mapping[str, int] | None:
        return self.progress.get(job_id)

    def depth(self) -> int:
        return len(self.rung) + len(self.backtests_rung)

    def workers_alive(self) -> int:
        return self.workers

    def refusal(self) -> str | None:
        return None

    def has_workers(self) -> bool:
        return self.workers > 0

    def _check(self) -> None:
        if not self.is_reachable:
            raise QueueUnavailable("The queue can't be reached.")
