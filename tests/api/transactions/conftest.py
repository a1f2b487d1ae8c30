"""Requests that send a file of transactions."""

import pytest

from tests.api.transactions.support import PREVIEW, URL


@pytest.fixture
def sent(client, headers, tenant):
    """Send a file as an editor of acme; the answer."""
    key = headers("editor")

    def send(method, url, body, query=(), kind="text/csv"):
        data = body if isinstance(body, bytes) else body.encode()
        return client.open(
            url, method=method, data=data, query_string=query, content_type=kind, headers=key
        )

    return send


@pytest.fixture
def put(sent):
    """Load a file."""
    return lambda body, query=(), **more: sent("PUT", URL, body, query, **more)


@pytest.fixture
def preview(sent):
    """Preview a file."""
    return lambda body, query=(), **more: sent("POST", PREVIEW, body, query, **more)
