"""What comes in the feed, once and again, and which cursors it takes."""

import pytest

from clv import db
from clv.api.paging import encode
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS
from clv.services import feed, maintenance
from clv.services.customers import recompute_clv
from clv.store import runs, tenants
from tests.api.feed.replica import NDJSON, URL, Replica
from tests.api.support import row
from tests.jobs.support import begin, complete, compute_first_chunk, planned
from tests.support.removals import hmac_of

NOBODY = "the cursor of nothing"


@pytest.fixture
def customers(load):
    load(*(row(f"c{n}", n, n, n * 10.123) for n in range(1, 8)))
    return [f"c{n}" for n in range(1, 8)]


def run(bell) -> int:
    with db.scope():
        run_id = begin()
        complete(run_id, bell)
        return run_id


def compute(customer_id: str) -> None:
    with db.scope():
        recompute_clv(tenants.tenant_by_name("acme"), customer_id)


def kinds(entries: list[dict]) -> list[str]:
    return [entry.get("customerId", "removed") for entry in entries]


def test_without_a_cursor_all_records_come_as_the_list_has_them(replica, customers, bell, listed):
    run(bell)
    entries = replica.catch_up(limit=3)
    assert kinds(entries) == customers
    assert replica.records == listed()
    assert len({entry["id"] for entry in entries}) == len(customers)
    assert {entry["kind"] for entry in entries} == {"record"}


def test_a_stream_has_the_unrounded_records_and_a_cursor_at_its_end(
    replica, customers, bell, listed
):
    run(bell)
    replica.stream()
    assert replica.records == listed(NDJSON)
    assert replica.cursor
    replica.stream()
    assert len(replica.entries) == len(customers)


def test_without_anything_the_feed_is_empty_and_goes_on_later(replica, load, listed):
    assert replica.catch_up() == []
    load(row("ann", 1))
    assert replica.catch_up() == []
    compute("ann")
    assert kinds(replica.catch_up()) == ["ann"]
    assert replica.records == listed()


def test_what_is_written_and_removed_since_comes(
    replica, customers, bell, client, headers, load, listed
):
    run(bell)
    replica.catch_up()
    assert replica.catch_up() == []
    compute("c3")
    assert kinds(replica.catch_up()) == ["c3"]
    client.get("/api/v1/customers/c4/clv", headers={**headers(), "Cache-Control": "max-age=0"})
    client.post("/api/v1/customers/c5/clv", headers=headers())
    assert sorted(kinds(replica.catch_up())) == ["c4", "c5"]
    client.delete("/api/v1/customers/c1", headers=headers())
    load(row("c2", 2, 0))
    assert kinds(replica.catch_up()) == ["removed", "removed"]
    assert replica.records == listed() and sorted(replica.records) == customers[2:]
    run(bell)
    assert kinds(replica.catch_up()) == customers[2:]
    assert replica.catch_up() == []


def test_a_file_that_replaces_everything_removes_who_is_not_in_it(
    replica, customers, bell, client, headers, listed
):
    run(bell)
    replica.catch_up()
    head = "customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
    body = f"{head}c2,daily,2026-02-01,1,7.25,2026-02-01T09:00:00Z\n"
    url, kind = "/api/v1/interaction-summaries?replace=true", "text/csv"
    answer = client.put(url, data=body, headers=headers(), content_type=kind)
    assert answer.status_code == 200
    assert kinds(replica.catch_up(limit=2)) == ["removed"] * 6
    assert list(replica.records) == list(listed()) == ["c2"]


def test_who_comes_back_comes_after_the_removal(replica, customers, client, headers, load):
    compute("c1")
    replica.catch_up()
    client.delete("/api/v1/customers/c1", headers=headers())
    load(row("c1", 1))
    compute("c1")
    assert kinds(replica.catch_up()) == ["removed", "c1"]


def test_a_removal_names_the_customer_to_who_has_the_id(replica, customers, client, headers):
    compute("c1")
    replica.catch_up()
    client.delete("/api/v1/customers/c1", headers=headers())
    page = client.get(URL, query_string={"after": replica.cursor}, headers=headers()).json
    (entry,) = page["data"]
    assert set(entry) == {"id", "kind", "customerHmac", "at"}
    assert entry["customerHmac"] == hmac_of(page["removalKey"], "c1")
    stream = client.get(
        URL, query_string={"after": replica.cursor}, headers={**headers(), "Accept": NDJSON}
    )
    assert stream.headers["Removal-Key"] == page["removalKey"]
    (line,) = stream.text.splitlines()
    assert entry["customerHmac"] in line and entry["id"] in line and entry["at"] in line


def test_the_records_of_a_cancelled_run_come_when_it_has_ended(replica, customers, bell, listed):
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
    first = Replica(replica.client, replica.headers)
    first.catch_up()
    assert first.records == listed()
    with db.scope():
        runs.close(run_id, "cancelled", "for the test")
    assert kinds(first.catch_up()) == customers


def test_the_same_version_has_the_same_id_and_another_one_has_not(replica, customers, bell):
    run(bell)
    first = replica.catch_up()
    again = Replica(replica.client, replica.headers)
    assert again.catch_up(limit=2) == first
    run(bell)
    second = replica.catch_up()
    assert kinds(second) == kinds(first)
    assert not {entry["id"] for entry in first} & {entry["id"] for entry in second}


