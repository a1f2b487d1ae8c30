"""Full runs, and changes of the settings."""

import pytest

from clv import db
from tests.api.model.support import SETTINGS
from tests.jobs.support import Bell, begin, complete


@pytest.fixture
def run(app, tenant):
    """A full run of acme, in this process."""

    def compute(segment: str | None = None) -> None:
        with db.scope():
            complete(begin(segment), Bell(app.extensions["clv"].queue.redis))

    return compute


@pytest.fixture
def choose(client, headers):
    """Change acme's settings; the answer."""
    key = headers()

    def put(**changes) -> dict:
        answer = client.put(SETTINGS, json=changes, headers=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    return put
