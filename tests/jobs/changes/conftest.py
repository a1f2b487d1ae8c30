"""Customers, and the two ways to write their scores."""

import pytest

from clv import db
from tests.jobs.changes.support import CUSTOMERS, Write, chunk_writer, write_singly
from tests.jobs.support import Bell, add_customers


@pytest.fixture
def bell(app):
    """A queue that nobody works on."""
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def customers(tenant):
    """Stored customers of acme, with the ids of CUSTOMERS."""
    add_customers(tenant, len(CUSTOMERS))


@pytest.fixture(params=["singly", "by a run"])
def write(request, customers, bell) -> Write:
    """Write scores as single computations do, or as a chunk of a run does."""
    if request.param == "singly":
        return write_singly
    with db.scope():
        return chunk_writer(bell)
