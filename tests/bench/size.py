"""How much room the data takes: ``python -m tests.bench.size``.

A tenant's summaries and records as they are after several full runs, and rows of its history; from
these the size of a tenant after a year.
"""

import argparse
import sys

from clv import db
from clv.config import Settings
from clv.services import batch
from clv.store import runs as run_store
from clv.store.tenants import Tenant
from tests.bench import data, stage
from tests.bench.batch import DEADLINE_HOURS, Silent
from tests.bench.table import Row, show
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

CUSTOMERS = 300_000
# Each run leaves dead rows behind, until the database cleans up.
NIGHTS = 3
# More than the CDNOW log makes in a year of nightly runs.
HISTORY_ROWS_A_YEAR = 6
GOAL = 10**9


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
                rows += measured(database, options.customers, settings)
    show(rows)


def measured(database: str, customers: int, settings: Settings) -> list[Row]:
    """The rows of one database."""
    empty_tables()
    empty = size()
    tenant = data.fill("size", customers)
    loaded = size()
    for night in range(NIGHTS):
        run(tenant, settings)
        print(f"{database} night {night + 1}", file=sys.stderr, flush=True)
    scored = size()
    before = history_rows()
    add_history(tenant)
    noted = size()
    summary = (loaded - empty) / (customers * data.ROWS_A_CUSTOMER)
    history = (noted - scored) / (history_rows() - before)
    # The first run noted everybody once.
    record = (scored - loaded) / customers - history * before / customers
    year = customers * (
        summary * data.ROWS_A_CUSTOMER + record + history * (1 + HISTORY_ROWS_A_YEAR)
    )
    what = f"a year: {data.ROWS_A_CUSTOMER} summaries, {HISTORY_ROWS_A_YEAR} rows of history each"
    return [
        Row(database, customers, "a summary", f"{summary:.0f} bytes", "", None),
        Row(database, customers, "a customer's record", f"{record:.0f} bytes", "", None),
        Row(database, customers, "a row of history", f"{history:.0f} bytes", "", None),
        Row(database, customers, what, f"{year / 1e6:.0f} MB", "< 1,000 MB", year < GOAL),
    ]


def run(tenant: Tenant, settings: Settings) -> None:
    """A full run."""
    hours = int(DEADLINE_HOURS * 3_600_000)
    started, _ = run_store.join_or_create(tenant.id, None, "bench", hours)
    while run_store.by_id(started.id).is_active:
        batch.work(started.id, Silent(), settings)


def add_history(tenant: Tenant) -> None:
    """A row for each customer, a day after the last one."""
    db.execute(
        "INSERT INTO clv_change (tenant_id, customer_id, at_ms, score, segment, previous_segment)"
        " SELECT tenant_id, customer_id, computed_ms + 86400000, score, segment, segment"
        " FROM clv_record WHERE tenant_id = %s ORDER BY customer_id",
        (tenant.id,),
    )


def history_rows() -> int:
    """How many rows of history there are."""
    return db.value("SELECT COUNT(*) FROM clv_change")


def size() -> int:
    """The bytes that the database takes, without what a clean-up gives back."""
    db.release()
    if db.is_sqlite():
        db.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free = db.value("PRAGMA page_count"), db.value("PRAGMA freelist_count")
        return (pages - free) * db.value("PRAGMA page_size")
    for table in ("interaction_summary", "clv_record", "clv_change"):
        db.execute(f"VACUUM {table}")
    return db.value("SELECT pg_database_size(current_database())")


if __name__ == "__main__":
    main()
