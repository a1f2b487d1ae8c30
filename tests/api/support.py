"""Rows and times for the tests of the API."""

from datetime import UTC, datetime, timedelta


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
