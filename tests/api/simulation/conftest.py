"""Simulations of a viewer of acme, and customers of many kinds."""

import pytest

from tests.api.simulation.support import URL
from tests.api.support import row


@pytest.fixture
def ask(client, headers, tenant):
    key = headers("viewer")

    def send(changes=None, **more):
        body = {} if changes is None else {"json": changes}
        answer = client.post(URL, headers=key, **body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    return send


@pytest.fixture
def some(load):
    """Twelve customers: refunds, no interaction, silence, all alike."""
    load(
        row("refunded", 3, 2, -50),
        row("idle", 5, 0, 10, converts=1),
        row("silent", 400, 9, 900),
        *(row(f"same{n}", 10, 1, 5) for n in range(4)),
        *(row(f"c{n}", n * 7, n + 1, n * 100.25) for n in range(5)),
    )
