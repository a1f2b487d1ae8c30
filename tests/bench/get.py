"""How fast a single GET is: ``python -m tests.bench.get``; it needs wrk and taskset (Linux).

A gunicorn of 1 process and 8 threads on one core, and wrk on another, ask for the customers of a
small tenant, with a key. Ours, a bare Flask route that answers a constant, and the same route the
plain way with Peewee's models and marshmallow take turns in one run, each under the same
configuration of gunicorn, and are judged by the ratios of their requests a second.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from tests.bench import load, stage
from tests.bench.lists import scored
from tests.bench.table import Row, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

CUSTOMERS = 1_000
CONNECTIONS = 16
WARM_SECONDS = 1
SCRIPT = Path(__file__).with_suffix(".lua")
# The least requests a second, as shares of the bare route's.
LEAST_CACHED = {"sqlite": 0.65, "postgresql": 0.55}
LEAST_COMPUTED = 0.25
LEAST_OF_PLAIN = 2.0
BARE, CACHED, COMPUTED, PLAIN = (
    "a bare Flask route",
    "GET, cached",
    "GET, max-age=0",
    "the plain way, cached",
)
APPLICATIONS = {
    "ours": stage.OURS,
    "bare": "tests.bench.routes:bare()",
    "plain": "tests.bench.routes:plain()",
}


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and the latency that 99 % stayed below, in ms."""

    per_second: float
    p99_ms: float


def measured(
    database: str, settings: Settings, runs: int, seconds: int, cores: tuple[int, int]
) -> list[Row]:
    """All rows of one database."""
    empty_tables()
    tenant = scored("bench", CUSTOMERS, settings)
    token = keys.create_key(tenant, Role.VIEWER)
    stage.settle(settings.redis_url)
    found: dict[str, list[Load]] = defaultdict(list)
    with applications(settings, cores[0]) as ports:
        turns = {
            BARE: (ports["bare"], ""),
            CACHED: (ports["ours"], ""),
            PLAIN: (ports["plain"], ""),
            COMPUTED: (ports["ours"], "max-age=0"),
        }
        for number in range(runs + 1):
            for name, (port, cache) in turns.items():
                load = wrk(port, token, cache, seconds if number else WARM_SECONDS, cores[1])
                if number:
                    found[name].append(load)
                    print(f"{database} {name}: {load}", file=sys.stderr, flush=True)
    return list(rows(database, found))


@contextmanager
def applications(settings: Settings, core: int) -> Iterator[dict[str, int]]:
    """All applications on this core, each with a gunicorn of its own; their ports."""
    # What a key takes is counted, but never too much.
    variables = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "8", "RATE_LIMIT": "999999999/minute"}
    with ExitStack() as stack:
        ports = {}
        for name, factory in APPLICATIONS.items():
            web = stage.web(settings, factory, core, **variables)
            ports[name], _ = stack.enter_context(web)
        for port in ports.values():
            load.wait_for(port)
        yield ports


def wrk(port: int, token: str, cache_control: str, seconds: int, core: int) -> Load:
    """Ask for one customer after the other for a while."""
    done = subprocess.run(
        ("taskset", "--cpu-list", str(core))
        + ("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", str(seconds))
        + ("--script", str(SCRIPT), "--header", f"Authorization: Bearer {token}")
        + (("--header", f"Cache-Control: {cache_control}") if cache_control else ())
        + (f"http://127.0.0.1:{port}", str(CUSTOMERS)),
        check=True,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    seen = json.loads(done.stderr)
    if seen["errors"] or not seen["requests"]:
        raise AssertionError(done.stderr)
    return Load(round(seen["requests"] / seen["microseconds"] * 1e6, 1), seen["p99_us"] / 1000)


def rows(database: str, found: Mapping[str, list[Load]]) -> Iterator[Row]:
    """What the table says: medians, and the medians of the ratios, turn by turn."""
    for name, loads in found.items():
        p99 = statistics.median(load.p99_ms for load in loads)
        rate = statistics.median(load.per_second for load in loads)
        yield Row(database, CUSTOMERS, f"{name}: p99 {p99:.1f} ms", f"{rate:,.0f} requests/s")
    for name, other, least in (
        (CACHED, BARE, LEAST_CACHED[database]),
        (COMPUTED, BARE, LEAST_COMPUTED),
        (CACHED, PLAIN, LEAST_OF_PLAIN),
        (PLAIN, BARE, None),
    ):
        turns = zip(found[name], found[other], strict=True)
        ratio = statistics.median(one.per_second / two.per_second for one, two in turns)
        goal, met = ("", None) if least is None else (f"≥ {least:.2f}", ratio >= least)
        yield Row(database, CUSTOMERS, f"{name} / {other}", f"{ratio:.2f}", goal, met)


def missing() -> str:
    """What this machine lacks for the measurement; empty if nothing."""
    tools = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if tools:
        return f"it needs {' and '.join(tools)} (Debian: apt-get install wrk util-linux)"
    return "" if len(os.sched_getaffinity(0)) > 1 else "it needs two processors"


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--seconds", type=int, default=10, help="the length of a run")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    if lack := missing():
        print(f"The single GET is not measured: {lack}.")
        return
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with shown() as found, servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                found += measured(
                    database, settings, options.runs, options.seconds, (first, second)
                )


if __name__ == "__main__":
    main()
