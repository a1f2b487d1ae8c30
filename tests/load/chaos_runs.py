"""The runs of chaos, and the check after each that everybody was computed exactly once."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from clv import db
from tests.load.chaos_database import POISONED, again, counts, undone
from tests.load.chaos_faults import strike
from tests.load.chaos_processes import PATIENCE_SECONDS, Processes, http_answer
from tests.load.chaos_report import Report

# Between two faults, and until the first one of a run.
GAP_SECONDS = (0.02, 0.3)
MOST_FAULTS = 7
# What a run that a refused request had created ends with; the client asks again.
REFUSED = "The queue could not be reached."
_ACTIVE = "SELECT COUNT(*) FROM run WHERE status IN ('queued', 'running')"
_RUNS = """
SELECT id, job_id, status, COALESCE(message, ''), COALESCE(total, -1),
    COALESCE(computed, 0), COALESCE(errors, 0),
    (SELECT COUNT(*) FROM run_error WHERE run_id = run.id)
FROM run WHERE id > %s ORDER BY id
"""
_WRITES = """
SELECT run_id, COUNT(*), SUM(CASE WHEN writes > 1 THEN 1 ELSE 0 END) FROM
    (SELECT run_id, customer_id, COUNT(*) AS writes FROM upsert_log GROUP BY run_id, customer_id)
    logged
