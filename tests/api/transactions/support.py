"""Files of transactions, and what is stored of them."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

from clv import db
from tests.support.exports import Sample

URL = "/api/v1/transactions"
PREVIEW = f"{URL}/preview"
HEADER = "customer_id,date,amount\n"
PLAIN = f"{HEADER}a,2026-04-30,10.5\nb,2026-04-29,3\na,2026-05-02,-2\n"


def expected_summaries(sample: Sample) -> list[tuple]:
    """What is stored of a sample: its rows, added up by customer and day."""
    days: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for customer, day, amount, kind, *_ in sample.rows:
        days[customer, day][0] += kind == "sale"
        days[customer, day][1] += int(Decimal(amount) * 10_000)
    return sorted((*key, sales, sales, total) for key, (sales, total) in days.items())


def cents(amount: str) -> float:
    """An amount as JSON has it."""
    return float(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP))


def stored() -> list[tuple]:
    """All rows of a tenant that has only transactions."""
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, impressions, converts, total_value"
            " FROM interaction_summary ORDER BY 1, 2"
        )
