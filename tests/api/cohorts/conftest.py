"""Full runs, and the cohorts as a viewer reads them."""

from collections.abc import Callable

import pytest

from clv import db
from clv.store import runs
from tests.api.cohorts.support import COHORTS
from tests.jobs.support import Bell, begin, complete


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
def read(client, headers) -> Callable[..., dict]:
    """Read the cohorts of acme."""
    key = headers("viewer")

    def get(query: str = "") -> dict:
        answer = client.get(f"{COHORTS}{query}", headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return get
