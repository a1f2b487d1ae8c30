"""Full runs, changes of the settings, and customers to forecast."""

import pytest

from clv import db
from tests.api.model.support import RECORDS, SETTINGS, fit
from tests.api.support import row
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


@pytest.fixture
def shop(tenant, load, run, client, headers):
    """Two buyers and a visitor, scored by the calibrated model."""
    load(
        row("one-time", 100, 1, 20, converts=1),
        *(row("regular", days, 1, 22.35, converts=1) for days in (272, 150, 59)),
        row("visitor", 1, 9),
    )
    run()
    fit()
    for customer in ("one-time", "regular", "visitor"):
        assert client.post(f"/api/v1/customers/{customer}/clv", headers=headers()).json


@pytest.fixture
def ask(client, headers):
    """GET as a viewer of acme."""
    key = headers("viewer")

    def get(query: str = "", accept: str = "application/json"):
        return client.get(f"{RECORDS}?{query}", headers={**key, "Accept": accept}, buffered=True)

    return get
