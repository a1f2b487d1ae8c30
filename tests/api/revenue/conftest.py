"""Days on which customers bought, and the answers about them."""

from collections.abc import Callable

import pytest

REVENUE = "/api/v1/clv/revenue"


def bought(customer: str, day: str, amount: float, converts: int = 1, **more) -> dict:
    """A daily summary: of conversions, or of a correction if there are none."""
    return {
        "customerId": customer,
        "periodType": "daily",
        "periodKey": day,
        "impressions": converts,
        "converts": converts,
        "totalValue": amount,
        "lastContactAt": f"{day[:10]}T12:00:00Z",
        **more,
    }


# In March two buy, and one gets something back; in April one of them returns, and one is new.
SPRING = [
    bought("ann", "2025-03-03", 20),
    bought("bo", "2025-03-05", 30.5, converts=2),
    bought("bo", "2025-03-20", -10, converts=0),
    bought("ann", "2025-04-01", 40),
    bought("ann", "2025-04-02", 5),
    bought("cy", "2025-04-02", 12.34),
]


@pytest.fixture
def ask(client, headers) -> Callable[..., dict]:
    """Ask for the revenue as a viewer of acme; returns the answer's body."""
    key = headers("viewer")

    def send(**query: str) -> dict:
        answer = client.get(REVENUE, query_string=query, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return send
