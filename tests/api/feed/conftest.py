"""Readers of acme's feed, and what the service has."""

import json

import pytest

from tests.api.feed.replica import NDJSON, Replica
from tests.jobs.support import Bell


@pytest.fixture
def bell(app):
    """A queue that nobody works on."""
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def replica(client, headers):
    """A reader that has had nothing yet."""
    return Replica(client, headers("viewer"))


@pytest.fixture
def listed(client, headers):
    """The records as the list has them, by customer; with NDJSON unrounded."""
    key = headers("viewer")

    def ask(accept: str = "application/json") -> dict[str, dict]:
        url, records, cursor = "/api/v1/clv/records?limit=100", {}, ""
        if accept == NDJSON:
            answer = client.get(url.partition("?")[0], headers={**key, "Accept": accept})
            lines = map(json.loads, answer.text.splitlines())
            return {record["customerId"]: record for record in lines}
        while cursor is not None:
            page = client.get(f"{url}{cursor and f'&cursor={cursor}'}", headers=key).json
            records |= {record["customerId"]: record for record in page["data"]}
            cursor = page["pagination"]["cursor"]
        return records

    return ask
