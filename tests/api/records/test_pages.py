"""Pages of records: their order, the total, and walks while batches run."""

import threading

import pytest

from clv import db
from clv.files import writer
from tests.api.records.support import CSV, NDJSON, SORTS, brute, of_csv, shown
from tests.api.support import row


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 33])
def test_a_walk_in_any_order_meets_all_who_tie(walk, records, job, sort, limit):
    kept = records[:50]
    found = walk(sort=sort, limit=limit, customerId=[r["customer_id"] for r in kept])
    assert found == [shown(r, job[1]) for r in brute(kept, {}, sort)]


def test_without_parameters_the_first_20_come_by_customer_id(get, records, job):
    answer = get()
    assert answer.json["data"] == [shown(r, job[1]) for r in brute(records, {}, "customerId")[:20]]
    assert list(answer.json["data"][0]) == list(shown(records[0], ""))
    assert answer.json["pagination"]["total"] == len(records)
    assert list(answer.json["pagination"]) == ["cursor", "hasMore", "total"]
    assert answer.headers["Vary"] == "Accept"


def test_without_records_the_list_is_empty(get):
    pagination = {"cursor": None, "hasMore": False, "total": 0}
    assert get().json == {"data": [], "pagination": pagination}
    assert get(CSV).text == ",".join(writer.COLUMNS) + "\n"
    assert get(NDJSON).data == b""


def test_the_total_is_there_where_it_is_cheap(client, get, headers, load, worker):
    load(*(row(f"c{n}", days) for n, days in enumerate([1, 1, 40])))
    assert client.post("/api/v1/clv/compute", headers=headers()).status_code == 200

    def total(**query):
        return get(**query).json["pagination"]["total"]

    assert (total(), total(segment="at_risk"), total(sort="-clvScore", limit=1)) == (3, 1, 3)
    assert total(minScore=0) is None
    assert total(minScore=0, count="true") == 3
    with db.scope():
        db.execute("UPDATE tenant SET customers = 10001")
        db.execute("DELETE FROM clv_record WHERE customer_id = 'c2'")
    # As of the run, since counting would take long.
    assert (total(), total(segment="at_risk"), total(segment="high")) == (3, 1, 2)
    assert (total(count="true"), total(segment="at_risk", count="true")) == (2, 0)
    with db.scope():
        db.execute("UPDATE run SET overview = NULL")
    assert total() is None


def test_a_walk_during_batches_meets_each_customer_once(
    app, client, headers, get, load, walk, worker
):
    names = [f"c{n:03}" for n in range(400)]
    load(*(row(name, 1 + n % 50, n + 1) for n, name in enumerate(names)))
    admin, stop, computed = headers(), threading.Event(), []

    def compute() -> None:
        while not stop.is_set():
            answer = app.test_client().post("/api/v1/clv/compute", headers=admin)
            computed.append(answer.json["computed"])

    assert client.post("/api/v1/clv/compute", headers=admin).status_code == 200
    batches = threading.Thread(target=compute)
    batches.start()
    try:
        for sort in ("customerId", "-customerId"):
            seen = []
            while len(computed) < 2 or not seen:
                seen = [entry["customerId"] for entry in walk(sort=sort, limit=3)]
                assert seen == sorted(names, reverse=sort[0] == "-")
                lines = of_csv(get(CSV, sort=sort).text)
                assert [line["customerId"] for line in lines] == seen
    finally:
        stop.set()
        batches.join()
    assert set(computed) == {400}
