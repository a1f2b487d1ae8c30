"""How fast the dashboard's overview is: ``python -m tests.bench.overview``.

The page is asked for at a large tenant and at a small one by turns, with a viewer's session over a
connection of loopback that stays open, and judged by the ratio of the medians.
"""

import argparse
import http.client
import re
import statistics
import sys
import time
from urllib.parse import urlencode

from clv.auth import keys
from clv.auth.principal import Role
from clv.config import Settings
from clv.store.tenants import Tenant
from tests.bench import load, stage
from tests.bench.lists import ms, scored
from tests.bench.table import Row, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

SMALL_CUSTOMERS, CUSTOMERS = 10_000, 1_000_000
MOST_SLOWER = 2.0


class Visitor:
    """A viewer of a tenant who has signed in."""

    def __init__(self, port: int, tenant: Tenant) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._cookie = ""
        token = re.search(r'name="form_token" value="(\w+)"', self._ask("GET", "/sign-in", 200))
        if token is None:
            raise AssertionError("The sign-in has no form.")
        key = keys.create_key(tenant, Role.VIEWER)
        self._ask("POST", "/sign-in", 303, urlencode({"key": key, "form_token": token.group(1)}))

    def overview(self) -> float:
        """Seconds until the page was read."""
        started = time.perf_counter()
        text = self._ask("GET", "/", 200)
        seconds = time.perf_counter() - started
        if "Segments over time" not in text:
            raise AssertionError(text)
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, status: int, form: str | None = None) -> str:
        headers = {"Cookie": self._cookie, "Origin": self._origin}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, form, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if answer.status != status:
            raise AssertionError(text)
        self._cookie = answer.headers.get("Set-Cookie", self._cookie).partition(";")[0]
        return text


def measured(database: str, settings: Settings, customers: int, requests: int) -> Row:
    """The median at the large tenant beside that at the small one."""
    empty_tables()
    tenants = [
        scored(name, count, settings)
        for name, count in (("small", SMALL_CUSTOMERS), ("large", customers))
    ]
    stage.settle(settings.redis_url)
    with stage.web(settings) as (port, _):
        load.wait_for(port)
        visitors = [Visitor(port, tenant) for tenant in tenants]
        seconds: list[list[float]] = [[], []]
        for _ in range(requests):
            for visitor, found in zip(visitors, seconds, strict=True):
                found.append(visitor.overview())
        for visitor in visitors:
            visitor.close()
    small, large = map(statistics.median, seconds)
    what = f"the overview ({ms(large)}) / at {SMALL_CUSTOMERS:,} ({ms(small)})"
    ratio, goal = large / small, f"≤ {MOST_SLOWER:g}"
    return Row(database, customers, what, f"{ratio:.2f}", goal, ratio <= MOST_SLOWER)


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
                rows.append(measured(database, settings, options.customers, options.requests))
                print(rows[-1], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
