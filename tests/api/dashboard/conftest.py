"""A browser without a session, and keys to sign in with."""

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def client(app):
    """A browser that has not signed in; the pages are in no OpenAPI document."""
    app.test_client_class = FlaskClient
    return app.test_client()


@pytest.fixture
def key(headers):
    """A key of a role: ``key("viewer")``."""
    return lambda role="viewer", name="acme": headers(role, name)["Authorization"].split()[1]
