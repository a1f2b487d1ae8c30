"""Amounts of up to a trillion, whose sums may go beyond what the database holds."""

import pytest

from clv import db
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete

TRILLION = 10**12
# A BIGINT of 1/10,000 holds 922 trillion.
MOST = 922
TOO_LARGE = "The sum of the interaction summaries is too large."


@pytest.fixture
def key(headers):
    return headers("admin")


@pytest.fixture
def load_many(load):
    """Load this many rows of a customer, of a trillion each."""

    def send(customer: str, rows: int, value: float = TRILLION, **more) -> None:
        many = [row(customer, 1, value=value, offerId=f"{n:04}", **more) for n in range(rows)]
        for start in range(0, rows, 1_000):
            load(*many[start : start + 1_000])

    return send


def run(app) -> dict[str, str]:
    """Work off a run; the reasons of the customers that could not be computed."""
    with db.scope():
        run_id = begin()
        complete(run_id, Bell(app.extensions["clv"].queue.redis))
        rows = db.rows("SELECT customer_id, message FROM run_error WHERE run_id = %s", (run_id,))
    return dict(rows)


def test_the_largest_sum_is_scored_and_listed(app, client, load, load_many, key):
    load_many("rich", MOST)
    load_many("refunded", MOST, -TRILLION)
    load(row("other", 1, 1, 5))
    assert run(app) == {}
    rich = client.get("/api/v1/customers/rich/clv", headers=key).json
    assert rich["rfmMonetary"] == MOST * TRILLION
    # 24 of at least 6 months would be four times as much: the largest that is stored.
    assert rich["predictedRevenue"] == pytest.approx(2**63 / 10_000)
    again = client.post("/api/v1/customers/rich/clv", headers=key).json
    assert {**again, "source": "", "computedAt": ""} == {**rich, "source": "", "computedAt": ""}
    refunded = client.get("/api/v1/customers/refunded/clv", headers=key).json
    assert (refunded["rfmMonetary"], refunded["predictedRevenue"]) == (-MOST * TRILLION, 0)
    summary = client.get("/api/v1/clv/summary", headers=key).json
    assert (summary["customers"], summary["revenue"]) == (3, pytest.approx(5, abs=1e3))
    listed = client.get("/api/v1/clv/records?sort=-predictedRevenue", headers=key).json["data"]
    assert listed[0]["customerId"] == "rich"
    simulated = client.post("/api/v1/clv/simulate", json={}, headers=key).json
    assert sum(each["customers"] for each in simulated["before"]["segments"].values()) == 3


@pytest.mark.parametrize("value", [TRILLION, -TRILLION])
def test_a_sum_beyond_it_is_an_error_of_that_customer_alone(
    app, client, load, load_many, key, value
):
    load_many("beyond", MOST + 1, value)
    load(row("other", 1, 1, 5))
    assert run(app) == {"beyond": TOO_LARGE}
    assert client.get("/api/v1/customers/other/clv", headers=key).status_code == 200
    for url in ("/api/v1/customers/beyond/clv", "/api/v1/customers/beyond/clv/explanation"):
        answer = client.get(url, headers=key)
        assert answer.status_code == 500
        assert answer.json["message"].startswith(TOO_LARGE)
    assert client.get("/api/v1/clv/summary", headers=key).json["customers"] == 1


def test_corrections_beyond_it_are_told_or_shown(client, load, load_many, key):
    """PostgreSQL adds up beyond a BIGINT, SQLite does not; neither gives another number."""
    for n in range(0, 2_000, 400):
        load(
            *(
                row("a", 1, impressions, value, offerId=f"{at:04}-{impressions}")
                for at in range(n, n + 400)
                for impressions, value in ((0, -TRILLION), (1, TRILLION))
            )
        )
    assert client.get("/api/v1/customers/a/clv", headers=key).json["rfmMonetary"] == 0
    answer = client.get("/api/v1/customers/a/clv/explanation", headers=key)
    if answer.status_code == 200:
        assert answer.json["corrections"] == -2_000 * TRILLION
    else:
        assert "corrections is too large" in answer.json["message"]
