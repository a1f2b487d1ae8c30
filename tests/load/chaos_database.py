"""The database of chaos: its customers, the log of what is written, and questions to it while it
drops connections."""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.services import loading
from clv.store import tenants
from clv.store.summaries import Summary
from tests.api.support import poison

# They can't be computed: each run must say so, and compute the others.
POISONED = 7
_LOG_TABLE = "CREATE TABLE upsert_log (run_id BIGINT, customer_id TEXT)"
_SQLITE_TRIGGER = """
CREATE TRIGGER log_{event} AFTER {event} ON clv_record
BEGIN INSERT INTO upsert_log VALUES (NEW.run_id, NEW.customer_id); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION log_upsert() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO upsert_log VALUES (NEW.run_id, NEW.customer_id); RETURN NULL; END'
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER log_upsert AFTER INSERT OR UPDATE ON clv_record
FOR EACH ROW EXECUTE FUNCTION log_upsert()
"""
_UNDONE = """
SELECT run.id, run.status, run.planned, run.plan_attempt, run.plan_lease_ms, shard.id,
    shard.attempt, shard.stuck, shard.lease_ms, shard.computed
FROM run LEFT JOIN shard ON shard.run_id = run.id AND NOT shard.done
WHERE run.status IN ('queued', 'running') ORDER BY run.id, shard.id
"""


@contextmanager
def own_database(kind: str, folder: Path, server_url: str | None = None) -> Iterator[str]:
    """The URL of an empty database, which is removed afterwards.

    :param server_url: of the PostgreSQL server to make it in
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / f'chaos-{uuid.uuid4().hex}.db'}"
        return
    assert server_url is not None
    name = f"clv_chaos_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def install_log() -> None:
    """Log each written record, in the transaction that writes it."""
    db.execute(_LOG_TABLE)
    if db.is_sqlite():
        for event in ("INSERT", "UPDATE"):
            db.execute(_SQLITE_TRIGGER.format(event=event))
    else:
        db.execute(_POSTGRESQL_FUNCTION)
        db.execute(_POSTGRESQL_TRIGGER)


def load(customers: int) -> str:
    """Make a tenant with so many customers; returns an admin key."""
    tenant = tenants.create_tenant("chaos")
    # A fit takes as long as it takes between two faults here, and three planners killed fail a run.
    db.execute("UPDATE tenant SET model = 'rfm' WHERE id = %s", (tenant.id,))
    loading.add_summaries(tenant, "daily", list(_summaries(customers, now_ms())))
    for n in range(POISONED):
        poison(f"c{n * customers // POISONED:06}")
    return keys.create_key(tenant, Role.ADMIN)


def _summaries(customers: int, now: int) -> Iterable[Summary]:
    """One to three days a customer, in the last year."""
    rng = random.Random(1)
    for n in range(customers):
        for day in rng.sample(range(1, 365), 1 + n % 3):
            period = (date.fromtimestamp(now / 1000) - timedelta(day)).isoformat()
            count, at = rng.randint(1, 9), now - day * DAY_MS
            value = rng.randint(0, 1_000_000)
            yield Summary(f"c{n:06}", period, "", "", "", count, 1, value, at, at)


def counts(query: str) -> int | None:
    """The number that a query counts; None while the database is out of reach."""
    try:
        with db.scope():
            return db.value(query)
    except db.ERRORS:
        return None


def undone() -> list[tuple]:
    """The runs that have not ended, with what is left of them."""
    with db.scope():
        return again(lambda: db.rows(_UNDONE))


def again(query: Callable[[], list]) -> list:
    """Ask a database that may just have dropped the connection."""
    for _ in range(5):
        try:
            return query()
        except db.ERRORS:
            db.disconnect()
            time.sleep(0.5)
    return query()
