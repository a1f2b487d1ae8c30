"""Workers and cron on a PostgreSQL that takes no changes for a while."""

import tempfile
from pathlib import Path

import psycopg
import pytest

from clv import db
from clv.config import Settings
from clv.store import runs, tenants
from tests.conftest import wait_until
from tests.jobs.operation.support import running
from tests.jobs.support import DAY, add_customers
from tests.support import outages, servers

CUSTOMERS = 60


@pytest.fixture
def standby(workspace, redis_url):
    """Settings with a PostgreSQL that takes no changes, and what makes it take them. The nightly
    run of its tenant is due."""
    folder = Path(tempfile.mkdtemp(dir=workspace)) / "pg"
    folder.parent.chmod(0o755)
    with servers.own_postgresql(folder, fsync="off") as own:
        chosen = Settings(database_url=own.url, redis_url=f"{redis_url}/5")
        with outages.another_database(chosen):
            db.migrate()
            add_customers(tenants.create_tenant("acme"), CUSTOMERS)
            db.execute("UPDATE tenant SET nightly_ms = nightly_ms - %s", (2 * DAY,))
            db.disconnect()
            with psycopg.connect(own.url, autocommit=True) as owner:

                def switch(state: str) -> None:
                    owner.execute("SET default_transaction_read_only = off")
                    owner.execute(f"ALTER SYSTEM SET default_transaction_read_only = {state}")
                    owner.execute("SELECT pg_reload_conf()")

                switch("on")
                yield chosen, lambda: switch("off")


def finished() -> bool:
    with db.scope():
        return [(run.status, run.computed) for run in runs.page(1, None, 9)] == [
            ("finished", CUSTOMERS)
        ]


def test_a_worker_that_starts_the_nightly_run_says_why_it_can_not_and_goes_on(standby, tmp_path):
    settings, takes_changes = standby
    options = {"SWEEP_SECONDS": "1", "WORKER_RUNS_CRON": "true"}
    with running(settings, tmp_path / "log", "jobs.worker", **options) as worker:
        worker.wait_for("sweep.failed", "read-only transaction (SQLSTATE 25006)")
        wait_until(lambda: len(worker.events("sweep.failed")) > 2, "it sweeps on")
        takes_changes()
        wait_until(finished, "the nightly run")
        assert len(worker.events("worker.started")) == 1 and worker.process.poll() is None
        assert "Traceback" not in worker.text


def test_cron_says_why_it_can_not_and_ends_when_it_is_told_to(standby, tmp_path):
    settings, _ = standby
    with running(settings, tmp_path / "log", "jobs.cron") as cron:
        cron.wait_for("cron.failed", "read-only transaction (SQLSTATE 25006)")
        assert cron.process.poll() is None
        cron.process.terminate()
        assert cron.process.wait(60) == 0
        cron.wait_for("cron.stopped")
        assert "Traceback" not in cron.text
