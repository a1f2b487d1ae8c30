"""How fast the revenue is: ``python -m tests.bench.revenue``.

Asked for by day, week and month over three years, over a connection of loopback that stays open.
Beside it, what keeping the sums costs who loads a file, as a share of its merge alone, and how long
making them anew takes.
"""

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from unittest import mock

from clv import db
from clv.auth.keys import create_key
from clv.auth.principal import Role
from clv.budgets import MAX_PERIODS
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.calendar import key_of
from clv.domain.units import DAY_MS
from clv.store import merging, revenue, staging, tenants
from clv.store.tenants import Tenant
from tests.bench import data, load, stage
from tests.bench.table import Row, show
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

CUSTOMERS, REQUESTS = 1_000_000, 30
MOST_MS = 50


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    rows: list[Row] = []
    with servers.folder() as path, stage.redis_server(path) as redis_url:
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                print(f"{database} loading", file=sys.stderr, flush=True)
                rows += measured(database, options.customers, options.requests, settings)
    show(rows)


def measured(database: str, customers: int, requests: int, settings: Settings) -> list[Row]:
    """The rows of one database."""
    empty_tables()
    tenant = tenants.create_tenant("large")
    shares = [
        Row(database, customers, f"kept in a merge of {what}", f"{share:.0%}")
        for what, share in (
            ("everything", merged(tenant, customers, 1)),
            ("1 % of the customers", merged(tenant, customers, 100)),
        )
    ]
    started = time.perf_counter()
    with db.within(db.LONG_SECONDS):
        revenue.calculate(tenant.id)
    anew = Row(database, customers, "made anew", f"{time.perf_counter() - started:.1f} s")
    token = create_key(tenant, Role.VIEWER)
    stage.settle(settings.redis_url, "interaction_summary")
    with stage.web(settings) as (port, _):
        load.wait_for(port)
        answers = [
            answered(database, customers, kind, median_ms(port, token, kind, requests))
            for kind in ("day", "week", "month")
        ]
    return [*answers, *shares, anew]


def answered(database: str, customers: int, kind: str, ms: float) -> Row:
    """The row of the answers by day, week or month."""
    what = f"three years by {kind}"
    return Row(database, customers, what, f"{ms:.1f} ms", f"< {MOST_MS} ms", ms < MOST_MS)


def merged(tenant: Tenant, customers: int, every: int) -> float:
    """The share of a merge that keeping the sums took.

    :param every: rows of every n-th customer are merged
    """
    today = now_ms() // DAY_MS
    days = ((data.customer_id(0), key_of(today - n), "", "d", "") for n in range(1, MAX_PERIODS))
    eager = ((*key, 1, 1, every, today * DAY_MS, today * DAY_MS) for key in days)
    chosen = (
        (*row[1:-3], row[-3] + every, *row[-2:])
        for row in data.rows(tenant.id, customers, today)
        if int(row[1].removeprefix("CUST-")) % every == 0
    )
    with keeping() as seconds, staging.area():
        staging.stage_lines(_blocks(_numbered(eager, chosen)), 1)
        started = time.perf_counter()
        merging.merge(tenant.id, "daily")
        return sum(seconds) / (time.perf_counter() - started)


@contextmanager
def keeping() -> Iterator[list[float]]:
    """The seconds that keeping sums takes meanwhile."""
    seconds: list[float] = []

    class Timed(revenue.Keeping):
        def __init__(self, *args, **kwargs) -> None:
            started = time.perf_counter()
            super().__init__(*args, **kwargs)
            seconds.append(time.perf_counter() - started)

        def end(self, changed: bool) -> None:
            started = time.perf_counter()
            super().end(changed)
            seconds.append(time.perf_counter() - started)

    with mock.patch.object(revenue, "Keeping", Timed):
        yield seconds


def median_ms(port: int, token: str, kind: str, requests: int) -> float:
    """The median of requests one after another."""
    last = now_ms() // DAY_MS
    path = f"/api/v1/clv/revenue?by={kind}&from={key_of(last - MAX_PERIODS + 1)}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        times.append(time.perf_counter() - started)
        if answer.status != 200:
            raise AssertionError(text)
    connection.close()
    return statistics.median(times) * 1000


def _numbered(*parts: Iterator[tuple]) -> Iterator[tuple]:
    number = 0
    for part in parts:
        for row in part:
            number += 1
            yield (*row, number)


def _blocks(rows: Iterator[tuple]) -> Iterator[db.Columns]:
    while chunk := list(islice(rows, data.CHUNK_ROWS)):
        yield list(zip(*chunk, strict=True))


if __name__ == "__main__":
    main()
