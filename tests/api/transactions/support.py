"""Files of transactions, and what is stored of them."""

from clv import db

URL = "/api/v1/transactions"
PREVIEW = f"{URL}/preview"
HEADER = "customer_id,date,amount\n"
PLAIN = f"{HEADER}a,2026-04-30,10.5\nb,2026-04-29,3\na,2026-05-02,-2\n"


def stored() -> list[tuple]:
    """All rows of a tenant that has only transactions."""
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, impressions, converts, total_value"
            " FROM interaction_summary ORDER BY 1, 2"
        )
