"""Addresses, the records of a tenant, and forecasts as a client gets them."""

import csv
import io
import json
from dataclasses import replace

from clv import db
from clv.db.clock import now_ms
from clv.domain.scoring import Scores
from clv.prediction.calibrated import Calibration
from clv.store import records
from tests.unit.support import PUBLISHED

SETTINGS, RECORDS, SIMULATE = "/api/v1/settings", "/api/v1/clv/records", "/api/v1/clv/simulate"
# What include=forecast adds.
FORECAST = [
    "horizonDays",
    "expectedConversions",
    "expectedRevenue",
    "expectedDaysToNextConversion",
    "probabilityActive",
    "averageConversionValue",
]
FILES = ("text/csv", "application/x-ndjson")


def stored(tenant) -> dict[str, Scores]:
    """All records by customer."""
    with db.scope():
        found = db.rows(
            f"SELECT {records.COLUMNS} FROM clv_record WHERE tenant_id = %s", (tenant.id,)
        )
    return {row[0]: Scores(*row) for row in found}


def fit(tenant_id: int = 1) -> None:
    """Serve by the published parameters from now on."""
    parameters = replace(PUBLISHED, v=154_500.0)
    with db.scope(), db.transaction():
        text = Calibration(parameters, "A test says so.", now_ms()).to_json()
        db.execute("UPDATE snapshot SET calibration = %s WHERE tenant_id = %s", (text, tenant_id))
        db.execute("UPDATE tenant SET model = 'calibrated' WHERE id = %s", (tenant_id,))


def explanation(client, headers, customer: str, query: str = ""):
    url = f"/api/v1/customers/{customer}/clv/explanation{query}"
    return client.get(url, headers=headers("viewer"))


def lines(answer) -> list[dict]:
    if answer.mimetype == "text/csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    return [json.loads(line) for line in answer.text.splitlines()]
