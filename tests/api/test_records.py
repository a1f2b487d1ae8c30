"""GET /clv/records: pages and files of the scored customers."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from urllib.parse import urlencode

import pytest

from app import create_app
from clv import db
from clv.api import paging
from clv.domain import calendar
from clv.files import writer
from clv.store import runs, tenants
from tests.api.support import insert_records, numbered_records, row, unreadable_records
from tests.jobs.support import begin

URL = "/api/v1/clv/records"
SEGMENTS = ("high", "medium", "low", "at_risk")
AWKWARD = ["a,b", 'say "hi"', "=1+1", "a\u2028b", "Zoë 🎈", "100%", "x&y=z?#", "a+b", "\\"]
NOON = 1_775_217_600_000
CSV, NDJSON = "text/csv", "application/x-ndjson"


def seeded(seed: int, count: int, run_id: int | None, tenant_id: int = 1) -> list[dict]:
    """Records whose values often are the same, and often round to the same."""
    random = Random(seed)
    ids = [*AWKWARD, *(f"c{n:04}" for n in range(count - len(AWKWARD)))]
    return [
        {
            "tenant_id": tenant_id,
            "customer_id": customer_id,
            "score": random.choice([0.0, 100.0, 49.5, 49.4999, random.uniform(0, 100)]),
            "predicted_revenue": random.choice([0, 50, 149, 9_999_950, random.randrange(10**9)]),
            "churn_probability": random.choice([0.0, 0.1185, 1.0, random.random()]),
            "recency_days": random.choice([0, 29, 30, random.randrange(400)]),
            "frequency": random.choice([0, 1, random.randrange(10**9)]),
            "monetary": random.choice([0, -50, -149, random.randrange(-(10**9), 10**9)]),
            "segment": random.choice(SEGMENTS),
            "computed_ms": NOON + random.randrange(-3, 3) * 1_000,
            "run_id": random.choice([run_id, None]),
            "tenure_days": random.choice([0, 89, 90, random.randrange(400)]),
        }
        for customer_id in ids
    ]


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


def rounded(number, places: str) -> float:
    return float(Decimal(number).quantize(Decimal(places), ROUND_HALF_UP))


def shown(record: dict, job_id: str) -> dict:
    """A record as JSON shows it."""
    predicted, churn = record["predicted_revenue"], record["churn_probability"]
    return {
        "customerId": record["customer_id"],
        "clvScore": int(rounded(record["score"], "1")),
        "predictedRevenue": rounded(Decimal(predicted) / 10_000, "0.01"),
        "churnProbability": rounded(churn, "0.001"),
        "revenueAtRisk": rounded(Decimal(predicted * churn) / 10_000, "0.01"),
        "rfmRecency": record["recency_days"],
        "rfmFrequency": record["frequency"],
        "rfmMonetary": rounded(Decimal(record["monetary"]) / 10_000, "0.01"),
        "segment": record["segment"],
        "computedAt": calendar.iso(record["computed_ms"]),
        "jobId": None if record["run_id"] is None else job_id,
    }


FILTERS = {
    "segment": lambda r, v: r["segment"] == v,
    "customerId": lambda r, v: r["customer_id"] in v,
    "minScore": lambda r, v: r["score"] >= v,
    "maxScore": lambda r, v: r["score"] <= v,
    "minRecency": lambda r, v: r["recency_days"] >= v,
    "maxRecency": lambda r, v: r["recency_days"] <= v,
    "minFrequency": lambda r, v: r["frequency"] >= v,
    "minRevenue": lambda r, v: r["predicted_revenue"] >= Decimal(v) * 10_000,
    "minTenureDays": lambda r, v: r["tenure_days"] >= v,
    "computedAfter": lambda r, v: r["computed_ms"] > calendar.time_ms(v),
    "computedBefore": lambda r, v: r["computed_ms"] < calendar.time_ms(v),
}
ORDERS = {
    "customerId": lambda r: r["customer_id"],
    "clvScore": lambda r: r["score"],
    "predictedRevenue": lambda r: r["predicted_revenue"],
    "revenueAtRisk": lambda r: r["predicted_revenue"] * r["churn_probability"],
    "rfmRecency": lambda r: r["recency_days"],
}
SORTS = [f"{sign}{name}" for name in ORDERS for sign in ("", "-")]


def a_limit(name: str, records: list[dict], random: Random):
    """A value of a filter, mostly one that some record has."""
    one = random.choice(records)
    return {
        "segment": one["segment"],
        "customerId": [r["customer_id"] for r in random.choices(records, k=60)] + ["nobody"],
        "minScore": one["score"] / 2,
        "maxScore": one["score"],
        "minRecency": one["recency_days"] // 2,
        "maxRecency": one["recency_days"],
        "minFrequency": one["frequency"],
        "minRevenue": str(Decimal(one["predicted_revenue"]) / 10_000),
        "minTenureDays": one["tenure_days"],
        "computedAfter": calendar.iso(one["computed_ms"] - 1_000),
        "computedBefore": calendar.iso(one["computed_ms"] + 1),
    }[name]


def brute(records: list[dict], query: dict, sort: str) -> list[dict]:
    found = [r for r in records if all(FILTERS[name](r, query[name]) for name in query)]
    name = sort.lstrip("-")
    return sorted(
        found, key=lambda r: (ORDERS[name](r), r["customer_id"]), reverse=sort.startswith("-")
    )


def contradicts_itself(query: dict) -> bool:
    return (
        query.get("minScore", 0) > query.get("maxScore", 100)
        or query.get("minRecency", 0) > query.get("maxRecency", 10**9)
        or query.get("computedAfter", "1") >= query.get("computedBefore", "9")
    )


def test_every_filter_and_sort_is_what_a_plain_loop_finds(walk, get, records, job):
    random = Random(11)
    queries = [{name: a_limit(name, records, random)} for name in FILTERS]
    for _ in range(40):
        names = random.sample(list(FILTERS), random.randint(0, 4))
        queries.append({name: a_limit(name, records, random) for name in names})
    matched = 0
    for number, query in enumerate(queries):
        sort = SORTS[number % len(SORTS)]
        if contradicts_itself(query):
            continue
        expected = brute(records, query, sort)
        limit = random.choice([1, 7, 20, 100]) if len(expected) < 60 else 100
        found = walk(**query, sort=sort, limit=limit)
        assert found == [shown(r, job[1]) for r in expected], (query, sort)
        total = get(**query, count="true").json["pagination"]["total"]
        assert total == len(expected)
        matched += 0 < len(expected) < len(records)
    assert matched > 25


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


def test_scores_are_compared_unrounded(get, records):
    at_least = get(minScore=49.5, limit=100).json["data"]
    found = get(minScore=49.4999, maxScore=49.49995, limit=100).json["data"]
    assert {entry["clvScore"] for entry in found} == {49}
    assert not {entry["customerId"] for entry in at_least} & {e["customerId"] for e in found}


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


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"segment": "vip"}, "segment"),
        ({"customerId": "a/b"}, "customerId"),
        ({"customerId": ""}, "customerId"),
        ({"customerId": ["a", "b\0"]}, "customerId"),
        ({"customerId": ["a"] * 101}, "customerId"),
        ({"minScore": "x"}, "minScore"),
        ({"minScore": "nan"}, "minScore"),
        ({"minScore": "-1"}, "minScore"),
        ({"maxScore": "inf"}, "maxScore"),
        ({"maxScore": "100.1"}, "maxScore"),
        ({"minScore": "60", "maxScore": "50"}, "minScore"),
        ({"minRecency": "-1"}, "minRecency"),
        ({"minRecency": "1.5"}, "minRecency"),
        ({"minRecency": "9" * 5000}, "minRecency"),
        ({"maxRecency": str(2**63)}, "maxRecency"),
        ({"minRecency": "31", "maxRecency": "30"}, "minRecency"),
        ({"minFrequency": "many"}, "minFrequency"),
        ({"minRevenue": "1e10"}, "minRevenue"),
        ({"minRevenue": "0.00001"}, "minRevenue"),
        ({"minRevenue": "NaN"}, "minRevenue"),
        ({"minRevenue": "1e999999999"}, "minRevenue"),
        ({"minTenureDays": ""}, "minTenureDays"),
        ({"computedAfter": "yesterday"}, "computedAfter"),
        ({"computedAfter": "2026-04-03T12:00:00"}, "computedAfter"),
        ({"computedBefore": "1969-12-31"}, "computedBefore"),
        ({"computedAfter": "2026-04-04", "computedBefore": "2026-04-04"}, "computedAfter"),
        ({"sort": "score"}, "sort"),
        ({"sort": "--clvScore"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"count": "perhaps"}, "count"),
        ({"page": "2"}, "page"),
        ({"SEGMENT": "high"}, "SEGMENT"),
        ({"cursor": "!"}, "cursor"),
        ({"cursor": paging.encode("customerId", "a")}, "cursor"),
        ({"cursor": paging.encode("customerId", 1, "a")}, "cursor"),
        ({"cursor": paging.encode("-customerId", "a", "a")}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a")}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a"), "sort": "-clvScore"}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a\0"), "sort": "clvScore"}, "cursor"),
        ({"cursor": paging.encode("rfmRecency", 2**63, "a"), "sort": "rfmRecency"}, "cursor"),
    ],
)
@pytest.mark.parametrize("accept", [None, CSV])
def test_a_wrong_parameter_is_named(get, accept, query, parameter):
    answer = get(accept, **query)
    assert answer.status_code == 400, answer.text
    assert answer.mimetype == "application/json"
    assert list(answer.json["errors"]["query"]) == [parameter]
    assert parameter in answer.json["message"]


@pytest.mark.parametrize(
    "query",
    [
        {"minRecency": 2**63 - 1},
        {"minFrequency": 2**63 - 1},
        {"minTenureDays": 2**63 - 1},
        {"minRevenue": 1_000_000_000},
        {"computedAfter": "9999-12-31T23:59:59.999Z"},
        {"sort": "rfmRecency", "cursor": paging.encode("rfmRecency", 2**63 - 1, "a")},
        {"sort": "clvScore", "cursor": paging.encode("clvScore", 1e308, "a")},
        {"sort": "-clvScore", "cursor": paging.encode("-clvScore", -1e308, "a")},
        {"sort": "predictedRevenue", "cursor": paging.encode("predictedRevenue", 2**63 - 1, "a")},
        {"sort": "-revenueAtRisk", "cursor": paging.encode("-revenueAtRisk", -5e-324, "a")},
        {"cursor": paging.encode("customerId", "\U0010ffff", "\U0010ffff")},
    ],
)
def test_what_is_beyond_all_records_finds_none(get, records, query):
    answer = get(**query)
    assert (answer.status_code, answer.json["data"]) == (200, [])


@pytest.mark.parametrize(
    "query", [{"minRevenue": "-1"}, {"computedBefore": "2999-01-01"}, {"maxRecency": 2**63 - 1}]
)
def test_what_is_before_all_records_finds_all(get, records, query):
    assert get(**query, count="1").json["pagination"]["total"] == len(records)


@pytest.mark.parametrize("accept", [None, CSV, NDJSON])
def test_a_viewer_may_and_nobody_without_a_key(client, get, records, accept):
    assert get(accept).status_code == 200
    refused = client.get(URL, headers={"Accept": accept} if accept else {})
    assert (refused.status_code, refused.json["code"]) == (401, 401)


def test_records_of_another_tenant_are_never_listed(client, headers, get, records):
    key = headers("viewer", "other")
    with db.scope():
        other = tenants.tenant_by_name("other").id
    insert_records(seeded(3, 20, None, other))
    mine = {r["customer_id"] for r in records}
    theirs = client.get(f"{URL}?limit=100&count=1", headers=key).json
    assert (len(theirs["data"]), theirs["pagination"]["total"]) == (20, 20)
    assert {entry["jobId"] for entry in theirs["data"]} == {None}
    only_mine = sorted(mine - {entry["customerId"] for entry in theirs["data"]})[:50]
    found = client.get(f"{URL}?{urlencode({'customerId': only_mine}, doseq=True)}", headers=key)
    assert found.json["data"] == []
    cursor = get(sort="-clvScore").json["pagination"]["cursor"]
    after = client.get(f"{URL}?sort=-clvScore&cursor={cursor}&limit=100", headers=key).json["data"]
    assert all(entry in theirs["data"] for entry in after)
    file = client.get(URL, headers={**key, "Accept": NDJSON}).text
    assert file.count("\n") == 20
    assert get(CSV).text.count("\n") == len(records) + 1
    wrong = client.get(URL, headers={**key, "X-Tenant-Id": "acme", "Accept": CSV})
    assert wrong.status_code == 403


def of_csv(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def of_ndjson(text: str) -> list[dict]:
    # Lines end with a line feed and nothing else.
    return [json.loads(line) for line in text.splitlines()]


def as_shown(line: dict) -> dict:
    """A line of a file rounded like JSON."""
    money = {
        name: rounded(Decimal(str(line[name])), "0.01")
        for name in ("predictedRevenue", "revenueAtRisk", "rfmMonetary")
    }
    return {
        **{name: line[name] for name in shown_order() if name in line},
        **money,
        "clvScore": int(line["clvScore"]),
        "churnProbability": rounded(Decimal(float(line["churnProbability"])), "0.001"),
        "rfmRecency": int(line["rfmRecency"]),
        "rfmFrequency": int(line["rfmFrequency"]),
        "jobId": line["jobId"] or None,
    }


def shown_order() -> list[str]:
    return [name for name in writer.COLUMNS if name != "score"]


@pytest.mark.parametrize("query", [{}, {"segment": "high"}, {"minScore": 40, "maxRecency": 200}])
@pytest.mark.parametrize("sort", ["customerId", "-revenueAtRisk", "clvScore"])
def test_both_kinds_of_file_are_the_walk_unrounded(get, walk, records, job, query, sort):
    table, lines = get(CSV, sort=sort, **query), get(NDJSON, sort=sort, **query)
    assert table.text.startswith(",".join(writer.COLUMNS) + "\n")
    walked = walk(sort=sort, limit=100, **query)
    assert [as_shown(line) for line in of_csv(table.text)] == walked
    assert [as_shown(line) for line in of_ndjson(lines.text)] == walked
    expected = brute(records, query, sort)
    assert walked == [shown(r, job[1]) for r in expected]
    for found, stored in zip(of_ndjson(lines.text), expected, strict=True):
        assert found["score"] == stored["score"]
        assert found["churnProbability"] == stored["churn_probability"]
        assert Decimal(str(found["predictedRevenue"])) * 10_000 == stored["predicted_revenue"]
        assert Decimal(str(found["rfmMonetary"])) * 10_000 == stored["monetary"]


def test_a_file_has_the_headers_of_one(get, records):
    for accept, name in ((CSV, "clv-records.csv"), (NDJSON, "clv-records.ndjson")):
        answer = get(accept)
        assert answer.headers["Content-Type"] == f"{accept}; charset=utf-8"
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
        assert answer.headers["Vary"] == "Accept"
        assert answer.headers["X-Request-Id"]
        assert {
            line["customerId"] for line in (of_csv if accept == CSV else of_ndjson)(answer.text)
        }


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/html", "application/json"),
        ("application/x-parquet", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("nonsense", "application/json"),
        ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
        ("application/json, text/csv", "application/json"),
        (CSV, CSV),
        ("TEXT/CSV", CSV),
        ("text/csv; charset=utf-8", CSV),
        ("text/*", CSV),
        ("text/csv, */*;q=0.5", CSV),
        ("application/json;q=0.4, text/csv;q=0.5", CSV),
        (NDJSON, NDJSON),
        ("application/x-ndjson, text/csv;q=0.9", NDJSON),
    ],
)
def test_the_client_says_what_it_accepts(get, accept, mimetype):
    answer = get(accept)
    assert (answer.status_code, answer.mimetype) == (200, mimetype)


@pytest.mark.parametrize("name", ["limit", "cursor", "count"])
def test_what_belongs_to_pages_is_refused_for_a_file(get, records, name):
    value = get().json["pagination"]["cursor"] if name == "cursor" else "1"
    for accept in (CSV, NDJSON):
        answer = get(accept, **{name: value})
        assert answer.status_code == 400
        assert list(answer.json["errors"]["query"]) == [name]
    assert get(**{name: value}).status_code == 200


def test_a_head_request_tells_the_headers_and_sends_nothing(client, headers, records):
    key = {**headers("viewer"), "Accept": CSV}
    answer = client.head(URL, headers=key)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Disposition"]
    assert "Content-Length" not in answer.headers
    assert client.head(f"{URL}?limit=5", headers=key).status_code == 400


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


def test_a_file_read_while_records_change_has_each_customer_once(app, headers, tenant):
    records = numbered_records(9_000)
    insert_records(records)
    answer = app.test_client().get(URL, headers={**headers("viewer"), "Accept": CSV})
    pieces: Iterator[bytes] = iter(answer.response)
    text = next(pieces)
    kept = records[1::2]
    for number, piece in enumerate(pieces):
        text += piece
        # No transaction and no lock is left behind by a file that is being read.
        with db.scope(), db.transaction():
            db.execute("UPDATE clv_record SET score = 100 - score, segment = 'high'")
            gone = [r["customer_id"] for r in records[number * 10 : 9_000 : 500] if r not in kept]
            for customer_id in gone:
                db.execute("DELETE FROM clv_record WHERE customer_id = %s", (customer_id,))
        insert_records([{**records[0], "customer_id": f"new {number}"}])
    answer.close()
    ids = [line["customerId"] for line in of_csv(text.decode())]
    assert len(ids) == len(set(ids))
    assert set(ids) >= {r["customer_id"] for r in kept}


def test_no_connection_is_held_while_a_page_is_sent(settings, app, headers, tenant):
    insert_records(numbered_records(5_000))
    narrow = create_app(replace(settings, db_connections=7))
    key = {**headers("viewer"), "Accept": CSV}
    answers = [narrow.test_client().get(URL, headers=key) for _ in range(3)]
    for answer in answers:
        pieces = iter(answer.response)
        next(pieces)
        assert db.database.is_closed()
        next(pieces)
        assert db.database.is_closed()
        answer.close()


def test_a_file_that_cannot_begin_is_an_error_like_any_other(get, records):
    with unreadable_records():
        answer = get(CSV)
    assert answer.status_code in (500, 503)
    assert answer.json["message"] and "clv_record" not in answer.text


def test_at_most_half_of_the_threads_send_files(settings, app, headers, records):
    client = create_app(replace(settings, web_threads=2)).test_client()
    key = {**headers("viewer"), "Accept": CSV}
    first = client.get(URL, headers=key)
    refused = client.get(URL, headers=key)
    assert (refused.status_code, refused.json["code"]) == (503, 503)
    assert refused.headers["Retry-After"]
    assert client.get(URL, headers=headers("viewer")).status_code == 200
    first.close()
    with unreadable_records():
        assert client.get(URL, headers=key).status_code in (500, 503)
    for _ in range(3):
        with client.get(URL, headers=key) as again:
            assert again.text.count("\n") == len(records) + 1
        with client.head(URL, headers=key) as head:
            assert head.status_code == 200
