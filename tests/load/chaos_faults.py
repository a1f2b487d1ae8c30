"""The faults of chaos: how often each is drawn, and in which order they happen."""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.load.chaos_processes import Processes
from tests.support.processes import DATABASES

REDIS_SHARE = 0.06


@dataclass(frozen=True)
class Fault:
    """How often a fault is drawn, relative to the others, and what does it."""

    weight: int
    strike: Callable[[Processes], bool]
    databases: tuple[str, ...] = DATABASES


# In the order in which a short run takes one of each.
FAULTS = {
    "Redis restarted empty": Fault(4, Processes.empty_redis),
    "work-horse killed": Fault(34, Processes.kill_horse),
    "worker killed": Fault(18, Processes.kill_worker),
    "worker told to stop": Fault(16, Processes.stop_worker),
    "database connections dropped": Fault(6, Processes.drop_connections, ("postgresql",)),
    "web process killed": Fault(6, Processes.kill_web),
    "web worker killed": Fault(8, Processes.kill_web_worker),
    "work-horse paused": Fault(5, Processes.pause_horse),
}


def strike(processes: Processes, fault: str) -> bool:
    """Inject a fault; False when there is nothing to hit at the moment."""
    hit = FAULTS[fault].strike(processes)
    if hit:
        processes.report.faults[fault] += 1
    return hit


def plan_of(faults: int, seed: int, database: str) -> deque[str]:
    """Which faults happen, in their order: each kind at least once if there is room."""
    rng = random.Random(seed)
    kinds = {name: fault for name, fault in FAULTS.items() if database in fault.databases}
    plan = ["Redis restarted empty"] * math.ceil(faults * REDIS_SHARE) + list(kinds)[1:]
    weights = [fault.weight for fault in kinds.values()]
    plan += rng.choices(list(kinds), weights, k=max(0, faults - len(plan)))
    plan = plan[:faults]
    rng.shuffle(plan)
    return deque(plan)
