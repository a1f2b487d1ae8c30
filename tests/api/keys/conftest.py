"""A key that is in use."""

import pytest

from clv.auth import authentication
from tests.api.keys.support import CLV
from tests.api.support import row


@pytest.fixture
def key(client, load, headers, monkeypatch) -> dict[str, str]:
    """A viewer's key that was not used yet; the customer ``a`` has a record. Keys are believed for
    longer than a busy machine may stall."""
    monkeypatch.setattr(authentication, "CACHE_SECONDS", 600.0)
    load(row("a", 1))
    assert client.get(CLV, headers=headers("viewer")).status_code == 200
    return headers("viewer")
