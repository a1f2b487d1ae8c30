"""How fast a shop's export is: ``python -m tests.bench.export``.

A Shopify export, two lines an order, is previewed (its first 64 MiB, as the page does) and loaded
over HTTP by a real web process, as its owner would. The reference in the same run is what no reader
in Python can do without: the csv module over the same file.
"""

import argparse
import csv
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clv.config import Settings
from clv.store import tenants
from tests.bench import load, stage
from tests.bench.table import MIB, Row, shown
from tests.bench.upload import IDLE_SECONDS
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

ORDERS = 300_000
LINES_AN_ORDER = 2
LEAST_LINES_A_SECOND = 60_000
MOST_MIB = 96
PREVIEW_BYTES = 64 * MIB
# Of a real export (79 columns), those that a line of it fills.
COLUMNS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency"
    ",Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at"
    ",Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku"
    ",Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name"
    ",Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip"
    ",Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street"
    ",Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip"
    ",Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at"
    ",Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location"
    ",Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name"
    ",Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone"
    ",Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID"
    ",Payment Terms Name,Next Payment Due At,Payment References"
).split(",")


@dataclass
class Turn:
    """What was measured in one database: seconds, and the growth of the web process in MiB."""

    preview: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)


def write_export(path: Path, orders: int) -> Path:
    """An invented export of so many orders, about one in twenty with a note of two lines."""
    chance = random.Random(1)
    end = datetime.now(UTC).replace(microsecond=0)
    with path.open("w", newline="") as file:
        lines = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        lines.writeheader()
        for number in range(orders):
            created = end - timedelta(minutes=orders - number + chance.randrange(60))
            lines.writerows(_order(number, created, chance))
    return path


def _order(number: int, created: datetime, chance: random.Random) -> list[dict[str, object]]:
    both = {
        "Name": f"#{1001 + number}",
        "Email": f"person{chance.randrange(100_000)}@example.com",
        "Created at": f"{created:%Y-%m-%d %H:%M:%S} +0000",
        "Lineitem quantity": 1,
        "Lineitem price": "19.95",
        "Lineitem requires shipping": "true",
        "Lineitem taxable": "true",
        "Lineitem fulfillment status": "fulfilled",
        "Vendor": "Example",
        "Lineitem discount": "0.00",
    }
    total = chance.randrange(1_000, 200_000) / 100
    first = {
        "Financial Status": "partially_refunded" if number % 50 == 0 else "paid",
        "Paid at": both["Created at"],
        "Fulfillment Status": "fulfilled",
        "Accepts Marketing": "yes",
        "Currency": "EUR",
        "Subtotal": f"{total:.2f}",
        "Shipping": "0.00",
        "Taxes": "0.00",
        "Total": f"{total:.2f}",
        "Refunded Amount": "5.00" if number % 50 == 0 else "0.00",
        "Billing Name": f"Person {number}",
        "Billing City": "Testville",
        "Billing Country": "DE",
        "Notes": "Leave at the door,\nring twice" if number % 20 == 0 else "",
        "Payment Method": "Shopify Payments",
        "Outstanding Balance": "0.00",
        "Id": 5_550_000_000_001 + number,
        "Risk Level": "Low",
        "Source": "web",
    }
    items = ({"Lineitem name": f"Item {item}"} for item in range(LINES_AN_ORDER))
    return [both | next(items) | first, *(both | item for item in items)]


def measure(settings: Settings, export: Path, runs: int) -> Turn:
    """Preview and load the export into an empty tenant, so many times."""
    turn = Turn()
    with stage.web(settings, WEB_CONCURRENCY="1") as (port, pid):
        load.wait_for(port)
        for _ in range(runs):
            empty_tables()
            tenants.create_tenant("bench")
            stage.settle(settings.redis_url, "interaction_summary")
            with stage.Memory([pid]) as idle:
                time.sleep(IDLE_SECONDS)
            with stage.Memory([pid]) as memory:
                turn.preview.append(_preview(port, export))
                turn.load.append(_load(port, export))
            if memory.peak and idle.peak:
                turn.grown.append((memory.peak - idle.peak) / MIB)
            turn.reference.append(_read(export))
            print(turn, file=sys.stderr)
    return turn


def _preview(port: int, export: Path) -> float:
    with export.open("rb") as file:
        part = file.read(PREVIEW_BYTES)
    partial = "true" if export.stat().st_size > PREVIEW_BYTES else "false"
    path = f"/api/v1/transactions/preview?partial={partial}"
    seconds, answer = load.send(port, "POST", path, part)
    assert answer["profile"] == "shopify" and not answer["badLines"]["count"], answer
    return seconds


def _load(port: int, export: Path) -> float:
    with export.open("rb") as file:
        seconds, answer = load.send(port, "PUT", "/api/v1/transactions", file)
    assert not answer["rejected"], answer
    return seconds


def _read(export: Path) -> float:
    started = time.perf_counter()
    with export.open(newline="") as file:
        for _ in csv.reader(file, strict=True):
            pass
    return time.perf_counter() - started


def rows_of(database: str, orders: int, turn: Turn) -> list[Row]:
    """Medians, the rate of both parts together, the ratio with the reference, and the memory."""
    lines = orders * LINES_AN_ORDER
    medians = {
        name: statistics.median(getattr(turn, name)) for name in ("preview", "load", "reference")
    }
    rows = [
        Row(database, orders, f"{name}: median", f"{value:.2f} s")
        for name, value in medians.items()
    ]
    both = medians["preview"] + medians["load"]
    rate = lines / both
    goal = f"≥ {LEAST_LINES_A_SECOND:,}"
    is_met = rate >= LEAST_LINES_A_SECOND
    rows.append(Row(database, orders, "lines a second, both", f"{rate:,.0f}", goal, is_met))
    ratio = f"{medians['reference'] / both:.2f}"
    rows.append(Row(database, orders, "reference / (preview + load)", ratio))
    if turn.grown:
        grown = max(turn.grown)
        what = "the web process grows at most by (PSS)"
        rows.append(
            Row(database, orders, what, f"{grown:.0f} MiB", f"< {MOST_MIB} MiB", grown < MOST_MIB)
        )
    return rows


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    with shown("orders") as rows, servers.folder() as path, stage.redis_server(path) as redis_url:
        export = write_export(path / "orders_export.csv", options.orders)
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                turn = measure(settings, export, options.runs)
                rows += rows_of(database, options.orders, turn)


if __name__ == "__main__":
    main()
