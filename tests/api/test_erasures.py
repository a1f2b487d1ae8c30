"""Erasing many customers at once."""

import pytest

from clv import db
from clv.services import batch
from clv.store import removals, runs, tenants
from clv.store.summaries import erase_customers
from tests.api.support import poison, row

URL = "/api/v1/erasures"
TABLES = ("interaction_summary", "clv_record", "clv_change", "run_error")


@pytest.fixture
def erase(client, headers):
    key = headers()
    return lambda ids: client.post(URL, json={"customerIds": ids}, headers=key)


@pytest.fixture
def computed(app, tenant, load):
    """Customers who have something of everything; one can't be computed, one never was."""
    load(*(row(f"c{n}", n, 3, 10) for n in range(40)), row("poisoned", 1))
    with db.scope():
        poison("poisoned")
        run = runs.join_or_create(tenant.id, None, "test", 10**9)[0]
        parts = app.extensions["clv"]
        batch.work(run.id, parts.queue, parts.settings)
    load(row("new", 1), row("c0", 5, 1, 1))


def left(customer_ids) -> list[tuple[str, str]]:
    """Where something of these customers is left."""
    with db.scope():
        return [
            (table, customer_id)
            for table in TABLES
            for (customer_id,) in db.rows(f"SELECT customer_id FROM {table}")
            if customer_id in customer_ids
        ]


def test_many_are_erased_at_once_and_the_others_stay(client, headers, erase, computed):
    gone = [f"c{n}" for n in range(20)] + ["poisoned", "new"]
    assert {table for table, _ in left(gone)} == set(TABLES)
    others = left([f"c{n}" for n in range(20, 40)])
    answer = erase([*gone, "nobody", "c0", "Nobody"])
    assert (answer.status_code, answer.json) == (200, {"erased": 22, "notFound": 2})
    assert left(gone) == [] and left([f"c{n}" for n in range(20, 40)]) == others
    with db.scope():
        assert tenants.tenant_by_name("acme").customers == 20
    assert client.get("/api/v1/customers/c0/clv", headers=headers()).status_code == 404
    assert erase(gone).json == {"erased": 0, "notFound": 22}


def test_what_is_on_its_way_leaves_out_all_who_were_erased(tenant, erase, load):
    load(*(row(f"c{n}", 1) for n in range(4)))
    with db.scope():
        before = removals.last(tenant.id)
    erase(["c1", "c3", "nobody"])
    with db.scope():
        assert removals.last(tenant.id) == before + 2
        erased = removals.erased_since(tenant.id, before)
        assert erased.among([*(f"c{n}" for n in range(4)), "nobody"]) == ["c1", "c3"]


def test_a_thousand_are_erased_in_one_request_and_no_more(erase, load):
    ids = [f"c{n:04}" for n in range(1_000)]
    load(*(row(name, 1) for name in ids))
    answer = erase([*ids, "one-more"])
    assert answer.status_code == 400
    assert "Must have at most 1,000 items." in answer.json["message"]
    assert erase(ids).json == {"erased": 1_000, "notFound": 0}
    assert left(ids) == []


def test_another_tenants_customers_are_not_found(client, headers, erase, load):
    load(row("a", 1))
    other = client.post(URL, json={"customerIds": ["a"]}, headers=headers("admin", "other"))
    assert other.json == {"erased": 0, "notFound": 1}
    assert left(["a"]) == [("interaction_summary", "a")]


@pytest.mark.parametrize("ids", [[], ["a/b"], [""], [7], [None], None, "a", ["a", "."]])
def test_one_wrong_id_keeps_all(erase, load, ids):
    load(row("a", 1))
    answer = erase(ids)
    assert answer.status_code == 400 and "customerIds" in answer.json["errors"]["json"]
    assert left(["a"])


def test_a_failure_in_the_middle_leaves_all_of_them(tenant, erase, computed):
    ids = ["c1", "c2"]
    before = left(ids)
    with db.scope():
        db.execute("ALTER TABLE clv_change RENAME TO clv_change_away")
    try:
        with db.scope(), pytest.raises(Exception, match="clv_change"):
            erase_customers(tenant.id, ids)
    finally:
        with db.scope():
            db.execute("ALTER TABLE clv_change_away RENAME TO clv_change")
    assert left(ids) == before
    assert erase(ids).json == {"erased": 2, "notFound": 0}


def test_a_run_that_is_going_on_brings_nobody_back(app, tenant, erase, load):
    load(*(row(f"c{n}", 1) for n in range(9)))
    parts = app.extensions["clv"]
    with db.scope():
        run = runs.join_or_create(tenant.id, None, "test", 10**9)[0]
    assert erase(["c1", "c8"]).json == {"erased": 2, "notFound": 0}
    with db.scope():
        batch.work(run.id, parts.queue, parts.settings)
        assert db.value("SELECT COUNT(*) FROM clv_record") == 7
    assert left(["c1", "c8"]) == []
