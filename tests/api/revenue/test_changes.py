"""Files, erasures and older versions of the service: the figures are those of what is stored."""

from clv import db
from clv.services import batch
from clv.store import revenue, tenants
from jobs.queue import JobQueue
from tests.api.revenue.conftest import REVENUE, SPRING, bought

FILE = "customer_id,date,amount\nann,2025-03-03,21\ndee,2025-04-02,5\n"


def by_month(ask) -> list[tuple]:
    names = ("period", "revenue", "customers", "newBuyers")
    return [tuple(each[name] for name in names) for each in ask(by="month")["data"]]


def put(client, key: dict, path: str, body: str) -> None:
    answer = client.put(f"/api/v1/{path}", data=body, content_type="text/csv", headers=key)
    assert answer.status_code == 200, answer.text


def test_a_file_replaces_days_and_another_everything(client, headers, load, ask):
    load(*SPRING)
    key = headers("editor")
    put(client, key, "transactions", FILE)
    assert by_month(ask) == [("2025-03", 41.5, 2, 2), ("2025-04", 62.34, 3, 2)]
    put(client, key, "transactions?replace=true", FILE)
    assert by_month(ask) == [("2025-03", 21.0, 1, 1), ("2025-04", 5.0, 1, 1)]


def test_nothing_of_an_erased_customer_is_left_in_the_sums(client, headers, load, ask):
    load(*SPRING)
    key = headers()
    assert client.delete("/api/v1/customers/ann", headers=key).status_code == 204
    assert by_month(ask) == [("2025-03", 20.5, 1, 1), ("2025-04", 12.34, 1, 1)]
    with db.scope():
        stored = db.rows("SELECT period_key FROM revenue_period ORDER BY 1")
    assert stored == [("2025-03-05",), ("2025-03-20",), ("2025-04-02",)]
    client.post("/api/v1/erasures", json={"customerIds": ["bo", "cy", "ann", "bo"]}, headers=key)
    with db.scope():
        assert not db.rows("SELECT 1 FROM revenue_period")
    assert ask()["data"] == []


def test_the_first_conversion_that_goes_makes_the_next_one_new(load, ask):
    load(*SPRING)
    load(bought("ann", "2025-03-03", 0, converts=0))
    assert by_month(ask) == [("2025-03", 20.5, 1, 1), ("2025-04", 57.34, 2, 2)]


def test_what_an_older_version_changed_is_added_up_when_somebody_asks(load, ask):
    load(*SPRING)
    with db.scope():
        db.execute("UPDATE interaction_summary SET total_value = 10000 WHERE customer_id = 'cy'")
        db.execute("UPDATE tenant SET data_updated_ms = data_updated_ms + 1")
    assert by_month(ask)[1] == ("2025-04", 46.0, 2, 1)
    load(bought("cy", "2025-04-02", 2))
    assert by_month(ask)[1] == ("2025-04", 47.0, 2, 1)


def test_data_from_before_the_update_are_added_up_when_somebody_asks(client, headers, load, ask):
    load(*SPRING, *(bought(f"d{n}", "2025-03-03", 1) for n in range(9)))
    with db.scope():
        db.execute("DELETE FROM revenue_period")
        db.execute("UPDATE tenant SET revenue_ms = NULL")
    # A few rows more don't make all of it.
    load(bought("cy", "2025-04-03", 1))
    with db.scope():
        assert not revenue.is_current(1) and not db.rows("SELECT 1 FROM revenue_period")
    assert by_month(ask) == [("2025-03", 49.5, 11, 11), ("2025-04", 58.34, 2, 1)]
    with db.scope():
        assert revenue.is_current(1)


def test_an_erasure_leaves_nothing_in_sums_that_are_out_of_date(client, headers, load):
    load(*SPRING)
    with db.scope():
        db.execute("UPDATE tenant SET data_updated_ms = data_updated_ms + 1")
    assert client.delete("/api/v1/customers/ann", headers=headers()).status_code == 204
    with db.scope():
        assert not db.rows("SELECT 1 FROM revenue_period")


def test_a_calculation_is_not_stored_when_the_data_have_changed_meanwhile(load, monkeypatch, ask):
    load(*SPRING)
    with db.scope():
        db.execute("UPDATE tenant SET revenue_ms = NULL")
        lock = tenants.lock_tenant

        def changing(tenant_id: int):
            monkeypatch.setattr(revenue, "lock_tenant", lock)
            db.execute("UPDATE tenant SET data_updated_ms = data_updated_ms + 1")
            return lock(tenant_id)

        monkeypatch.setattr(revenue, "lock_tenant", changing)
        assert not revenue.calculate(1)
        assert not revenue.is_current(1)
    assert by_month(ask)[0] == ("2025-03", 40.5, 2, 2)


def test_a_run_that_dates_the_data_back_leaves_the_sums_current(app, alone, client, headers, load):
    load(*SPRING)
    with db.scope():
        ahead = "data_updated_ms = data_updated_ms + 86400000, revenue_ms = revenue_ms + 86400000"
        db.execute(f"UPDATE tenant SET {ahead}")
    key = {**headers(), "Prefer": "respond-async"}
    assert client.post("/api/v1/clv/compute", headers=key).status_code == 202
    with db.scope():
        batch.work_for_tenant(1, JobQueue(app.extensions["clv"].queue.redis), alone)
        assert revenue.is_current(1)
        assert tenants.tenant_by_id(1).data_updated_ms < db.value(
            "SELECT revenue_ms + 1 FROM tenant"
        )


def test_a_deleted_tenant_leaves_no_sums(load, tenant):
    load(*SPRING)
    with db.scope():
        tenants.delete_tenant(tenant.id)
        assert not db.rows("SELECT 1 FROM revenue_period")


def test_another_tenant_has_its_own(client, headers, load):
    load(*SPRING)
    answer = client.get(REVENUE, headers=headers("viewer", "other"))
    assert answer.json["data"] == []
