"""Rows to stage, and what came out of them."""

from dataclasses import astuple, dataclass

from clv import db
from clv.domain.calendar import time_ms
from clv.domain.time_zone import time_zone
from clv.store import merging, staged_days, staging
from clv.store.merging import Merged

UTC = time_zone("UTC")


@dataclass(frozen=True)
class Row:
    """A row of a detailed file; the amount in 1/10,000."""

    customer_id: str | None
    contact_ms: int | None
    amount: int
    kind: int | None = None
    order_id: str | None = None
    currency: str | None = None


def at(text: str) -> int:
    """A moment, such as ``2026-03-12T10:00:00Z``."""
    return time_ms(text)


def stage(*rows: Row) -> None:
    """Stage these rows; the first is on line 2."""
    columns = [*zip(*map(astuple, rows), strict=True), range(2, len(rows) + 2)]
    assert staging.stage_transactions([columns], detailed=True) == len(rows)


def stage_plain(*rows: tuple[str, int, int]) -> None:
    """Stage the rows of a plain file."""
    staging.stage_transactions([list(zip(*rows, strict=True))])


def staged() -> list[tuple]:
    """The staged transactions by line: line, customer, time, amount, kind."""
    return db.rows(
        "SELECT line, customer_id, contact_ms, amount, kind FROM staged_transaction ORDER BY line"
    )


def days() -> dict[tuple[str, str], tuple[int, int, int]]:
    """The staged summaries: impressions, converts and value by customer and day."""
    rows = db.rows(
        "SELECT customer_id, period_key, impressions, converts, total_value FROM staged_summary"
    )
    return {(customer_id, key): (*values,) for customer_id, key, *values in rows}


def merge(tenant, *rows: Row, **options) -> Merged:
    """Stage rows, and merge their days in UTC."""
    stage(*rows)
    staged_days.aggregate_transactions(UTC)
    return merging.merge(tenant.id, "daily", aggregated=True, **options)
