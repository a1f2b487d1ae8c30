"""How fast lists are: ``python -m tests.bench.lists``.

The first page of each sort is asked for at a large tenant and at a small one by turns, over a
connection of loopback that stays open, and judged by the ratio of the medians. The records are
those of real runs.
"""

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.files import writer
from clv.services import batch
from clv.store import runs
from clv.store.tenants import Tenant
from tests.bench import data, load, stage
from tests.bench.batch import DEADLINE_HOURS, Silent
from tests.bench.table import Row, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

SMALL_CUSTOMERS, CUSTOMERS = 1_000, 1_000_000
MOST_SLOWER = 1.5
URL = "/api/v1/clv/records"
WIN_BACK = (
    {"segment": "at_risk", "sort": "-revenueAtRisk"},
    {"rfmGroup": "at_risk", "sort": "-revenueAtRisk"},
    {"activity": "slipping", "minScore": "60", "sort": "-revenueAtRisk"},
)
# A part of no id, of some twenty, and of all.
SEARCHES = [
    {"search": part, "sort": sort}
    for part in ("zz", "99999", "cust")
    for sort in ("customerId", "-revenueAtRisk")
]
MOST_SEARCH_SECONDS = 0.3
READ_BYTES = 1_048_576


class Client:
    """Requests of one tenant's viewer over one connection."""

    def __init__(self, port: int, tenant: Tenant) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._headers = {"Authorization": f"Bearer {keys.create_key(tenant, Role.VIEWER)}"}

    def page(self, query: dict[str, str]) -> float:
        """Seconds until a page was read."""
        started = time.perf_counter()
        self._connection.request("GET", f"{URL}?{urlencode(query)}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - started
        if answer.status != 200:
            raise AssertionError(body)
        return seconds

    def file(self, query: dict[str, str]) -> tuple[int, float]:
        """Records in a CSV, and seconds until it was read."""
        started = time.perf_counter()
        headers = {**self._headers, "Accept": "text/csv"}
        self._connection.request("GET", f"{URL}?{urlencode(query)}", headers=headers)
        answer, lines = self._connection.getresponse(), 0
        while part := answer.read(READ_BYTES):
            lines += part.count(b"\n")
        return lines - 1, time.perf_counter() - started

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def measured(
    database: str, settings: Settings, customers: int, requests: int
) -> Iterator[list[Row]]:
    """All rows of one database, as they are measured."""
    empty_tables()
    tenants = [
        scored(name, count, settings)
        for name, count in (("small", SMALL_CUSTOMERS), ("large", customers))
    ]
    stage.settle(settings.redis_url)
    with stage.web(settings) as (port, _):
        load.wait_for(port)
        small, large = (Client(port, tenant) for tenant in tenants)
        for sort in writer.SORTS:
            yield [first_page(database, customers, {"sort": sort}, (small, large), requests)]
        for query in WIN_BACK:
            median = statistics.median(large.page(query) for _ in range(requests))
            yield [Row(database, customers, f"first page, {urlencode(query)}", ms(median))]
        for query in SEARCHES:
            median = statistics.median(large.page(query) for _ in range(requests))
            goal = f"≤ {ms(MOST_SEARCH_SECONDS)}"
            is_met = median <= MOST_SEARCH_SECONDS
            what = f"first page, {urlencode(query)}"
            yield [Row(database, customers, what, ms(median), goal, is_met)]
        for sort in ("customerId", "-revenueAtRisk"):
            found, seconds = large.file({"sort": sort})
            if found != customers:
                raise AssertionError(f"{found} records in the file")
            what = f"CSV, sort={sort}: records a second"
            yield [Row(database, customers, what, f"{found / seconds:,.0f}")]
        small.close()
        large.close()


def scored(name: str, customers: int, settings: Settings) -> Tenant:
    """A new tenant whose customers a run has scored."""
    tenant = data.fill(name, customers)
    run, _ = runs.join_or_create(tenant.id, None, "bench", int(DEADLINE_HOURS * 3_600_000))
    while runs.by_id(run.id).is_active:
        batch.work(run.id, Silent(), settings)
    if runs.by_id(run.id).computed != customers:
        raise AssertionError("The run did not score everybody.")
    return tenant


def first_page(
    database: str,
    customers: int,
    query: dict[str, str],
    clients: tuple[Client, Client],
    requests: int,
) -> Row:
    """The median at the large tenant beside that at the small one."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(requests):
        for client, found in zip(clients, seconds, strict=True):
            found.append(client.page(query))
    small, large = map(statistics.median, seconds)
    what = f"first page, {urlencode(query)} ({ms(large)}) / at {SMALL_CUSTOMERS:,} ({ms(small)})"
    ratio, goal = large / small, f"≤ {MOST_SLOWER:g}"
    return Row(database, customers, what, f"{ratio:.2f}", goal, ratio <= MOST_SLOWER)


def ms(seconds: float) -> str:
    """In milliseconds."""
    return f"{seconds * 1000:.1f} ms"


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--requests", type=int, default=51, help="the median of so many counts")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    with shown() as rows, servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                for more in measured(database, settings, options.customers, options.requests):
                    rows += more
                    print(*more, sep="\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
