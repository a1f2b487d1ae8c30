"""The stage of chaos: a service on servers of its own, with a tenant, that is all taken down at the
end."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clv import db
from clv.config import Settings
from tests.load.chaos_database import load, own_database
from tests.load.chaos_processes import Processes
from tests.load.chaos_report import Report
from tests.support import servers
from tests.support.processes import DATABASES

TAIL_LINES = 40


@dataclass(frozen=True)
class Stage:
    """What chaos has to do with.

    :param key: of an admin of the tenant
    :param folder: of the processes, for anything
    """

    processes: Processes
    report: Report
    key: str
    folder: Path


@contextmanager
def staged(
    settings: Settings,
    seed: int,
    customers: int,
    say: Callable[[str], None],
    prepare: Callable[[], None] = lambda: None,
) -> Iterator[Stage]:
    """The running service, with a tenant of so many customers.

    :param settings: of an empty database that nobody else uses; Redis is started here
    :param prepare: called with the tables made and empty
    """
    folder = Path(tempfile.mkdtemp(prefix="clv-chaos-"))
    before = db.database.obj
    db.configure(settings)
    report = Report("sqlite" if db.is_sqlite() else "postgresql", seed)
    processes = None
    try:
        with db.scope():
            db.migrate()
            prepare()
            key = load(customers)
        processes = Processes(settings, folder, report, random.Random(seed))
        processes.start()
        yield Stage(processes, report, key, folder)
    finally:
        if processes is not None:
            processes.stop()
        if report.violations:
            say(_tails(folder))
        shutil.rmtree(folder, ignore_errors=True)
        db.disconnect()
        db.database.initialize(before)


@contextmanager
def own_settings(kind: str) -> Iterator[Settings]:
    """The settings of an empty database, on a server of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        server_url = None
        if kind == "postgresql":
            server_url = stack.enter_context(servers.postgresql(folder))
        yield Settings(database_url=stack.enter_context(own_database(kind, folder, server_url)))


def begun(parser: argparse.ArgumentParser, faults: int, customers: int) -> argparse.Namespace:
    """The options of a command, which a SIGTERM ends with 1.

    :param faults: how many there are by default
    :param customers: likewise
    """
    parser.add_argument("--faults", type=int, default=faults)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--customers", type=int, default=customers)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return options


def end(report: Report) -> None:
    """Print the report, and end the command with 1 if anything was violated."""
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
