"""Staged interaction summaries beside the stored ones: what a merge is about to change."""

from dataclasses import dataclass, replace

from clv import db
from clv.store.lookups import looked_up
from clv.store.summaries import COLUMNS, IS_ZERO

SAME_PERIOD = "t.tenant_id = %s AND t.customer_id = s.customer_id AND t.period_key = s.period_key"
SAME_OFFER = (
    "t.offer_id = s.offer_id AND t.creative_id = s.creative_id AND t.channel_id = s.channel_id"
)
_EQUAL = (
    "s.impressions = t.impressions AND s.converts = t.converts AND s.total_value = t.total_value"
    " AND s.first_contact_ms = t.first_contact_ms AND s.last_contact_ms = t.last_contact_ms"
)
_LOWER = "(s.impressions < t.impressions OR s.total_value < t.total_value)"


@dataclass(frozen=True, slots=True)
class Compared:
    """Staged rows beside the stored ones, in numbers of rows.

    :param stored: their key is stored
    :param equal: and they equal the stored row
    :param zeros: and they have zeros only
    :param lower: and they have fewer impressions or less value than the stored row
    :param others: stored rows of the same customer and period for other offers, creatives or
        channels, if these were compared
    """

    stored: int
    equal: int
    zeros: int
    lower: int
    others: int


def compare(tenant_id: int, with_others: bool) -> Compared:
    """Compare the staged rows with the stored ones.

    :param with_others: also with those of the same customer and period for other offers
    """
    same = SAME_PERIOD if with_others else f"{SAME_PERIOD} AND {SAME_OFFER}"
    conditions = (
        "t.impressions IS NOT NULL",
        f"zero = 0 AND {_EQUAL}",
        "zero = 1 AND t.impressions IS NOT NULL",
        _LOWER,
        f"NOT ({SAME_OFFER})" if with_others else "1 = 0",
    )
    counts = ", ".join(f"COUNT(CASE WHEN {condition} THEN 1 END)" for condition in conditions)
    row = db.rows(
        f"SELECT {counts} FROM (SELECT {COLUMNS}, CASE WHEN {IS_ZERO} THEN 1 ELSE 0 END AS zero"
        f"  FROM staged_summary) s LEFT JOIN interaction_summary t ON {same}",
        (tenant_id,),
    )[0]
    compared = Compared(*row)
    if compared.others:
        # Few tenants have any, so the others don't pay for telling these rows apart.
        return replace(compare(tenant_id, False), others=compared.others)
    return compared


def changes(received: int, zeros: int, compared: Compared) -> tuple[int, int, int]:
    """The rows that the merge is about to insert, update and leave alone."""
    stored = compared.stored - compared.zeros
    # Deleting a row that is not stored changes nothing.
    unchanged = compared.equal + zeros - compared.zeros
    return received - zeros - stored, stored - compared.equal, unchanged


def count_lowered(tenant_id: int, compared: Compared) -> int:
    """How many stored customer-days have more impressions or value, all offers taken together,
    than the staged row."""
    if not compared.others:
        return compared.lower
    day = "s.customer_id, s.period_key, s.impressions, s.total_value"
    return db.value(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM staged_summary s"
        f" {looked_up(SAME_PERIOD)} GROUP BY {day} HAVING s.impressions < SUM(t.impressions)"
        # Exact up to 2^53; a sum of integers could overflow.
        " OR s.total_value < SUM(CAST(t.total_value AS DOUBLE PRECISION))) days",
        (tenant_id,),
    )
