"""Rows and times for the tests of the API."""

from datetime import UTC, datetime, timedelta

from clv import db


def days_ago(days: int) -> str:
    """Now, so many days ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def row(customer: str, days: int, impressions: int = 1, value: float = 0, **more) -> dict:
    """A daily summary row of a customer's last contact, so many days ago."""
    return {
        "customerId": customer,
        "periodType": "daily",
        "periodKey": days_ago(days)[:10],
        "impressions": impressions,
        "totalValue": value,
        "lastContactAt": days_ago(days),
        **more,
    }


def poison(customer_id: str) -> None:
    """Corrupt a customer behind the API's back, with the database's check switched off."""
    corrupt = "UPDATE interaction_summary SET impressions = -5 WHERE customer_id = %s"
    if db.is_sqlite():
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute(corrupt, (customer_id,))
        db.execute("PRAGMA ignore_check_constraints = 0")
        return
    name = "interaction_summary_impressions_check"
    db.execute(f"ALTER TABLE interaction_summary DROP CONSTRAINT IF EXISTS {name}")
    db.execute(corrupt, (customer_id,))
    db.execute(
        f"ALTER TABLE interaction_summary ADD CONSTRAINT {name}"
        " CHECK (impressions BETWEEN 0 AND 1000000000) NOT VALID"
    )
