"""Requests that send a file."""

import pytest

from tests.api.bulk_summaries.support import URL
from tests.api.support import sender


@pytest.fixture
def put(client, headers, tenant):
    """Send a file as an editor of acme."""
    return sender(client, URL, headers("editor"))
