"""What a command printed, and what it stored."""

from clv import db
from clv.store import tenants


def acme():
    """The tenant as it is stored."""
    with db.scope():
        return tenants.tenant_by_name("acme")


def summaries():
    """All summaries, by customer and period."""
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, impressions, converts, total_value"
            " FROM interaction_summary ORDER BY customer_id, period_key"
        )


def table(text):
    """Tab-separated output as one dict a line."""
    head, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]
