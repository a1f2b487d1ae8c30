"""The service under attack: ``python -m tests.load.siege``.

It starts the service as it is deployed (two web processes, a worker) with two tenants. Attackers
of one tenant, and some without a key, send what once took the service down: each attack by itself,
then all at once, each time to new web processes. Meanwhile ``/healthz`` and a stored record of the
other tenant are asked for twice a second. It ends with 1 if

- one of them took longer than 5 s, or was not answered by 200;
- their median was more than 3 times that at rest. The attackers run on the same processors, at the
  lowest priority, so part of that is theirs;
- it was not as before 10 s after the attack;
- a web process had 400 MiB or ended, or an attacker saw a 500.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.config import ROOT, Settings
from clv.services import runs
from clv.store.tenants import Tenant
from jobs.queue import JobQueue, connect
from tests.bench import data, load, stage
from tests.load.attacks.catalogue import ATTACKS
from tests.load.siege_probe import Probe, Seen, Watch
from tests.load.siege_report import Phase, table
from tests.support import servers
from tests.support.processes import DATABASES

MIX_SECONDS = 600.0
ALONE_SECONDS = 20.0
IDLE_SECONDS = 20.0
WARM_UP_SECONDS = 2.0
RECOVERY_SECONDS = 10.0
AFTER_SECONDS = 5.0
LIMIT_SECONDS = 5.0
# On a machine with other work.
BUSY_LIMIT_SECONDS = 10.0
ATTACKERS_CUSTOMERS = 50_000
CUSTOMERS = 1_000
RUN_SECONDS = 600
STOP_SECONDS = 60


@dataclass(frozen=True)
class Siege:
    """A database with two tenants, and how its service is attacked.

    :param probes: what is asked on behalf of the tenant that does nothing
    :param tokens: the attacking tenant's keys by role
    :param log: of the web processes
    """

    settings: Settings
    probes: list[Probe]
    tokens: dict[str, str]
    limit_seconds: float
    log: IO

    def rest(self, seconds: float) -> Seen:
        """How it is when nobody else asks."""
        with self._served() as (_, watch), watch.seen() as seen:
            time.sleep(seconds)
        return seen

    def phase(self, name: str, attacks: Sequence[str], seconds: float) -> Phase:
        """Attack a new service for so long, and see what is left of it 10 s later."""
        tallies: dict[str, Counter[str]] = {}
        with self._served() as (port, watch):
            with watch.seen() as during, self._attacked(port, attacks, tallies):
                time.sleep(seconds)
            time.sleep(RECOVERY_SECONDS)
            with watch.seen() as after:
                time.sleep(AFTER_SECONDS)
        return Phase(name, during, after, tallies)

    @contextmanager
    def _served(self) -> Iterator[tuple[int, Watch]]:
        with stage.web(self.settings, errors=self.log) as (port, master):
            load.wait_for(port)
            watch = Watch(port, master, self.probes, self.limit_seconds)
            with watch.seen():
                time.sleep(WARM_UP_SECONDS)
            yield port, watch

    @contextmanager
    def _attacked(
        self, port: int, attacks: Sequence[str], tallies: dict[str, Counter[str]]
    ) -> Iterator[None]:
        orders = {"port": port, "tokens": self.tokens}
        processes = {name: _started(name, orders) for name in attacks}
        try:
            yield
        finally:
            for process in processes.values():
                process.stdin.close()
            for name, process in processes.items():
                tallies[name] = Counter(json.loads(_told(process) or "{}"))


def main() -> None:
    """Attack on each database, print a table of each, and end with 1 if something was missed."""
    options = _options()
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.default_int_handler)
    misses: list[str] = []
    for database in options.databases:
        with ExitStack() as stack:
            path = stack.enter_context(servers.folder())
            redis_url = stack.enter_context(stage.redis_server(path))
            settings = stack.enter_context(stage.configured(database, path, redis_url))
            misses += besieged(database, settings, path, options)
    for miss in misses:
        print(f"MISSED: {miss}")
    sys.exit(bool(misses))


def besieged(
    database: str, settings: Settings, path: Path, options: argparse.Namespace
) -> list[str]:
    """Attack on one database, and print its table; what was missed."""
    phases: list[Phase] = []
    with stage.workers(settings, 1), (path / "web.log").open("w") as log:
        tokens, probes = tenants(settings)
        limit = BUSY_LIMIT_SECONDS if options.busy else LIMIT_SECONDS
        siege = Siege(settings, probes, tokens, limit, log)
        idle = siege.rest(options.idle)
        try:
            for name, attacks, seconds in plan(options):
                phases.append(siege.phase(name, attacks, seconds))
                print(f"{database}: {name} is over", file=sys.stderr, flush=True)
        finally:
            print(table(database, idle, phases), flush=True)
    timed = not options.busy
    return [f"{database}: {miss}" for phase in phases for miss in phase.misses(idle, timed)]


def tenants(settings: Settings) -> tuple[dict[str, str], list[Probe]]:
    """The attacking tenant's keys, and what is asked on behalf of the other."""
    hostile, other = data.fill("hostile", ATTACKERS_CUSTOMERS), data.fill("other", CUSTOMERS)
    queue = JobQueue(connect(settings.redis_url))
    for tenant in (hostile, other):
        _compute(tenant, settings, queue)
    authorization = {"Authorization": f"Bearer {keys.create_key(other, Role.VIEWER)}"}
    record = Probe("a record", f"/api/v1/customers/{data.customer_id(1)}/clv", authorization)
    tokens = {str(role.name).lower(): keys.create_key(hostile, role) for role in Role}
    db.release()
    return tokens, [Probe("/healthz", "/healthz", {}), record]


def plan(options: argparse.Namespace) -> Iterator[tuple[str, Sequence[str], float]]:
    """The phases: name, attacks, seconds."""
    if options.alone:
        for attack in options.attacks:
            yield attack, [attack], options.alone
    if options.seconds:
        yield "all at once", options.attacks, options.seconds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load.siege", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=MIX_SECONDS, help="of all at once")
    parser.add_argument("--alone", type=float, default=ALONE_SECONDS, help="of each by itself")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="at rest, before")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--attacks", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument(
        "--busy",
        action="store_true",
        help=f"other work goes on here: medians don't count, answers may take"
        f" {BUSY_LIMIT_SECONDS:.0f} s",
    )
    return parser.parse_args()


def _compute(tenant: Tenant, settings: Settings, queue: JobQueue) -> None:
    job = runs.start(tenant.id, None, "siege", settings, queue)
    assert runs.wait(job, RUN_SECONDS, queue).status == "finished"


def _started(name: str, orders: dict[str, object]) -> subprocess.Popen:
    address = f"127.0.1.{1 + list(ATTACKS).index(name)}"
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.load.attacks", name),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.stdin.write(json.dumps({**orders, "address": address}) + "\n")
    process.stdin.flush()
    return process


def _told(process: subprocess.Popen) -> str:
    """What an attacker wrote at its end. One that does not end is killed."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    with process.stdout as output:
        return output.read()


if __name__ == "__main__":
    main()
