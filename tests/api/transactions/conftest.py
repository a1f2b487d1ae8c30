"""Requests that send a file of transactions, and what comes of it."""

import pytest

from clv import db
from tests.api.transactions.support import PREVIEW, URL
from tests.jobs.support import Bell, begin, complete


@pytest.fixture
def sent(client, headers, tenant):
    """Send a file as an editor of acme; the answer."""
    key = headers("editor")

    def send(method, url, body, query=(), kind="text/csv"):
        data = body if isinstance(body, bytes) else body.encode()
        return client.open(
            url, method=method, data=data, query_string=query, content_type=kind, headers=key
        )

    return send


@pytest.fixture
def put(sent):
    """Load a file."""
    return lambda body, query=(), **more: sent("PUT", URL, body, query, **more)


@pytest.fixture
def preview(sent):
    """Preview a file."""
    return lambda body, query=(), **more: sent("POST", PREVIEW, body, query, **more)


@pytest.fixture
def days_of(client, headers, tenant):
    """Make acme's days those of a time zone."""
    key = headers("admin")

    def change(name: str) -> None:
        answer = client.put("/api/v1/settings", json={"timeZone": name}, headers=key)
        assert answer.status_code == 200, answer.text

    return change


@pytest.fixture
def scored(app, client, headers, tenant):
    """Run everybody of acme; the records by customer, each as a single computation has it."""
    key = headers("editor")

    def records() -> dict[str, dict]:
        with db.scope():
            complete(begin(), Bell(app.extensions["clv"].queue.redis))
        rows = client.get("/api/v1/clv/records?limit=100", headers=key).json["data"]
        for row in rows:
            for method in ("GET", "POST"):
                url = f"/api/v1/customers/{row['customerId']}/clv"
                alone = client.open(url, method=method, headers=key).json
                apart = {"source", "computedAt"}
                assert {name: row[name] for name in alone if name not in apart} == {
                    name: value for name, value in alone.items() if name not in apart
                }
        with db.scope():
            tenures = dict(db.rows("SELECT customer_id, tenure_days FROM clv_record"))
        return {row["customerId"]: {**row, "tenure": tenures[row["customerId"]]} for row in rows}

    return records
