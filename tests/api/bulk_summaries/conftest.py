"""Requests that send a file."""

import pytest

from tests.api.bulk_summaries.support import URL


@pytest.fixture
def put(client, headers, tenant):
    """Send a file as an editor of acme."""
    key = headers("editor")

    def send(body, query: str = "", kind: str | None = "text/csv", **more):
        data = body if isinstance(body, bytes) else body.encode()
        return client.put(f"{URL}{query}", data=data, content_type=kind, headers=key, **more)

    return send
