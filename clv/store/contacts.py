"""When customers were last active: the gaps between their active days, and who is silent."""

from collections.abc import Sequence

from clv import db
from clv.db.dialect import in_texts, local_day, texts
from clv.domain.time_zone import TimeZone
from clv.store.summaries import last_contact


def gaps(tenant_id: int, customer_ids: Sequence[str], zone: TimeZone) -> list[tuple[int, int]]:
    """The gaps in days between successive active days of these customers, ascending, and how often
    each occurs."""
    day = local_day("last_contact_ms", zone, *_contact_range(tenant_id, customer_ids, zone))
    return db.rows(
        "SELECT gap, COUNT(*) FROM ("
        " SELECT day - LAG(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap FROM ("
        f"  SELECT customer_id, {day} AS day FROM interaction_summary"
        f"  WHERE tenant_id = %s AND {in_texts('customer_id')} AND impressions > 0) days) gaps"
        # Several rows of one day make no gap.
        " WHERE gap > 0 GROUP BY gap ORDER BY gap",
        (tenant_id, texts(customer_ids)),
    )


def share_at_risk(tenant_id: int, as_of_ms: int, at_risk_days: int, zone: TimeZone) -> float:
    """The share of customers, of those with interactions, whose last one is at least that long
    ago."""
    first_safe_ms = zone.start_ms(zone.day(as_of_ms) - at_risk_days + 1)
    share = db.value(
        "SELECT AVG(CASE WHEN last < %s THEN 1.0 ELSE 0.0 END) FROM ("
        f" SELECT {last_contact()} AS last FROM interaction_summary"
        " WHERE tenant_id = %s GROUP BY customer_id HAVING SUM(impressions) > 0) lasts",
        (first_safe_ms, tenant_id),
    )
    return float(share or 0.0)


def _contact_range(tenant_id: int, customer_ids: Sequence[str], zone: TimeZone) -> tuple[int, int]:
    """The first and the last of the contacts whose days :func:`gaps` needs. The fewer
    changes of the zone there are between them, the faster it is."""
    if not len(zone.changes_ms):
        return 0, 0
    [(first_ms, last_ms)] = db.rows(
        "SELECT MIN(last_contact_ms), MAX(last_contact_ms) FROM interaction_summary"
        f" WHERE tenant_id = %s AND {in_texts('customer_id')}",
        (tenant_id, texts(customer_ids)),
    )
    return first_ms or 0, last_ms or 0
