"""What tests of use cases share: a migrated SQLite database and a queue in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clv import db
from clv.config import Settings
from clv.store import tenants
from clv.store.tenants import Tenant
from tests.unit.memory_queue import MemoryQueue


@pytest.fixture
def local_settings(tmp_path: Path) -> Iterator[Settings]:
    """The settings of a database of the test's own; there is no Redis and no application."""
    chosen = Settings(database_url=f"sqlite:///{tmp_path / 'clv.db'}")
    db.configure(chosen)
    with db.scope():
        db.migrate()
        yield chosen
    db.database.close_all()


@pytest.fixture
def acme(local_settings: Settings) -> Tenant:
    """A tenant without data."""
    return tenants.create_tenant("acme")


@pytest.fixture
def queue() -> MemoryQueue:
    """A queue with one worker, which works on nothing."""
    return MemoryQueue()
