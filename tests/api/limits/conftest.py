"""An application with a small limit, and a key of a test's own."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app import create_app
from tests.api.test_headers import ORIGIN


@pytest.fixture
def limited(app, settings) -> Iterator:
    """An application that allows a key 5 requests a day."""
    application = create_app(replace(settings, rate_limit="5/day", cors_origins=(ORIGIN,)))
    yield application
    application.extensions["clv"].queue.redis.close()


@pytest.fixture
def own_key(settings) -> str:
    """A key that no other test counts in the same Redis."""
    return f"key-{time.monotonic_ns()}"
