"""One connection for a whole test: staged tables belong to it."""

import pytest

from clv import db


@pytest.fixture(autouse=True)
def connection(tenant):
    """The connection, with the tenant acme."""
    with db.within(60):
        yield
