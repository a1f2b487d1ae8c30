"""What the calibrated model costs a full run: ``python -m tests.bench.calibrated``.

Buyers are simulated and stored once. Full runs of the whole tenant by one worker, without and with
the calibrated model, take turns; a fit is a part of each of the latter.
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from clv import db
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.calendar import key_of
from clv.domain.settings import MODEL_NAMES
from clv.domain.units import DAY_MS
from clv.prediction.btyd import Parameters
from clv.services import runs
from clv.store import snapshots, tenants
from clv.store.tenants import Tenant
from jobs.queue import JobQueue, connect
from tests.bench import data, stage
from tests.bench.table import MIB, Row, show
from tests.support import buyers, servers
from tests.support.processes import DATABASES

CUSTOMERS = 1_000_000
DAYS = 730
ROUNDS = 2
RUN_SECONDS = 1_800
# A dyno of 512 MB less what the system takes.
MOST_MIB = 450
BLOCK = 50_000
TRUTH = Parameters(r=0.243, alpha=30.9, a=0.793, b=2.426, p=6.25, q=3.74, v=15.45)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    rows: list[Row] = []
    with servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                tenant = fill(options.customers)
                rows += measured(database, settings, tenant, options.rounds)
    show(rows)


def fill(customers: int) -> Tenant:
    """A new tenant whose customers first bought in the last two years."""
    tenant = tenants.create_tenant("bench")
    today = now_ms() // DAY_MS
    db.insert_columns("interaction_summary", data.COLUMNS, _blocks(tenant.id, customers, today))
    db.execute(
        "UPDATE tenant SET customers = %s, period_type = 'daily' WHERE id = %s",
        (customers, tenant.id),
    )
    if not db.is_sqlite():
        db.execute("VACUUM (ANALYZE) interaction_summary")
    return tenants.tenant_by_id(tenant.id)


def measured(database: str, settings: Settings, tenant: Tenant, rounds: int) -> list[Row]:
    """Full runs by turns: their medians, the ratio, and the most memory."""
    queue = JobQueue(connect(settings.redis_url))
    seconds: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, list[int]] = defaultdict(list)
    for turn in range(rounds + 1):
        for model in MODEL_NAMES:
            db.execute("UPDATE tenant SET model = %s", (model,))
            stage.settle(settings.redis_url)
            with stage.workers(settings, 1) as pids, stage.Memory(pids) as memory:
                taken = _run(tenant, queue)
            print(f"{database} {model}: {taken:.1f} s", file=sys.stderr, flush=True)
            # The first ones insert the records.
            if turn:
                seconds[model].append(taken)
            peaks[model].append(memory.peak or 0)
    calibration = snapshots.current_calibration(tenant.id)
    if calibration is None or calibration.fitted is None:
        raise AssertionError(f"The calibrated model does not serve: {calibration}")
    return _rows(database, tenant.customers, seconds, peaks)


def _rows(
    database: str,
    customers: int,
    seconds: dict[str, list[float]],
    peaks: dict[str, list[int]],
) -> list[Row]:
    plain, ours = (statistics.median(seconds[model]) for model in MODEL_NAMES)
    peak = max(peaks["calibrated"]) / MIB
    goal = f"≤ {MOST_MIB} MiB"
    return [
        Row(database, customers, "run with rfm: median", f"{plain:.1f} s"),
        Row(database, customers, "run with calibrated: median", f"{ours:.1f} s"),
        Row(database, customers, "calibrated / rfm", f"{ours / plain:.2f}"),
        Row(database, customers, "rfm: peak memory", f"{max(peaks['rfm']) / MIB:.0f} MiB"),
        Row(
            database,
            customers,
            "calibrated: peak memory, worker and job",
            f"{peak:.0f} MiB",
            goal,
            peak <= MOST_MIB,
        ),
    ]


def _run(tenant: Tenant, queue: JobQueue) -> float:
    started = runs.start(tenant.id, None, "bench", Settings(), queue)
    run = runs.wait(started, RUN_SECONDS, queue)
    if run.status != "finished" or run.errors or not run.started_ms or not run.finished_ms:
        raise AssertionError(f"The run is {run.status} with {run.errors} errors: {run.message}")
    return (run.finished_ms - run.started_ms) / 1000


def _blocks(tenant_id: int, customers: int, today: int) -> Iterator[list]:
    """Rows in the order of their keys, as columns."""
    random = np.random.default_rng(1)
    for first in range(0, customers, BLOCK):
        count = min(BLOCK, customers - first)
        log = buyers.simulated(TRUTH, random.integers(0, DAYS, count), random)
        days = (log.day - buyers.ORIGIN + today - 1).tolist()
        size = len(days)
        times = [day * DAY_MS for day in days]
        yield [
            [tenant_id] * size,
            [data.customer_id(first + number) for number in log.buyer.tolist()],
            [key_of(day) for day in days],
            *([[""] * size] * 3),
            *([[1] * size] * 2),
            (log.value * 10_000).astype(np.int64).tolist(),
            times,
            times,
        ]


if __name__ == "__main__":
    main()
