"""Chaos: the real service on real servers, while everything that can die does so at random times.

``python -m tests.load.chaos --faults 500 --database postgresql --seed 1`` starts a Redis, two
workers and a web process, and lets one tenant be computed again and again. Meanwhile work-horses,
workers, web processes and Redis are killed (Redis comes back empty), and the database drops its
connections. After each run everybody must have been computed exactly once: triggers in the
database log each record that is written, in the transaction that writes it.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from clv import db
from clv.config import Settings
from tests.load.chaos_database import install_log, load, own_database
from tests.load.chaos_faults import plan_of
from tests.load.chaos_processes import Processes
from tests.load.chaos_report import Report
from tests.load.chaos_runs import Chaos
from tests.support import servers
from tests.support.processes import DATABASES

CUSTOMERS = 20_000
TAIL_LINES = 40


def chaos(
    settings: Settings,
    faults: int,
    seed: int,
    customers: int = CUSTOMERS,
    say: Callable[[str], None] = print,
) -> Report:
    """Inject so many faults into runs over so many customers.

    :param settings: of an empty database that nobody else uses; Redis is started here
    """
    folder = Path(tempfile.mkdtemp(prefix="clv-chaos-"))
    before = db.database.obj
    db.configure(settings)
    report = Report("sqlite" if db.is_sqlite() else "postgresql", seed)
    processes = None
    try:
        with db.scope():
            db.migrate()
            install_log()
            key = load(customers)
        processes = Processes(settings, folder, report, random.Random(seed))
        processes.start()
        Chaos(processes, report, key, customers, say).unfold(plan_of(faults, seed, report.database))
    finally:
        if processes is not None:
            processes.stop()
        if report.violations:
            say(_tails(folder))
        shutil.rmtree(folder, ignore_errors=True)
        db.disconnect()
        db.database.initialize(before)
    return report


def main() -> None:
    """The command line; it ends with 1 when anybody was lost or counted twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        server_url = None
        if options.database == "postgresql":
            server_url = stack.enter_context(servers.postgresql(folder))
        url = stack.enter_context(own_database(options.database, folder, server_url))
        report = chaos(Settings(database_url=url), options.faults, options.seed, options.customers)
    print(report.table())
    for violation in report.violations:
        print(f"VIOLATION: {violation}")
    sys.exit(1 if report.violations else 0)


def _tails(folder: Path) -> str:
    """The last lines of each process's log."""
    tails = []
    for path in sorted(folder.glob("*.log")):
        lines = path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        tails.append("\n".join((f"--- {path.name}", *lines)))
    return "\n".join(tails)


if __name__ == "__main__":
    main()
