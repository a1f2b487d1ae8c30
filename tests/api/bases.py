"""Customers to fit the model to: the CDNOW log, and bases that it is poor at."""

import random
from collections.abc import Sequence

from clv import db
from clv.config import ROOT
from clv.db.clock import now_ms
from clv.services import loading
from clv.store.summaries import Summary
from tests.api.support import days_ago
from tests.jobs.support import DAY

LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")


def import_log(app) -> None:
    """Import the CDNOW log into acme, up to now."""
    command = ["import", LOG, "--tenant", "acme", "--replay-until", "now"]
    assert app.test_cli_runner().invoke(args=command).exit_code == 0


def add(tenant, purchases: Sequence[tuple[str, int, float]], period_type: str = "daily") -> None:
    """Purchases: customer, how many days ago, and the amount (negative: a refund)."""
    with db.scope():
        now = now_ms()
        rows = [
            Summary(
                customer,
                days_ago(days)[:10],
                "" if amount >= 0 else "refund",
                "",
                "",
                int(amount >= 0),
                int(amount >= 0),
                int(amount * 10_000),
                now - days * DAY,
                now - days * DAY,
            )
            for customer, days, amount in purchases
        ]
        loading.add_summaries(tenant, period_type, rows)


def one_time(count: int) -> list[tuple[str, int, float]]:
    """Customers who bought once."""
    return [(f"c{n:04}", 1 + n % 400, 10 + n % 7) for n in range(count)]


def returning(count: int, amount: float | None = None) -> list[tuple[str, int, float]]:
    """Customers who buy some 1 to 6 times in 400 days."""
    dice = random.Random(7)
    return [
        (f"c{n:04}", days, amount or dice.randint(5, 90))
        for n in range(count)
        for days in {dice.randint(1, 400) for _ in range(dice.choice((1, 1, 1, 2, 3, 6)))}
    ]


DAILY_FOR_TEN_YEARS = [("eager", days, 5.0) for days in range(1, 3_650)]
BASES = {
    "nobody comes back": one_time(600),
    "equal amounts": returning(600, 20.0),
    "one customer": [("only", 400, 10.0), ("only", 1, 10.0)],
    "daily for ten years": DAILY_FOR_TEN_YEARS,
    "daily for ten years among others": DAILY_FOR_TEN_YEARS + returning(600),
    "refunds only": [(f"c{n:04}", 1 + n % 400, -10.0) for n in range(600)],
    "more refunds than sales": [*returning(600), *((f"c{n:04}", 1, -999.0) for n in range(600))],
    "nothing but free": [(customer, days, 0.0) for customer, days, _ in returning(600)],
    "a short history": [(customer, days % 50, 10.0) for customer, days, _ in returning(600)],
    "few buyers": returning(90),
}
