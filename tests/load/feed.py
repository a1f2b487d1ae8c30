"""The consumer of docs/feed.md under chaos.

``python -m tests.load.feed --runs 100 --faults 50 --database postgresql --seed 1`` starts the
service, and computes one tenant again and again, cancelling some of the runs. Meanwhile clients
compute, erase, load and replace customers, and work-horses, workers, web processes and Redis are
killed. One consumer follows the feed all the time and is killed at times, another one only now and
then. After each run the table of either must have the service's records, and nothing else.
"""

import argparse
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, contextmanager

from clv import db
from clv.api.schemas.records import RecordList
from clv.config import Settings
from clv.store import listing
from clv.store.listing import Filter
from clv.store.rankings import Order
from tests.load.chaos_database import again, counts, undone
from tests.load.chaos_faults import plan_of, strike
from tests.load.chaos_processes import PATIENCE_SECONDS, http_answer
from tests.load.chaos_report import Report
from tests.load.chaos_stage import Stage, begun, end, own_settings, staged
from tests.load.feed_follower import Follower
from tests.load.feed_writers import Writer

CUSTOMERS = 4_000
WRITERS = 2
GAP_SECONDS = (0.02, 0.3)
CANCELLED = 0.2
# One in so many checks is also one of the consumer that comes now and then.
SELDOM = 5
# What a killed client had begun may be committed a little later.
SETTLE_SECONDS = 30
_ACTIVE = "SELECT COUNT(*) FROM run WHERE status IN ('queued', 'running')"


def follow(
    settings: Settings,
    runs: int,
    faults: int,
    seed: int,
    customers: int = CUSTOMERS,
    say: Callable[[str], None] = print,
) -> Report:
    """Compare the consumers' tables with the service's records after each of so many runs.

    :param settings: of an empty database that nobody else uses; Redis is started here
    """
    with staged(settings, seed, customers, say) as stage:
        plan = plan_of(faults, seed, stage.report.database)
        _Following(stage, customers, seed, say).unfold(runs, plan)
    return stage.report


class _Following:
    def __init__(self, stage: Stage, customers: int, seed: int, say: Callable[[str], None]) -> None:
        self.processes, self.report, self.say = stage.processes, stage.report, say
        self.rng = random.Random(seed)
        port = stage.processes.web_port
        self._headers = {"Authorization": f"Bearer {stage.key}", "Prefer": "respond-async"}
        url = f"http://127.0.0.1:{port}"
        self.often, self.seldom = (
            Follower(stage.folder, name, url, stage.key) for name in ("often", "seldom")
        )
        self.writers = [
            Writer(port, stage.key, customers, seed * WRITERS + n) for n in range(WRITERS)
        ]

    def unfold(self, runs: int, plan: deque[str]) -> None:
        """Run, strike and check."""
        with self._everybody_at_work():
            for left in range(runs, 0, -1):
                struck = self._run(plan, -(-len(plan) // left))
                self.processes.wake_all()
                self._check(is_last=left == 1)
                self.report.runs += 1
                self.say(f"{left - 1} runs to go; {', '.join(struck) or 'no fault'}")
        self.processes.wait_for_stopping()
        wrong = [one for writer in self.writers for one in writer.wrong]
        self.report.violations += [f"{name} was answered by {status}" for name, status in wrong]

    @contextmanager
    def _everybody_at_work(self):
        closing = threading.Event()
        follower = threading.Thread(target=self.often.follow, args=(closing, random.Random(1)))
        for thread in (*self.writers, follower):
            thread.start()
        try:
            yield
        finally:
            closing.set()
            follower.join()
            for writer in self.writers:
                writer.end()

    def _run(self, plan: deque[str], allotted: int) -> list[str]:
        """One run, with faults in it, that may be cancelled."""
        rng, struck = self.rng, []
        location = self._start()
        begun = time.monotonic()
        cancels_at = begun + rng.uniform(0, 1.5) if rng.random() < CANCELLED else None
        due = begun + rng.uniform(*GAP_SECONDS)
        while counts(_ACTIVE) != 0 or (plan and len(struck) < allotted):
            now = time.monotonic()
            self.processes.supervise()
            if now - begun > PATIENCE_SECONDS:
                self.report.violations.append(f"A run does not end: {undone()}")
                return struck
            if cancels_at and now > cancels_at:
                cancels_at = None
                http_answer(self.processes.web_port, "DELETE", location, self._headers)
            if plan and len(struck) < allotted and now > due:
                if strike(self.processes, plan[0]):
                    struck.append(plan.popleft())
                due = now + rng.uniform(*GAP_SECONDS)
                if counts(_ACTIVE) == 0:
                    location = self._start()
            time.sleep(0.02)
        return struck

    def _start(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, location = http_answer(
                self.processes.web_port, "POST", "/api/v1/clv/compute", self._headers
            )
            if status == 202:
                return location
            self.processes.supervise()
            self.report.refused += 1
            time.sleep(0.1)
        raise AssertionError("no run can be started")

    def _check(self, is_last: bool) -> None:
        """With the writers stopped, the consumers catch up and have what the service has."""
        with ExitStack() as stopped:
            for writer in self.writers:
                stopped.enter_context(writer.lock)
            self._compare(self.often)
            if is_last or self.rng.randrange(SELDOM) == 0:
                self._compare(self.seldom)

    def _compare(self, follower: Follower) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        different: set[str] = set()
        while time.monotonic() < deadline:
            self.processes.supervise()
            if follower.catch_up():
                told, stored = follower.records(), _stored()
                ids = told.keys() | stored.keys()
                different = {one for one in ids if told.get(one) != stored.get(one)}
                if not different:
                    self.report.customers += len(stored)
                    return
            time.sleep(0.3)
        self.report.lost += len(different)
        self.report.violations.append(
            f"{len(different)} customers differ after {self.report.runs} runs,"
            f" such as {sorted(different)[:3]}"
        )


def _stored() -> dict[str, dict]:
    """The service's records, as its list shows them."""
    schema, everybody = RecordList(exclude=("data.model",), only=("data",)), Filter()
    order = Order("customer_id")
    with db.scope():
        records = again(lambda: listing.page(1, everybody, order, None, 10**6))
    return {record["customerId"]: record for record in schema.dump({"data": records})["data"]}


def main() -> None:
    """The command line; it ends with 1 when a table was not the service's."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.feed", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    options = begun(parser, faults=50, customers=CUSTOMERS)
    with own_settings(options.database) as settings:
        report = follow(settings, options.runs, options.faults, options.seed, options.customers)
    end(report)


if __name__ == "__main__":
    main()
