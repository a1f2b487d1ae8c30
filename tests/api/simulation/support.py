"""What is simulated, and what records add up to."""

import math
from decimal import ROUND_HALF_UP, Decimal

from clv import db
from clv.config import ROOT
from clv.domain.calendar import iso
from clv.domain.scoring import SEGMENTS
from clv.domain.units import DAY_MS
from clv.services.simulation import Sums

URL, SETTINGS = "/api/v1/clv/simulate", "/api/v1/settings"
LOG = ROOT / "clv" / "sample" / "cdnow.csv.gz"
NOW = 20_000 * DAY_MS
CHANGES = [
    {"weights": {"recency": 0, "frequency": 0.25, "monetary": 0.75}},
    {"atRiskDays": 2},
    {"lifespanMonths": 36, "minTenureMonths": 1},
    {"weights": {"recency": 1, "frequency": 0, "monetary": 0}, "atRiskDays": 900},
]


def stored_sums() -> dict[str, Sums]:
    """What the records add up to, by segment."""
    with db.scope():
        found = db.rows(
            "SELECT segment, monetary, predicted_revenue, churn_probability FROM clv_record"
        )
    return {name: summed([row[1:] for row in found if row[0] == name]) for name in SEGMENTS}


def summed(rows: list[tuple[int, int, float]], scale: int = 1) -> Sums:
    """Revenue, predicted revenue and churn probability of customers, added up."""
    at_risk = math.fsum(predicted * churn for _, predicted, churn in rows)
    revenue, predicted = (sum(row[i] for row in rows) for i in (0, 1))
    return Sums(scale * len(rows), scale * revenue, scale * predicted, scale * at_risk)


def shown(sums: Sums) -> dict:
    """Sums as the API shows them."""
    amounts = {
        "revenue": sums.revenue,
        "predictedRevenue": sums.predicted_revenue,
        "revenueAtRisk": sums.revenue_at_risk,
    }
    cents = {
        name: float((Decimal(amount) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP))
        for name, amount in amounts.items()
    }
    return {"customers": sums.customers, **cents}


def day_of_records() -> str:
    """The day as of which the records were computed: at midnight, days since a contact change."""
    with db.scope():
        return iso(db.value("SELECT MAX(computed_ms) FROM clv_record"))[:10]


def assert_equals_records(found: dict, which: str) -> None:
    if found["asOf"][:10] == day_of_records():
        expected = {name: shown(sums) for name, sums in stored_sums().items()}
        assert found[which]["segments"] == expected


def import_log(app) -> None:
    """The tenant ``shop`` with the log replayed until now."""
    run = app.test_cli_runner().invoke
    for command in (
        ("tenants", "create", "shop"),
        ("import", str(LOG), "--tenant", "shop", "--replay-until", "now"),
    ):
        done = run(args=command)
        assert done.exit_code == 0, done.output
