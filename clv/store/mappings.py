"""What files of a tenant were read by, remembered by their header."""

import json
from typing import Any

from clv import db
from clv.db.clock import now_sql

# More kinds of files than a shop has; the one that was not used for longest goes.
MOST_MAPPINGS = 100


def remember(tenant_id: int, header_sha256: str, choices: dict[str, Any]) -> None:
    """Store what a file with this header was read by, instead of what was stored before.

    :param choices: anything that JSON can hold
    """
    with db.transaction():
        db.execute(
            "INSERT INTO file_mapping (tenant_id, header_sha256, choices, used_ms)"
            f" VALUES (%s, %s, %s, {now_sql()}) ON CONFLICT (tenant_id, header_sha256)"
            " DO UPDATE SET choices = excluded.choices, used_ms = excluded.used_ms",
            (tenant_id, header_sha256, json.dumps(choices)),
        )
        db.execute(
            "DELETE FROM file_mapping WHERE tenant_id = %s AND header_sha256 NOT IN"
            " (SELECT header_sha256 FROM file_mapping WHERE tenant_id = %s"
            " ORDER BY header_sha256 = %s DESC, used_ms DESC, header_sha256 LIMIT %s)",
            (tenant_id, tenant_id, header_sha256, MOST_MAPPINGS),
        )


def recalled(tenant_id: int, header_sha256: str) -> dict[str, Any] | None:
    """What a file with this header was last read by; None if there was none."""
    row = db.row(
        "SELECT choices FROM file_mapping WHERE tenant_id = %s AND header_sha256 = %s",
        (tenant_id, header_sha256),
    )
    return json.loads(row[0]) if row else None
