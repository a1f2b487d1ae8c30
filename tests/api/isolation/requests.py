"""Requests that are about the ids of a tenant, made from the OpenAPI document."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

from tests.api.isolation.world import API, LABELS, Ids, Sent
from tests.api.support import days_ago, row

# How each query parameter is filled, from the ids that the request is about.
Fill = Callable[[random.Random, Ids], Any]
QUERY: dict[str, Fill] = {
    "acquisitionCost": lambda rng, ids: 12.5,
    "activity": lambda rng, ids: rng.choice(["active", "slipping", "lost", "none"]),
    "after": lambda rng, ids: rng.choice(ids.feed_cursors),
    "amount": lambda rng, ids: "amount",
    "by": lambda rng, ids: rng.choice(["day", "week", "month"]),
    "computedAfter": lambda rng, ids: days_ago(9),
    # Tomorrow: within the second of the computation, two requests would differ.
    "computedBefore": lambda rng, ids: days_ago(-1),
    "count": lambda rng, ids: rng.choice(["true", "false"]),
    "currency": lambda rng, ids: "",
    "cursor": lambda rng, ids: rng.choice(ids.cursors),
    "customer": lambda rng, ids: rng.choice(["customer_id", rng.choice(ids.customers)]),
    "customerId": lambda rng, ids: rng.choice(ids.customers),
    "channelId": lambda rng, ids: ids.labels[2],
    "dateOrder": lambda rng, ids: "ymd",
    "decimal": lambda rng, ids: ".",
    "delimiter": lambda rng, ids: "comma",
    "encoding": lambda rng, ids: "utf-8",
    "format": lambda rng, ids: rng.choice(["klaviyo", "google", "meta"]),
    "from": lambda rng, ids: days_ago(rng.randint(9, 60))[:10],
    "headerLine": lambda rng, ids: 1,
    "horizonDays": lambda rng, ids: rng.choice([90, 365]),
    "include": lambda rng, ids: rng.choice(["model", "forecast", "rfm", "forecast,model,rfm"]),
    "keepStates": lambda rng, ids: "paid",
    "limit": lambda rng, ids: rng.choice([1, 3, 100]),
    "maxFrequency": lambda rng, ids: 99,
    "maxRecency": lambda rng, ids: 20,
    "maxScore": lambda rng, ids: 90,
    "maxTenureDays": lambda rng, ids: 9_999,
    "minFrequency": lambda rng, ids: 1,
    "minRecency": lambda rng, ids: 0,
    "minRevenue": lambda rng, ids: 0,
    "minScore": lambda rng, ids: 0,
    "minTenureDays": lambda rng, ids: 0,
    "offerId": lambda rng, ids: ids.labels[0],
    "order": lambda rng, ids: "",
    "orderLines": lambda rng, ids: "sum",
    "partial": lambda rng, ids: rng.choice(["true", "false"]),
    "periodType": lambda rng, ids: "daily",
    "profile": lambda rng, ids: "",
    "quantity": lambda rng, ids: "",
    "rate": lambda rng, ids: "USD:0.92",
    "refund": lambda rng, ids: "",
    "replace": lambda rng, ids: rng.choice(["true", "false"]),
    "rfmGroup": lambda rng, ids: rng.choice(["champions", "loyal", "dormant", "prospects"]),
    "search": lambda rng, ids: rng.choice(ids.customers),
    "segment": lambda rng, ids: rng.choice(["high", "medium", "low", "at_risk"]),
    "since": lambda rng, ids: days_ago(9),
    "skipBadLines": lambda rng, ids: rng.choice(["true", "false"]),
    "sort": lambda rng, ids: rng.choice(["customerId", "-clvScore", "rfmRecency", "rfmMonetary"]),
    "state": lambda rng, ids: "",
    "strict": lambda rng, ids: "true",
    "time": lambda rng, ids: "date",
    "timeZone": lambda rng, ids: "UTC",
    "to": lambda rng, ids: rng.choice(["high", "low"]),
    "wait": lambda rng, ids: 0,
}
# Where a parameter means something else.
QUERY_OF: dict[str, dict[str, Fill]] = {
    f"GET {API}/clv/cohorts": {"by": lambda rng, ids: rng.choice(["month", "quarter"])},
    f"GET {API}/clv/revenue": {"to": lambda rng, ids: days_ago(rng.randint(0, 9))[:10]},
}


def _rows(rng: random.Random, ids: Ids) -> list[dict]:
    labels = dict(zip(LABELS, ids.labels, strict=True))
    return [row(one, 2, 3, 4.5, **labels) for one in rng.sample(ids.customers[6:], 3)]


def _json(body: Fill) -> Fill:
    return lambda rng, ids: {"json": body(rng, ids)}


def _csv(rng: random.Random, ids: Ids) -> dict:
    lines = [f"{one},{days_ago(1)[:10]},1.5" for one in rng.sample(ids.customers[6:], 3)]
    return {"data": "\n".join(("customer_id,date,amount", *lines)), "content_type": "text/csv"}


def _ndjson(rng: random.Random, ids: Ids) -> dict:
    lines = (json.dumps(one) for one in _rows(rng, ids))
    return {"data": "\n".join(lines), "content_type": "application/x-ndjson"}


# How each body is filled. Paths name the first customers, bodies the others: who loads a customer
# of that name has one afterwards.
BODIES: dict[str, Fill] = {
    f"POST {API}/api-keys": _json(lambda rng, ids: {"role": "viewer", "label": "mine"}),
    f"POST {API}/clv/backtests": _json(lambda rng, ids: {"holdoutDays": rng.randint(20, 40)}),
    f"POST {API}/clv/compute": _json(lambda rng, ids: {"segment": rng.choice([None, "high"])}),
    f"POST {API}/clv/simulate": _json(lambda rng, ids: {"atRiskDays": rng.randint(1, 99)}),
    f"POST {API}/erasures": _json(lambda rng, ids: {"customerIds": rng.sample(ids.customers, 3)}),
    f"POST {API}/interaction-summaries": _json(lambda rng, ids: {"data": _rows(rng, ids)}),
    f"PUT {API}/interaction-summaries": _ndjson,
    f"PUT {API}/settings": _json(lambda rng, ids: {"atRiskDays": rng.randint(1, 99)}),
    f"POST {API}/transactions/preview": _csv,
    f"PUT {API}/transactions": _csv,
}
PATHS: dict[str, Fill] = {
    "backtestId": lambda rng, ids: rng.choice(ids.backtests),
    "customerId": lambda rng, ids: rng.choice(ids.customers[:6]),
    "jobId": lambda rng, ids: rng.choice(ids.jobs),
    "keyId": lambda rng, ids: rng.choice(ids.keys),
}
HEADERS: dict[str, Fill] = {
    "Cache-Control": lambda rng, ids: "max-age=0",
    "If-None-Match": lambda rng, ids: '"of another answer"',
    "Prefer": lambda rng, ids: "respond-async",
    "X-Tenant-Id": lambda rng, ids: ids.tenant,
}


def request(name: str, operation: dict, ids: Ids, rng: random.Random) -> Sent:
    """A request to an operation that is about these ids; with the same random numbers about
    others, it is the same request."""
    method, path = name.split(" ")
    path = re.sub("{(.*?)}", lambda found: PATHS[found[1]](rng, ids), path)
    options: dict[str, Any] = {"headers": {}, "query_string": {}}
    for parameter in operation.get("parameters", []):
        of, place = parameter["name"], parameter["in"]
        if parameter.get("required") or rng.random() < (0.1 if of == "X-Tenant-Id" else 0.3):
            query = {**QUERY, **QUERY_OF.get(name, {})}
            where, fill = (
                ("headers", HEADERS[of]) if place == "header" else ("query_string", query[of])
            )
            options[where][of] = fill(rng, ids)
    if "requestBody" in operation:
        options |= BODIES[name](rng, ids)
    answers = next(a for code, a in operation["responses"].items() if code.startswith("2"))
    options["headers"]["Accept"] = rng.choice(list(answers.get("content", {"*/*": {}})))
    return Sent(method, path, options)
