"""Addresses, and the figures that a summary must have."""

SUMMARY = "/api/v1/clv/summary"
HISTORY = "/api/v1/clv/summary/history"
CHANGES = "/api/v1/clv/changes"
NOTHING = {
    "customers": 0,
    "meanScore": None,
    "revenue": 0,
    "predictedRevenue": 0,
    "revenueAtRisk": 0,
}
GROUP = list(NOTHING)


def customer_history_url(customer_id: str) -> str:
    """The address of a customer's history."""
    return f"/api/v1/customers/{customer_id}/clv/history"
