"""Seeded tenants for the benchmark: four daily summaries a customer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np

from clv import db
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.store import tenants
from clv.store.tenants import Tenant

SEED = 20_260_403
ROWS_A_CUSTOMER = 4
MOST_DAYS = 365
MOST_GAP_DAYS = 30
BLOCK = 20_000
CHUNK_ROWS = 1_000
COLUMNS = (
    "tenant_id, customer_id, period_key, offer_id, creative_id, channel_id, impressions, converts,"
    " total_value, first_contact_ms, last_contact_ms"
)


def fill(name: str, customers: int) -> Tenant:
    """A new tenant with so many customers; the same ones each time but for today's date.

    It is served by rfm, so that figures stay comparable; ``tests.bench.calibrated`` fits.
    """
    tenant = tenants.create_tenant(name)
    today = now_ms() // DAY_MS
    db.insert_columns("interaction_summary", COLUMNS, _chunks(rows(tenant.id, customers, today)))
    db.execute(
        "UPDATE tenant SET customers = %s, period_type = 'daily', model = 'rfm' WHERE id = %s",
        (customers, tenant.id),
    )
    if not db.is_sqlite():
        db.execute("VACUUM (ANALYZE) interaction_summary")
    return tenants.tenant_by_id(tenant.id)


def rows(tenant_id: int, customers: int, today: int) -> Iterator[tuple]:
    """Summaries in the order of the columns and of their keys, the last of them before today."""
    day_zero = datetime(1970, 1, 1, tzinfo=UTC)
    keys = {
        day: (day_zero + timedelta(days=day)).date().isoformat()
        for day in range(today - MOST_DAYS - ROWS_A_CUSTOMER * MOST_GAP_DAYS, today)
    }
    for first in range(0, customers, BLOCK):
        count = min(BLOCK, customers - first)
        values = _block(np.random.default_rng([SEED, first]), count, today)
        for at, (day, impressions, converts, amount, contact) in enumerate(
            zip(*values, strict=True)
        ):
            name = customer_id(first + at // ROWS_A_CUSTOMER)
            yield (
                *(tenant_id, name, keys[day], "", "", ""),
                *(impressions, converts, amount, contact, contact),
            )


def customer_id(number: int) -> str:
    """The id of the n-th customer; ids are in order."""
    return f"CUST-{number:07d}"


def _chunks(rows: Iterator[tuple]) -> Iterator[list[tuple]]:
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield list(zip(*chunk, strict=True))


def _block(random: np.random.Generator, customers: int, today: int) -> list[list[int]]:
    """Columns of rows in key order: day, impressions, converts, amount in 1/10,000, contact."""
    shape = (customers, ROWS_A_CUSTOMER)
    last = today - 1 - np.minimum(random.exponential(60, customers).astype(int), MOST_DAYS - 1)
    gaps = random.integers(1, MOST_GAP_DAYS, shape)
    gaps[:, -1] = 0
    day = last[:, None] - gaps[:, ::-1].cumsum(axis=1)[:, ::-1]
    impressions = random.geometric(0.1, shape)
    bought = random.random(shape) < 0.3
    amount = bought * (random.lognormal(3, 1, shape) * 100).astype(int) * 100
    contact = day * DAY_MS + random.integers(0, DAY_MS, shape)
    return [a.ravel().tolist() for a in (day, impressions, bought.astype(int), amount, contact)]
