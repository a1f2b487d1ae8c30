"""Addresses, and the records of a tenant."""

from clv import db
from clv.domain.scoring import Scores
from clv.store import records

SETTINGS, RECORDS, SIMULATE = "/api/v1/settings", "/api/v1/clv/records", "/api/v1/clv/simulate"


def stored(tenant) -> dict[str, Scores]:
    """All records by customer."""
    with db.scope():
        found = db.rows(
            f"SELECT {records.COLUMNS} FROM clv_record WHERE tenant_id = %s", (tenant.id,)
        )
    return {row[0]: Scores(*row) for row in found}
