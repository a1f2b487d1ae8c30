"""Customers of acme, a bell, and a log of what was written."""

import pytest

from clv import db
from tests.jobs.faults.support import CUSTOMERS
from tests.jobs.support import (
    Bell,
    add_customers,
    counted_upserts,
)


@pytest.fixture
def bell(app):
    return Bell(app.extensions["clv"].queue.redis)


@pytest.fixture
def customers(tenant):
    add_customers(tenant, CUSTOMERS)


@pytest.fixture
def log(app):
    with db.scope(), counted_upserts():
        yield
