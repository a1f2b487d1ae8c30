"""Scored customers of a tenant, and requests for them."""

from urllib.parse import urlencode

import pytest

from clv import db
from clv.store import runs
from tests.api.records.support import URL, seeded
from tests.api.support import insert_records
from tests.jobs.support import begin


@pytest.fixture
def job(tenant) -> tuple[int, str]:
    """The ids of a run of acme."""
    with db.scope():
        run_id = begin()
        return run_id, runs.by_id(run_id).job_id


@pytest.fixture
def records(job) -> list[dict]:
    """The stored records of acme."""
    made = seeded(7, 150, job[0])
    insert_records(made)
    return made


@pytest.fixture
def get(client, headers, tenant):
    """GET the list as a viewer of acme."""
    key = headers("viewer")

    def ask(accept: str | None = None, **query):
        wanted = key if accept is None else {**key, "Accept": accept}
        return client.get(f"{URL}?{urlencode(query, doseq=True)}", headers=wanted, buffered=True)

    return ask


@pytest.fixture
def walk(get):
    """All entries of a list, page by page."""

    def through(**query) -> list[dict]:
        entries, cursor = [], {}
        while True:
            answer = get(**query, **cursor)
            assert answer.status_code == 200, answer.text
            entries += answer.json["data"]
            page = answer.json["pagination"]
            assert page["hasMore"] == (page["cursor"] is not None)
            if not page["hasMore"]:
                return entries
            assert len(answer.json["data"]) == query.get("limit", 20)
            cursor = {"cursor": page["cursor"]}

    return through