def test_a_reader_who_was_away_for_many_runs_reads_each_record_once(replica, customers, bell):
    replica.catch_up()
    other = Replica(replica.client, replica.headers)
    for _ in range(3):
        run(bell)
        other.catch_up()
    assert kinds(replica.catch_up(limit=1)) == customers


@pytest.mark.parametrize("cursor", [NOBODY, "", "bnVsbA==", "WzEsMl0=", "é"])
def test_what_is_no_cursor_is_refused(client, headers, cursor):
    answer = client.get(URL, query_string={"after": cursor}, headers=headers("viewer"))
    assert answer.status_code == 400
    assert list(answer.json["errors"]["query"]) == ["after"]


def test_the_cursor_of_another_tenant_is_refused(client, replica, customers, headers):
    replica.catch_up()
    other = headers("viewer", "globex")
    answer = client.get(URL, query_string={"after": replica.cursor}, headers=other)
    assert (answer.status_code, answer.json["code"]) == (400, 400)


def test_a_stream_has_no_limit(client, headers):
    answer = client.get(
        URL, query_string={"limit": 5}, headers={**headers("viewer"), "Accept": NDJSON}
    )
    assert answer.status_code == 400


def age(table: str, column: str, days: int) -> None:
    with db.scope():
        db.execute(f"UPDATE {table} SET {column} = %s", (now_ms() - days * DAY_MS,))


def assert_gone(replica: Replica) -> None:
    for accept in (NDJSON, "application/json"):
        answer = replica.client.get(
            URL,
            query_string={"after": replica.cursor},
            headers={**replica.headers, "Accept": accept},
        )
        assert (answer.status_code, answer.json["status"]) == (410, "Gone")
        assert "without `after`" in answer.json["message"]


def test_removals_that_are_no_longer_kept_are_gone(
    replica, customers, bell, client, headers, settings, listed
):
    run(bell)
    replica.catch_up()
    up_to_date = Replica(replica.client, replica.headers)
    client.delete("/api/v1/customers/c1", headers=headers())
    up_to_date.catch_up()
    age("removal", "at_ms", 31)
    with db.scope():
        maintenance.maintain(settings)
    assert_gone(replica)
    assert up_to_date.catch_up() == []
    replica.cursor, replica.records = None, {}
    replica.catch_up()
    assert replica.records == listed()


def test_runs_that_are_no_longer_kept_are_gone(replica, customers, bell, settings):
    replica.catch_up()
    with db.scope():
        run_id = planned(bell)
        compute_first_chunk(run_id, bell)
        runs.close(run_id, "failed", "for the test")
    run(bell)
    up_to_date = Replica(replica.client, replica.headers)
    up_to_date.catch_up()
    age("run", "finished_ms", 1_000)
    with db.scope():
        assert maintenance.maintain(settings).deleted["runs"] == 1
    assert_gone(replica)
    assert up_to_date.catch_up() == []


def test_a_cursor_of_a_later_time_than_the_database_knows_is_gone(replica, customers, bell):
    """As after it was restored from a backup."""
    run(bell)
    replica.catch_up()
    run(bell)
    replica.catch_up()
    with db.scope():
        db.execute("UPDATE feed SET latest = latest - 1")
    assert_gone(replica)


@pytest.mark.parametrize("part", feed.PARTS)
@pytest.mark.parametrize("place", ["since", "until", "removed", "removals", "number"])
def test_a_cursor_with_made_up_numbers_is_no_error_of_ours(
    replica, customers, bell, client, headers, tenant, place, part
):
    run(bell)
    values = {"since": 0, "until": 0, "removed": 0, "removals": 0, "part": part, "number": 0}
    values[place] = 2**63 - 1
    cursor = encode(tenant.id, *values.values(), "c")
    answer = client.get(URL, query_string={"after": cursor}, headers=headers("viewer"))
    assert answer.status_code == (200 if place == "number" else 410)


def test_a_feed_of_a_tenant_that_is_deleted_goes_with_it(replica, customers, bell, client, headers):
    run(bell)
    client.delete("/api/v1/customers/c1", headers=headers())
    replica.catch_up()
    with db.scope():
        tenants.delete_tenant(tenants.tenant_by_name("acme").id)
        assert db.rows("SELECT tenant_id FROM feed UNION SELECT tenant_id FROM removal") == []


def test_more_records_computed_singly_than_are_numbered_at_once_all_come(
    replica, customers, monkeypatch, listed
):
    monkeypatch.setattr("clv.store.feed.NUMBERED_AT_ONCE", 2)
    replica.catch_up()
    for customer in customers:
        compute(customer)
    assert sorted(kinds(replica.catch_up(limit=3))) == customers
    assert replica.records == listed()


def test_pages_and_streams_may_alternate_and_break_off(replica, customers, bell, listed):
    run(bell)
    replica.page(2)
    compute("c1")
    replica.stream(lines=2)
    run(bell)
    replica.page(1)
    replica.stream()
    assert replica.records == listed(NDJSON) or replica.catch_up() == []
    assert set(replica.records) == set(customers)
