"""Full runs, requests, and a tenant with the CDNOW log."""

from collections.abc import Callable

import pytest

from clv import db
from clv.config import ROOT
from clv.store import runs
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete

LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")


@pytest.fixture
def run(app, tenant) -> Callable[..., str]:
    """Work off a run of acme, of a segment or of everybody; its job id."""
    bell = Bell(app.extensions["clv"].queue.redis)

    def work(segment: str | None = None) -> str:
        with db.scope():
            run_id = begin(segment)
            complete(run_id, bell)
            return runs.by_id(run_id).job_id

    return work


@pytest.fixture
def get(client, headers) -> Callable[..., dict]:
    """Read as a viewer of acme."""
    key = headers("viewer")

    def read(url: str) -> dict:
        answer = client.get(url, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return read


@pytest.fixture
def shop(app, tenant, load):
    """The CDNOW log replayed until today in acme, with some who are special."""
    done = app.test_cli_runner().invoke(
        args=["import", LOG, "--tenant", "acme", "--replay-until", "now"]
    )
    assert done.exit_code == 0, done.output
    load(
        row("star", 0, 5_000, 99_999.99),
        row("refunded", 3, 2, -750.5),
        row("refunded-new", 3, 2, -0.0001),
        row("silent", 5, 0, 12.345, converts=1),
        *(row(f"new-{n}", n, n + 1, round(n * 1.005, 4)) for n in range(100)),
    )
