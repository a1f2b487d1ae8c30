"""Records made up by chance, how they are shown, and which of them a query selects."""

import csv
import io
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from clv.domain import calendar

URL = "/api/v1/clv/records"
SEGMENTS = ("high", "medium", "low", "at_risk")
AWKWARD = ["a,b", 'say "hi"', "=1+1", "a\u2028b", "Zoë 🎈", "100%", "x&y=z?#", "a+b", "\\"]
NOON = 1_775_217_600_000
CSV, NDJSON = "text/csv", "application/x-ndjson"


def seeded(seed: int, count: int, run_id: int | None, tenant_id: int = 1) -> list[dict]:
    """Records whose values often are the same, and often round to the same."""
    random = Random(seed)
    ids = [*AWKWARD, *(f"c{n:04}" for n in range(count - len(AWKWARD)))]
    return [
        {
            "tenant_id": tenant_id,
            "customer_id": customer_id,
            "score": random.choice([0.0, 100.0, 49.5, 49.4999, random.uniform(0, 100)]),
            "predicted_revenue": random.choice([0, 50, 149, 9_999_950, random.randrange(10**9)]),
            "churn_probability": random.choice([0.0, 0.1185, 1.0, random.random()]),
            "recency_days": random.choice([0, 29, 30, random.randrange(400)]),
            "frequency": random.choice([0, 1, random.randrange(10**9)]),
            "monetary": random.choice([0, -50, -149, random.randrange(-(10**9), 10**9)]),
            "segment": random.choice(SEGMENTS),
            "computed_ms": NOON + random.randrange(-3, 3) * 1_000,
            "run_id": random.choice([run_id, None]),
            "tenure_days": random.choice([0, 89, 90, random.randrange(400)]),
        }
        for customer_id in ids
    ]


def rounded(number, places: str) -> float:
    """A number rounded half up."""
    return float(Decimal(number).quantize(Decimal(places), ROUND_HALF_UP))


def shown(record: dict, job_id: str) -> dict:
    """A record as JSON shows it."""
    predicted, churn = record["predicted_revenue"], record["churn_probability"]
    return {
        "customerId": record["customer_id"],
        "clvScore": int(rounded(record["score"], "1")),
        "predictedRevenue": rounded(Decimal(predicted) / 10_000, "0.01"),
        "churnProbability": rounded(churn, "0.001"),
        "revenueAtRisk": rounded(Decimal(predicted * churn) / 10_000, "0.01"),
        "rfmRecency": record["recency_days"],
        "rfmFrequency": record["frequency"],
        "rfmMonetary": rounded(Decimal(record["monetary"]) / 10_000, "0.01"),
        "segment": record["segment"],
        "computedAt": calendar.iso(record["computed_ms"]),
        "jobId": None if record["run_id"] is None else job_id,
    }


def activity(recency: int, frequency: int) -> str:
    """The activity with 30 at-risk days."""
    if frequency == 0:
        return "none"
    return "active" if recency < 30 else "slipping" if recency < 90 else "lost"


FILTERS = {
    "segment": lambda r, v: r["segment"] == v,
    "customerId": lambda r, v: r["customer_id"] in v,
    "minScore": lambda r, v: r["score"] >= v,
    "maxScore": lambda r, v: r["score"] <= v,
    "minRecency": lambda r, v: r["recency_days"] >= v,
    "maxRecency": lambda r, v: r["recency_days"] <= v,
    "minFrequency": lambda r, v: r["frequency"] >= v,
    "maxFrequency": lambda r, v: r["frequency"] <= v,
    "minRevenue": lambda r, v: r["predicted_revenue"] >= Decimal(v) * 10_000,
    "minTenureDays": lambda r, v: r["tenure_days"] >= v,
    "maxTenureDays": lambda r, v: r["tenure_days"] <= v,
    "activity": lambda r, v: v == activity(r["recency_days"], r["frequency"]),
    "computedAfter": lambda r, v: r["computed_ms"] > calendar.time_ms(v),
    "computedBefore": lambda r, v: r["computed_ms"] < calendar.time_ms(v),
}
ORDERS = {
    "customerId": lambda r: r["customer_id"],
    "clvScore": lambda r: r["score"],
    "predictedRevenue": lambda r: r["predicted_revenue"],
    "revenueAtRisk": lambda r: r["predicted_revenue"] * r["churn_probability"],
    "rfmRecency": lambda r: r["recency_days"],
    "rfmFrequency": lambda r: r["frequency"],
    "rfmMonetary": lambda r: r["monetary"],
    "churnProbability": lambda r: r["churn_probability"],
}
SORTS = [f"{sign}{name}" for name in ORDERS for sign in ("", "-")]


def brute(records: list[dict], query: dict, sort: str) -> list[dict]:
    """The records that a query selects, in its order."""
    found = [r for r in records if all(FILTERS[name](r, query[name]) for name in query)]
    name = sort.lstrip("-")
    return sorted(
        found, key=lambda r: (ORDERS[name](r), r["customer_id"]), reverse=sort.startswith("-")
    )


def of_csv(text: str) -> list[dict]:
    """The lines of a CSV file by column."""
    return list(csv.DictReader(io.StringIO(text, newline="")))