GROUP BY run_id
"""
# A plan or a shard that three in a row die of fails its run, as it should: nothing is struck while
# one was tried twice without progress.
_AT_ITS_LIMIT = """
SELECT COUNT(*) FROM run LEFT JOIN shard ON shard.run_id = run.id AND NOT shard.done
WHERE run.status = 'running' AND ((NOT run.planned AND run.plan_attempt > 1) OR shard.stuck > 1)
"""


class Hang(Exception):
    """A run does not end."""


class Chaos:
    """Runs, one after the other, with faults in them and a check after each."""

    def __init__(
        self,
        processes: Processes,
        report: Report,
        key: str,
        customers: int,
        say: Callable[[str], None],
    ) -> None:
        self.processes = processes
        self.report = report
        self.customers = customers
        self.say = say
        self._headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
        self._closing = threading.Event()
        self._last_run = 0
        self._last_fault = 0.0
        # Requests of this round that may have left a run behind that was closed at once.
        self._unclear = 0

    def unfold(self, plan: deque[str]) -> None:
        """Start runs until all faults of the plan have happened."""
        try:
            with ThreadPoolExecutor(1) as client:
                try:
                    while plan:
                        self._round(plan, client)
                finally:
                    self._closing.set()
            # The last run is one without faults: what others left behind is finished with.
            self.processes.wait_for_stopping()
            self._closing.clear()
            with ThreadPoolExecutor(1) as client:
                self._round(deque(), client)
        except Hang:
            self._violation(f"A run did not end in {PATIENCE_SECONDS} s: {undone()}")

    def _round(self, plan: deque[str], client: ThreadPoolExecutor) -> None:
        rng = self.processes.rng
        allotted = rng.randint(1, MOST_FAULTS)
        begun = self._last_fault = time.monotonic()
        self._unclear = 0
        run = client.submit(self._run_once, rng.random() < 0.5)
        struck = self._strike(run, plan, allotted)
        ended = run.result()
        self.processes.wake_all()
        self.report.longest_run = max(self.report.longest_run, ended - begun)
        if struck:
            recovery = ended - self._last_fault
            self.report.longest_recovery = max(self.report.longest_recovery, recovery)
        self._check()
        self.say(
            f"{self.report.database}: run {self._last_run} took {ended - begun:.1f} s;"
            f" {len(plan)} faults to go; {', '.join(struck) or 'no fault'}"
        )

    def _strike(self, run: Future, plan: deque[str], allotted: int) -> list[str]:
        """Inject faults while the run goes on; returns what they were."""
        rng = self.processes.rng
        struck: list[str] = []
        due = time.monotonic() + rng.uniform(*GAP_SECONDS)
        while not run.done():
            self.processes.supervise()
            if plan and len(struck) < allotted and time.monotonic() >= due:
                # A work-horse that is not there yet is hit a while after it came.
                if counts(_AT_ITS_LIMIT) == 0 and strike(self.processes, plan[0]):
                    struck.append(plan.popleft())
                    self._last_fault = time.monotonic()
                due = time.monotonic() + rng.uniform(*GAP_SECONDS)
            time.sleep(0.01)
        return struck

    def _run_once(self, by_http: bool) -> float:
        """Start a run as a client and wait for its end: by the API, whose reads sweep too, or
        looking into the database alone. Returns the time of the end."""
        path = self._start()
        while not self._closing.is_set():
            if counts(_ACTIVE) == 0:
                return time.monotonic()
            if time.monotonic() - self._last_fault > PATIENCE_SECONDS:
                raise Hang
            if by_http:
                self._request("GET", f"{path}?wait=1")
            time.sleep(0.05)
        raise Hang

    def _start(self) -> str:
        while not self._closing.is_set():
            status, location = self._request("POST", "/api/v1/clv/compute")
            if status == 202:
                return location
            if time.monotonic() - self._last_fault > PATIENCE_SECONDS:
                raise Hang
            self._unclear += 1
            self.report.refused += 1
            time.sleep(0.1)
        raise Hang

    def _request(self, method: str, path: str) -> tuple[int, str]:
        status, location = http_answer(self.processes.web_port, method, path, self._headers)
        if status not in (0, 200, 202, 503):
            self._violation(f"{method} answered {status}.")
        return status, location

    def _check(self) -> None:
        """Everybody was computed once, in each run since the last check."""
        with db.scope():
            runs = again(lambda: db.rows(_RUNS, (self._last_run,)))
            writes = {run_id: counts for run_id, *counts in again(lambda: db.rows(_WRITES))}
            self._check_records(runs[-1][0])
            for run in runs:
                self._check_run(*run, *writes.pop(run[0], (0, 0)))
            for run_id in writes:
                self._violation(f"Run {run_id} wrote after its end.")
            again(lambda: db.execute("DELETE FROM upsert_log"))
        self._last_run = runs[-1][0]

    def _check_run(
        self,
        run_id: int,
        job_id: str,
        status: str,
        message: str,
        total: int,
        computed: int,
        errors: int,
        error_rows: int,
        written: int,
        doubled: int,
    ) -> None:
        name = f"Run {run_id} ({job_id})"
        if doubled:
            self.report.doubled += doubled
            self._violation(f"{name} wrote {doubled} records more than once.")
        if message == REFUSED and self._unclear:
            self._unclear -= 1
            return
        self.report.runs += 1
        self.report.customers += computed + errors
        healthy = self.customers - POISONED
        self.report.lost += max(0, healthy - written)
        found = (status, total, computed, errors, error_rows, written)
        expected = ("finished", self.customers, healthy, POISONED, POISONED, healthy)
        if found != expected:
            self._violation(
                f"{name}: status, total, computed, errors, rows of errors and records written"
                f" are {found}, not {expected}. {message}"
            )

    def _check_records(self, run_id: int) -> None:
        healthy = self.customers - POISONED
        found = again(
            lambda: db.row(
                "SELECT COUNT(*), COUNT(DISTINCT customer_id),"
                " COALESCE(SUM(CASE WHEN run_id = %s THEN 1 ELSE 0 END), 0) FROM clv_record",
                (run_id,),
            )
        )
        if found != (healthy, healthy, healthy):
            self._violation(
                f"After run {run_id} records, customers with one and records of it are {found},"
                f" not {healthy} each."
            )

    def _violation(self, text: str) -> None:
        self.report.violations.append(text)
        self.say(f"VIOLATION (seed {self.report.seed}, {self.report.database}): {text}")
