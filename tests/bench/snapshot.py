"""The first requests of a large tenant: ``python -m tests.bench.snapshot``.

As many clients as the web process has threads ask, all at once, for customers of a tenant that has
no distribution yet. It must be built once, everybody must be answered, and the process must not
grow by much.
"""

import argparse
import http.client
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.config import Settings
from tests.bench import data, load, stage
from tests.bench.table import MIB, Row, show
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

CUSTOMERS = 1_000_000
CLIENTS = 16
MOST_MIB = 150
# What common routers wait.
MOST_SECONDS = 30
IDLE_SECONDS = 0.5


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    rows: list[Row] = []
    with servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                print(f"{database} loading", file=sys.stderr, flush=True)
                rows += measured(database, options.customers, settings)
    show(rows)


def measured(database: str, customers: int, settings: Settings) -> list[Row]:
    """The rows of one database."""
    empty_tables()
    small, large = data.fill("small", 1_000), data.fill("large", customers)
    keys = [create_key(tenant, Role.VIEWER) for tenant in (small, large)]
    stage.settle(settings.redis_url, "interaction_summary")
    with stage.web(settings, WEB_CONCURRENCY="1", WEB_THREADS=str(CLIENTS)) as (port, pid):
        load.wait_for(port)
        at_once(port, keys[0], 1_000)
        with stage.Memory([pid]) as idle:
            time.sleep(IDLE_SECONDS)
        before = last_build()
        with stage.Memory([pid]) as busy:
            answers = at_once(port, keys[1], customers)
        builds = last_build() - before
    answered = sum(status == 200 for status, _ in answers)
    slowest = max(seconds for _, seconds in answers)
    what = f"{CLIENTS} first GETs at once"

    def row(measure: str, value: str, goal: str, met: bool) -> Row:
        return Row(database, customers, f"{what}: {measure}", value, goal, met)

    rows = [
        row("builds", str(builds), "1", builds == 1),
        row("answered by 200", str(answered), str(CLIENTS), answered == CLIENTS),
        row("the last answer", f"{slowest:.1f} s", f"< {MOST_SECONDS} s", slowest < MOST_SECONDS),
    ]
    if busy.peak and idle.peak:
        mib = (busy.peak - idle.peak) / MIB
        goal = f"< {MOST_MIB} MiB"
        rows.append(row("the web grows by (PSS)", f"{mib:.0f} MiB", goal, mib < MOST_MIB))
    return rows


def at_once(port: int, token: str, customers: int) -> list[tuple[int, float]]:
    """Status and seconds of each answer to requests that are sent at the same time."""
    step = customers // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as clients:
        asked = [
            clients.submit(get, port, token, data.customer_id(number * step))
            for number in range(CLIENTS)
        ]
        return [answer.result() for answer in asked]


def get(port: int, token: str, customer_id: str) -> tuple[int, float]:
    """Status and seconds of one answer."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * MOST_SECONDS)
    headers = {"Authorization": f"Bearer {token}"}
    connection.request("GET", f"/api/v1/customers/{customer_id}/clv", headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, time.perf_counter() - began


def last_build() -> int:
    """The number of the last distribution that was built for any tenant."""
    with db.scope():
        return db.value("SELECT COALESCE(MAX(id), 0) FROM snapshot")


if __name__ == "__main__":
    main()
